"""How many threads are asked for: one answer to a wrong number, whatever is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import restauro
from restauro.errors import ParameterError, ParameterTypeError
from restauro.evaluation.comparing import compare_file

PICTURE = np.zeros((8, 8), np.uint8)
NOWHERE = Path("there-is-no-such-picture.png")
CALLS: dict[str, Callable[[Any], object]] = {
    "inpaint": lambda workers: restauro.inpaint(PICTURE, np.eye(8, dtype=bool), workers=workers),
    "detect": lambda workers: restauro.detect(PICTURE, "losses", workers=workers),
    "detect_file": lambda workers: restauro.detect_file(NOWHERE, NOWHERE, kind="losses", workers=workers),
    "compare_file": lambda workers: compare_file(NOWHERE, [], mask=NOWHERE, workers=workers),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_wrong_numbers_of_workers(call: Callable[[Any], object]) -> None:
    for wrong in (0, -1):
        with pytest.raises(ParameterError, match=f"^workers={wrong} is out of range: it must be a whole number, 1 or"):
            call(wrong)
    for other in ("2", 1.5, True, [1]):
        with pytest.raises(ParameterTypeError, match=r"^workers must be a whole number, 1 or more, not .+\.$"):
            call(other)
