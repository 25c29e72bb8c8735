"""Compiled code on the disk is used only where every file that it is made of is the same."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
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


FORK = """
import os, signal, threading
from numba.core.compiler_lock import global_compiler_lock
from restauro.numerics.kernel import kernel

@kernel
def twice(number):
    return 2 * number

compiling = threading.Event()

def compile_something():
    with global_compiler_lock:
        compiling.set()
        threading.Event().wait(0.3)

thread = threading.Thread(target=compile_something)
thread.start()
compiling.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(twice(3) != 6)
thread.join()
assert twice(4) == 8
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_child_that_is_forked_while_another_thread_compiles_can_compile() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
