"""Project files: a session in one file, the picture with it, to be opened again anywhere.

It is a ZIP of what lies in a session's folder, with the session's name in project.json.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

from restauro.errors import ReadError
from restauro.web.session import LOG, Session

ENDING = ".restauro"
_ABOUT = "project.json"
_FILES = rf"picture(\.[a-z]+)?|{re.escape(LOG)}|\d+(-\d+)?\.npz|mask-\d+-\d+(\.[a-z]+)?"


def write_project(session: Session, target: Path) -> None:
    """Write a session to a project file."""
    with session.lock, zipfile.ZipFile(target, "w") as file:
        picture = session.about.picture
        file.writestr(_ABOUT, json.dumps({"name": session.about.name, "picture": f"picture{picture.suffix}"}))
        file.write(picture, f"picture{picture.suffix}")
        for path in sorted(session.folder.iterdir()):
            if path != picture and re.fullmatch(_FILES, path.name):
                file.write(path, path.name)


def read_project(path: Path, folder: Path, most_bytes: int) -> tuple[str, Path]:
    """Put what a project file holds into a new session's folder; return the picture's name and where it lies.

    Raises
    ------
    ReadError
        It isn't a project, or holds what none holds.
    """
    try:
        with zipfile.ZipFile(path) as file:
            about = json.loads(file.read(_ABOUT))
            name, picture = str(about["name"]), str(about["picture"])
            entries = [entry for entry in file.infolist() if entry.filename != _ABOUT]
            if picture not in (entry.filename for entry in entries) or not picture.startswith("picture"):
                raise ReadError("The project holds no picture: save it again.")
            if not all(re.fullmatch(_FILES, entry.filename) for entry in entries):
                raise ReadError("The file holds what no project holds: open one that was saved here.")
            if sum(entry.file_size for entry in entries) > most_bytes:
                raise ReadError(f"The project holds over {most_bytes // 1_000_000_000} GB, and so isn't opened.")
            for entry in entries:
                with file.open(entry) as source, (folder / entry.filename).open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    except ReadError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError):
        raise ReadError("The project can't be read, it is damaged or cut short: get a complete copy.") from None
    return name, folder / picture
