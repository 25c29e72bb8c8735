"""Files that training and evaluation need and restauro doesn't bring: fetched once, checked, kept in a cache."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from restauro.errors import DataError


@dataclass(frozen=True)
class Download:
    """A file that can be fetched.

    Attributes
    ----------
    title
        Its name in messages.
    url
        Its address.
    sha256
        Its hash.
    otherwise
        What else a user can do, for messages.
    """

    title: str
    url: str
    sha256: str
    otherwise: str

    def path(self) -> Path:
        """Return where the file is, fetched where the cache doesn't have it.

        The cache is `restauro` in the user's folder of caches (on Linux `~/.cache`), or the folder that
        RESTAURO_CACHE names. The file appears there only when it is whole; one that isn't the file that was meant is
        fetched again.

        Raises
        ------
        DataError
            There is no network, what came isn't the file, or pooch isn't installed.

        Examples
        --------
        >>> CIFAR10.url.rpartition("/")[2]
        'cifar-10-python.tar.gz'
        """
        try:
            import pooch
        except ImportError:
            raise DataError(
                f"{self.title} is fetched by pooch: pip install 'restauro[eval]', or {self.otherwise}"
            ) from None
        pooch.get_logger().setLevel(logging.WARNING)
        folder = Path(os.environ.get("RESTAURO_CACHE") or pooch.os_cache("restauro"))
        path = folder / self.url.rpartition("/")[2]
        if path.is_file() and self._is(path):
            return path
        if path.is_dir():
            raise DataError(
                f"{self.title} can't be fetched. It would be kept in {path}, which is a folder: move it away, or "
                f"{self.otherwise}"
            )
        path.unlink(missing_ok=True)
        try:
            pooch.retrieve(self.url, f"sha256:{self.sha256}", fname=path.name, path=folder)
        except (OSError, ValueError) as error:  # no network; another hash
            reason = str(error).partition("\n")[0].rstrip(".")
            raise DataError(f"{self.title} can't be fetched from {self.url} ({reason}): {self.otherwise}") from None
        return path

    def _is(self, path: Path) -> bool:
        """Say whether a file is the one that is meant."""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


CIFAR10 = Download(
    "CIFAR-10 (170 MB)",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "name a folder that holds it.",
)
VGG16 = Download(
    "VGG-16 (528 MB)",
    "https://download.pytorch.org/models/vgg16-397923af.pth",  # torchvision's
    "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    "name a file of its weights.",
)
