"""Files that training needs and restauro doesn't bring: fetched once, checked, kept in PyTorch's cache."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from restauro.errors import TrainingError


@dataclass(frozen=True)
class Download:
    """A file that can be fetched: its name in messages, its address, what its sha256 begins with, what else to do."""

    title: str
    url: str
    sha256: str
    otherwise: str

    def path(self) -> Path:
        """Return where the file is, fetched where PyTorch's cache (`torch.hub.get_dir()`) doesn't have it.

        It appears there only when it is whole.

        Raises
        ------
        TrainingError
            There is no network, or what came isn't the file.

        Examples
        --------
        >>> CIFAR10.url.rpartition("/")[2]
        'cifar-10-python.tar.gz'
        """
        path = Path(torch.hub.get_dir()) / "checkpoints" / self.url.rpartition("/")[2]
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                torch.hub.download_url_to_file(
                    self.url, str(path), hash_prefix=self.sha256, progress=sys.stderr.isatty()
                )
            except (OSError, RuntimeError) as error:
                raise TrainingError(
                    f"{self.title} can't be fetched from {self.url} ({error}): {self.otherwise}"
                ) from None
        return path


CIFAR10 = Download(
    "CIFAR-10 (170 MB)",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "name a folder that holds it with --data DIR.",
)
VGG16 = Download(
    "VGG-16 (528 MB)",
    "https://download.pytorch.org/models/vgg16-397923af.pth",  # torchvision's, and where torchvision keeps it
    "397923af",
    "name a file of its weights with --vgg FILE.",
)
