"""Compiled code on the disk is used only where every file that it is made of is the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numba
import pytest

from restauro.numerics import dirichlet, kernel


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_the_stamp_of_compiled_code_covers_all_files() -> None:
    files = sorted(Path(kernel.__file__).parent.glob("*.py"))
    assert len(files) > 20
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    own, of_all = dirichlet._range._cache._cache_file._source_stamp
    assert of_all == digest
    assert own
