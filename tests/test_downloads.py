from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("pooch", reason="needs pooch: pip install 'restauro[eval]'")

from restauro.downloads import CIFAR10, VGG16, Download
from restauro.errors import DataError

WHOLE = hashlib.sha256(b"weights").hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESTAURO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Address of a file on a server of its own; it ends with the test."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "weights.pth").write_bytes(b"weights")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "served"))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/weights.pth"
        server.shutdown()
        thread.join()


def test_the_download_is_checked_kept_and_not_repeated(url: str, cache: Path, tmp_path: Path) -> None:
    download = Download("It", url, WHOLE, "give it.")
    path = download.path()
    assert path == cache / "weights.pth"
    assert path.read_bytes() == b"weights"
    (tmp_path / "served" / "weights.pth").unlink()
    assert download.path() == path


@pytest.mark.parametrize("known", ["0" * 64, WHOLE[:8] + "0" * 56], ids=["another", "of the same beginning"])
def test_a_file_of_another_hash_is_refused_and_not_kept(url: str, known: str, cache: Path) -> None:
    download = Download("VGG-16", url, known, VGG16.otherwise)
    with pytest.raises(DataError, match=r"VGG-16 can't be fetched from http:.*hash.*: name a file of its weights"):
        download.path()
    assert list(cache.iterdir()) == []


def test_a_file_that_was_changed_in_the_cache_is_fetched_again(url: str, cache: Path) -> None:
    cache.mkdir()
    (cache / "weights.pth").write_bytes(b"half of the wei")
    assert Download("It", url, WHOLE, "give it.").path().read_bytes() == b"weights"


def test_a_file_that_is_not_there_is_an_error_with_a_way_out(url: str) -> None:
    with pytest.raises(DataError, match=r"CIFAR-10 \(170 MB\) can't be fetched from http:.*404.*: name a folder"):
        Download(CIFAR10.title, f"{url}.gone", CIFAR10.sha256, CIFAR10.otherwise).path()


def test_addresses_are_safe_and_hashes_whole() -> None:
    assert all(download.url.startswith("https://") for download in (CIFAR10, VGG16))
    assert {len(download.sha256) for download in (CIFAR10, VGG16)} == {64}
    assert VGG16.url.endswith(f"-{VGG16.sha256[:8]}.pth")


def test_a_folder_of_the_name_is_no_file(cache: Path) -> None:
    (cache / "weights.pth").mkdir(parents=True)
    download = Download("It", "http://127.0.0.1:1/weights.pth", WHOLE, "give it.")
    with pytest.raises(
        DataError, match=r"It would be kept in .*weights\.pth, which is a folder: move it away, or give"
    ):
        download.path()
