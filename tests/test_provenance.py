from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from restauro import provenance
from restauro.errors import DataError


def test_names_and_contents_of_files_count(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    files = [tmp_path / "a", tmp_path / "b"]
    assert (
        provenance.digest_of_file(files[0])
        == provenance.digest_of_bytes(b"a")
        == f"sha256 {hashlib.sha256(b'a').hexdigest()}"
    )
    before = provenance.digest_of_files(files, tmp_path)
    files[1].write_bytes(b"c")
    assert provenance.digest_of_files(files, tmp_path) != before
    files[1].write_bytes(b"b")
    assert provenance.digest_of_files(files, tmp_path) == before
    files[1] = files[1].rename(tmp_path / "c")
    assert provenance.digest_of_files(files, tmp_path) != before
    with pytest.raises(DataError, match=r"nothing can't be read \(No such file or directory\)"):
        provenance.digest_of_file(tmp_path / "nothing")


@pytest.mark.parametrize("ending", [".data", "_data"])
def test_weights_beside_a_network_count(tmp_path: Path, ending: str) -> None:
    network = tmp_path / "net.onnx"
    network.write_bytes(b"graph")
    assert provenance.digest_of_network(network) == provenance.digest_of_file(network)
    weights = tmp_path / f"net.onnx{ending}"
    found = set()
    for content in (b"one", b"two"):
        weights.write_bytes(content)
        found.add(provenance.digest_of_network(network))
    assert len(found) == 2
