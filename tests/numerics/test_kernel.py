"""Kernels are found where they are compiled, called with exactly what they were compiled for, and kept up to date."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from restauro.numerics import dirichlet, edge_diffusion_kernels, kernel, march, multigrid_kernels, runs
from restauro.numerics.compiled import library
from tests.numerics.kernels import plain

in_library = pytest.mark.skipif(kernel.MODE != "compiled", reason="kernels aren't in a library here")
once = pytest.mark.skipif(kernel.MODE != "compiled", reason="a process of its own, that goes by no mode of ours")


@pytest.mark.skipif(kernel.MODE != "jit", reason="nothing is compiled here")
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

@kernel("i8")
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


def run_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)


@once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_child_that_is_forked_while_another_thread_compiles_can_compile() -> None:
    done = run_python(FORK, RESTAURO_KERNELS="jit")
    assert done.returncode == 0, done.stderr


SQUARES = """
import sys
from numba.core.sigutils import normalize_signature
from restauro.numerics.kernel import kernel, orderly_kernel

@orderly_kernel("f8, i8")
def orderly(x, n):
    return x**n

@kernel("f8, i8")
def free(x, n):
    return x**n

for made in (orderly, free) if sys.argv[1] == "orderly first" else (free, orderly):
    made.compile(normalize_signature("(f8, i8)")[0])
print(*("reassoc" in made.inspect_llvm(made.signatures[0]) for made in (orderly, free)))
"""


@once
@pytest.mark.parametrize("order", ["orderly first", "free first"])
def test_what_was_compiled_before_gives_a_kernel_no_liberties(order: str) -> None:
    command = [sys.executable, "-c", SQUARES, order]
    done = subprocess.run(command, env={**os.environ, "RESTAURO_KERNELS": "jit"}, capture_output=True, text=True)
    assert done.stdout == "False True\n", done.stderr


COMPILE_TWO = """
from restauro.numerics.kernel import kernel

@kernel("i8")
def twice(number):
    return 2 * number

@kernel("i8")
def thrice(number):
    return 3 * number

