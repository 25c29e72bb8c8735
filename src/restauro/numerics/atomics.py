"""Numbers that several threads share inside kernels, and a barrier made of them.

Numba has atomic operations for GPUs only; these three emit LLVM's for the processor. An array of int64 holds the
numbers. Where kernels run as plain Python, a lock makes the addition one step.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import numpy as np

from restauro.numerics.kernel import MODE, kernel

_SPINS_BEFORE_YIELDING = 400
_SPINS_BEFORE_SLEEPING = 500
_SLEEP = 10  # microseconds, and what the system adds


if MODE != "jit":
    _adding = threading.Lock()

    def atomic_add(array: Any, index: int, value: int) -> int:
        """Add to array[index]; return what it was."""
        with _adding:
            before = int(array[index])
            array[index] = before + value
        return before

    def atomic_load(array: Any, index: int) -> int:
        """Return array[index] as other threads left it."""
        return int(array[index])

    def yield_processor() -> None:
        """Let another thread run."""
        time.sleep(0)

    def sleep() -> None:
        """Leave the processor for a moment."""
        time.sleep(_SLEEP * 1e-6)

else:
    import numba
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
        structure = context.make_array(array_type)(context, builder, array)
        return cgutils.get_item_pointer(context, builder, array_type, structure, [index])

    @intrinsic  # type: ignore[untyped-decorator]
    def atomic_add(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
        """Add to array[index]; return what it was."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
            return builder.atomic_rmw("add", pointer, arguments[2], "seq_cst")

        return types.int64(array, types.intp, types.int64), generate

    @intrinsic  # type: ignore[untyped-decorator]
    def atomic_load(typing_context: Any, array: Any, index: Any) -> Any:
        """Return array[index] as other threads left it."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
            return builder.load_atomic(pointer, "acquire", 8)

        return types.int64(array, types.intp), generate

    if os.name == "posix":
        _sched_yield = types.ExternalFunction("sched_yield", types.int32())
        _usleep = types.ExternalFunction("usleep", types.int32(types.uint32))

        @numba.njit(nogil=True)  # type: ignore[untyped-decorator]
        def yield_processor() -> None:
            """Let another thread run."""
            _sched_yield()

        @numba.njit(nogil=True)  # type: ignore[untyped-decorator]
        def sleep() -> None:
            """Leave the processor for a moment."""
            _usleep(np.uint32(_SLEEP))

    else:

        @numba.njit(nogil=True)  # type: ignore[untyped-decorator]
        def yield_processor() -> None:
            """Let another thread run: spinning alone has to do here."""

        sleep = yield_processor


@kernel()
def wait_for_all(counter: Any, goal: int, control: Any) -> None:
    """Count this thread in, and wait until `goal` arrivals are counted or control[0] says stop.

    Usually the others are nearly there. A thread that waits longer sleeps, since the one it waits for may have lost its
    core to another program: the system moves that one to a core where nothing runs, not to one where a thread spins.
    """
    atomic_add(counter, 0, 1)
    spins = 0
    while atomic_load(counter, 0) < goal and atomic_load(control, 0) == 0:
        spins += 1
        if spins > _SPINS_BEFORE_SLEEPING:
            sleep()
        elif spins > _SPINS_BEFORE_YIELDING:
            yield_processor()
