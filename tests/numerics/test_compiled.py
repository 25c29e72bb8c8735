"""What a library computes is what the compiler's own code computes for the same kind of processor, bit for bit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from restauro.numerics import kernel

pytestmark = pytest.mark.skipif(kernel.MODE != "compiled", reason="kernels aren't in a library here")


def run(action: str, path: Path, **variables: str) -> list[str]:
    command = [sys.executable, "-m", "tests.numerics.recorded_calls", action, str(path)]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_signature_gives_the_bits_of_the_compiler(tmp_path: Path) -> None:
    run("record", tmp_path / "calls", RESTAURO_KERNELS="compiled")
    assert kernel.LIBRARY is not None
    variables = {
        "RESTAURO_KERNELS": "jit", "NUMBA_CPU_NAME": kernel.LIBRARY.level, "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }  # fmt: skip
    run("compile", tmp_path / "calls", **variables)
    *calls, total = run("repeat", tmp_path / "calls", **variables)
    assert [line for line in calls if not line.endswith(" same")] == []
    compared, of_all = re.fullmatch(r"(\d+) of (\d+) signatures", total).groups()  # type: ignore[union-attr]
    assert compared == of_all


def test_threads_change_no_bit_and_nothing_is_compiled() -> None:
    code = (
        "import sys\n"
        "import numpy as np, restauro\n"
        "from tests.numerics.recorded_calls import METHODS\n"
        "image = np.random.default_rng(1).normal(100, 30, (120, 150, 3)).clip(0, 255)\n"
        "hole = np.zeros((120, 150), bool)\n"
        "hole[20:60, 30:70] = hole[:, 100:104] = hole[90:93] = True\n"
        "for dtype in ('uint8', 'uint16', 'float32', 'float64'):\n"
        "    for method in METHODS:\n"
        "        one, two = (restauro.inpaint(image.astype(dtype), hole, method, workers=n) for n in (1, 2))\n"
        "        assert one.tobytes() == two.tobytes(), (dtype, method)\n"
        "print({'numba', 'llvmlite'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "set()\n", done.stderr
