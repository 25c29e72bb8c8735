from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.errors import TrainingError
from restauro.training.downloads import CIFAR10, VGG16, Download


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))


def test_the_download_is_checked_kept_and_not_repeated(tmp_path: Path) -> None:
    source = tmp_path / "weights.pth"
    source.write_bytes(b"weights")
    download = Download("It", source.as_uri(), hashlib.sha256(b"weights").hexdigest(), "give it.")
    path = download.path()
    assert path.read_bytes() == b"weights"
    source.unlink()
    assert download.path() == path


def test_a_download_that_fails_says_what_to_do(tmp_path: Path) -> None:
    source = tmp_path / "weights.pth"
    download = Download("VGG-16", source.as_uri(), "00000000", VGG16.otherwise)
    with pytest.raises(TrainingError, match=r"VGG-16 can't be fetched from file:.*: name a file of its weights with"):
        download.path()
    source.write_bytes(b"weights")
    with pytest.raises(TrainingError, match=r"invalid hash value.*: name a file of its weights with --vgg FILE"):
        download.path()
    assert not list((tmp_path / "cache").rglob("*.pth"))


def test_addresses_are_safe_and_hashes_long_enough_for_the_files_in_question() -> None:
    assert all(download.url.startswith("https://") for download in (CIFAR10, VGG16))
    assert len(CIFAR10.sha256) == 64