print(twice(2) + thrice(2))
"""


@once
def test_python_is_told_once_that_kernels_are_compiled() -> None:
    done = run_python(COMPILE_TWO, RESTAURO_KERNELS="jit")
    assert done.stdout == "10\n"
    assert done.stderr == (
        "Compiling kernels with Numba, the first time for this kind of picture: up to a minute for a method, kept for "
        "later runs.\n"
    )


@once
@pytest.mark.parametrize("mode", ["python", "jit"])
def test_the_variable_says_how_kernels_run(mode: str) -> None:
    done = run_python("from restauro.numerics import kernel; print(kernel.MODE)", RESTAURO_KERNELS=mode)
    assert done.stdout == f"{mode}\n", done.stderr


@once
def test_a_word_that_means_nothing_is_refused() -> None:
    done = run_python("import restauro.numerics.kernel", RESTAURO_KERNELS="fast")
    assert done.stderr.endswith("RESTAURO_KERNELS=fast means nothing: it is compiled, jit or python, or not set.\n")


WITHOUT = """
import sys
from pathlib import Path
from restauro.numerics.compiled import library
library.find = lambda: []
sys.modules["numba"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "numba" else found(name)
import restauro.numerics.kernel
"""


@once
def test_with_nothing_to_run_kernels_there_is_a_sentence_that_says_what_to_type() -> None:
    done = run_python(WITHOUT, RESTAURO_KERNELS="")
    assert "isn't installed: pip install 'restauro[jit]', or, in a clone, python3 dev.py kernels.\n" in done.stderr
    done = run_python(WITHOUT, RESTAURO_KERNELS="compiled")
    assert done.stderr.endswith("in a clone, python3 dev.py kernels builds them.\n")


def test_letters_in_signatures_stand_for_every_dtype_in_turn() -> None:
    with_two = kernel.spelled_out(("T[:], S[::1], T, i8",), {"T": "f4 f8", "S": "u1 b1"})
    assert with_two == [f"{t}[:], {s}[::1], {t}, i8" for t in ("f4", "f8") for s in ("u1", "b1")]


def test_every_kernel_that_python_calls_has_signatures() -> None:
    assert len(kernel.SIGNATURES) > 20
    assert kernel.SIGNATURES["runs._find"] == ["u1[::1], u8[::1], i8, i8"]
    assert kernel.SIGNATURES["multigrid_kernels.sweep"] == []  # which other kernels call
    assert plain(multigrid_kernels.sweep).__name__ == "sweep"


def test_a_library_is_named_by_what_it_is_made_of() -> None:
    path = Path(__file__).parents[2] / "src" / "restauro" / "numerics"
    content = b"".join(file.read_bytes() for file in sorted(path.rglob("*.py")))
    assert library.digest() == hashlib.sha256(content).hexdigest()[:16]


def test_a_library_of_other_sources_is_not_taken(tmp_path: Path) -> None:
    level = library.levels()[0]
    (tmp_path / f"{level}-0123456789abcdef-numba0.1{library.SUFFIX}").write_bytes(b"")
    assert library.find(tmp_path) == []
    own = [tmp_path / f"{level}-{library.digest()}-numba0.1-{part}{library.SUFFIX}" for part in ("edges", "fills")]
    for path in own:
        path.write_bytes(b"")
    assert library.find(tmp_path) == own


def add_arguments() -> list[object]:
    """What `add_holes` takes."""
    start = np.zeros(2, np.int32)
    return [np.zeros((2, 3), np.int32), start, start + 1, np.ones(9, np.float32), 2.0, np.zeros(9)]


@in_library
@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (0, np.zeros((2, 3), np.int64)),
        (0, np.zeros((3, 2), np.int32).T),
        (0, np.zeros((2, 3, 1), np.int32)),
        (1, np.ones(4, np.int32)[::2]),
        (1, [1, 1]),
        (1, None),
        (3, np.ones(9)),
        (3, np.ones(9, ">f4")),
        (3, np.ones(9, np.float32).view(np.matrix)),
        (3, np.frombuffer(bytearray(37), np.uint8)[1:].view(np.float32)),
        (4, np.float32(1)),
        (5, 1.0),
    ],
)
def test_what_a_kernel_was_not_compiled_for_is_a_type_error(place: int, wrong: object) -> None:
    given = add_arguments()
    edge_diffusion_kernels.add_holes(*given)
    given[place] = wrong
    with pytest.raises(TypeError, match=r"add_holes was called with \(.*\); it takes i4\[:, ::1\], i4"):
        edge_diffusion_kernels.add_holes(*given)
    with pytest.raises(TypeError, match="add_holes was called with"):
        edge_diffusion_kernels.add_holes(*given[:3])


@in_library
def test_numbers_are_taken_as_they_are_or_not_at_all() -> None:
    values, hole, picture = np.ones((1, 1), np.float32), np.ones((1, 1), bool), np.zeros((1, 1, 1))
    for low, high, whole in ((0.0, np.float64(0.5), False), (np.float64(0), 0.5, False)):
        runs.store(values, hole, picture, low, high, whole)
        assert picture[0, 0, 0] == 0.5
    for wrong in (
        (0, 0.5, False),
        (0.0, np.float32(0.5), False),
        (0.0, 0.5, 0),
        (0.0, 0.5, np.False_),
        ("", 0.5, True),
    ):
        with pytest.raises(TypeError, match="store was called with"):
            runs.store(values, hole, picture, *wrong)
    T = np.full((5, 5), 3, np.int32)
    march.reset(T, np.int64(1), 7)
    assert (T == 7).all()
    for wrong_sign in (True, np.int32(1), 1.0):
        with pytest.raises(TypeError, match="reset was called with"):
            march.reset(T, wrong_sign, 7)
    with pytest.raises(OverflowError):
        march.reset(T, 1 << 70, 7)


@in_library
def test_an_array_of_an_equal_dtype_is_taken() -> None:
    import pickle

    given = [pickle.loads(pickle.dumps(array)) for array in add_arguments()]
    edge_diffusion_kernels.add_holes(*given)
    assert given[5][0] == 2
    row_start, bounds = np.array([0, 2]), np.array([0, 9], np.int32)
    for same in (row_start, row_start.astype(np.longlong)):  # as large as the other, and another of C's types
        assert runs.label(same, bounds, bounds + 3, 2).tolist() == [0, 1]


@in_library
def test_arrays_that_kernels_make_are_pythons_own() -> None:
    row_start, start, stop = np.array([0, 2]), np.array([0, 9], np.int32), np.array([3, 12], np.int32)
    labels = runs.label(row_start, start, stop, 2)
    assert labels.tolist() == [0, 1]
    assert labels.flags.owndata
    assert labels.flags.writeable
    held = sys.getrefcount(start)
    for _ in range(100):
        runs.label(row_start, start, stop, 2)
    assert sys.getrefcount(start) == held


@in_library
def test_a_kernel_in_a_library_has_its_name_and_what_it_says() -> None:
    assert runs.label.__name__ == "label"
    assert runs.label.__doc__ == plain(runs.label).__doc__
