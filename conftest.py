"""Where the documentation's examples run: in a folder of their own that holds examples/, so that they leave nothing."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

# The docstrings of restauro.training import PyTorch, which only the extra `train` brings.
collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["src/restauro/training/*"]


@pytest.fixture(autouse=True)
def _folder_of_the_docs(request: pytest.FixtureRequest) -> None:
    if request.node.path.suffix == ".md":
        folder: Path = request.getfixturevalue("tmp_path")
        shutil.copytree(Path(__file__).parent / "examples", folder / "examples")
        request.getfixturevalue("monkeypatch").chdir(folder)
