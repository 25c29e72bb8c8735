"""Eight numbers side by side, computed with at once: vector registers for runs of pixels that are short.

A compiler makes vector code of a loop by itself, and begins it with a dozen comparisons of where the arrays lie: too
many for a crack three pixels wide. In these terms a run of up to eight pixels is one pass without a loop. `load` reads
eight numbers from an index on, whatever they are; `store` writes the first `count` of eight, so what lies beyond a run
is read and never written. Arrays are contiguous and have `LANES` numbers more behind the last that is meant.

Processors may take a dozen times as long to write some lanes of a register as all of them. Where no other thread writes
the numbers behind the first `count` meanwhile, `rewrite` does the same sooner: it writes those as they were.

Without the compiler a vector is a NumPy array of eight.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from restauro.numerics.kernel import FAST_MATH, MODE

LANES = 8

if MODE != "jit":

    def load(array: Any, index: int) -> Any:
        """Return array[index : index + LANES] as a vector."""
        return array[index : index + LANES].copy()

    def store(array: Any, index: int, vector: Any, count: int) -> None:
        """Write the first `count` numbers of a vector to array[index : index + count]; all where it has fewer."""
        count = max(0, min(count, LANES))
        array[index : index + count] = vector[:count]

    rewrite = store

    def evens(a: Any, b: Any) -> Any:
        """Return every second number of two vectors, from the first on."""
        return np.concatenate([a, b])[::2]

    def lower_woven(a: Any, b: Any) -> Any:
        """Return the first half of two vectors' numbers in turn."""
        return np.stack([a, b], axis=1).ravel()[:LANES]

    def upper_woven(a: Any, b: Any) -> Any:
        """Return the second half of two vectors' numbers in turn."""
        return np.stack([a, b], axis=1).ravel()[LANES:]

else:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic, models, overload, register_model

    _INDEX = ir.IntType(32)

    class Vector(types.Type):  # type: ignore[misc]
        """Numba's type of eight numbers of a dtype."""

        def __init__(self, dtype: Any) -> None:
            self.dtype = dtype
            super().__init__(name=f"Vector({dtype} x {LANES})")

    @register_model(Vector)
    class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
        def __init__(self, manager: Any, vector: Any) -> None:
            super().__init__(manager, vector, ir.VectorType(manager.lookup(vector.dtype).get_value_type(), LANES))

    def _place(context: Any, builder: Any, signature: Any, arguments: Any, vector: Any) -> Any:
        """Return the pointer to arguments[0][arguments[1]], as one to a vector."""
        structure = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.bitcast(builder.gep(structure.data, [arguments[1]]), vector.as_pointer())

    def _spread(builder: Any, value: Any, vector: Any) -> Any:
        """Return a vector of one number."""
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(_INDEX, 0))
        return _shuffled(builder, first, first, [0] * LANES)

    def _shuffled(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
        return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INDEX, LANES), lanes))

    @intrinsic  # type: ignore[untyped-decorator]
    def load(typing_context: Any, array: Any, index: Any) -> Any:
        """Return array[index : index + LANES] as a vector."""
        vector = Vector(array.dtype)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _place(context, builder, signature, arguments, context.get_value_type(vector))
            return builder.load(place, align=array.dtype.bitwidth // 8)

        return vector(array, index), generate

    def _written(array: Any, vector: Any, write_some: Callable[..., None]) -> Any:
        """Return what writes the first `count` numbers of a vector; `write_some` does where they are fewer than all."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            of_array = context.get_value_type(Vector(array.dtype))
            place = _place(context, builder, signature, arguments, of_array)
            value = arguments[2]
            if vector.dtype.bitwidth > array.dtype.bitwidth:
                value = builder.fptrunc(value, of_array)
            elif vector.dtype.bitwidth < array.dtype.bitwidth:
                value = builder.fpext(value, of_array)
            whole = ir.IntType(64)
            left = context.cast(builder, arguments[3], signature.args[3], types.int64)
            lanes = ir.VectorType(whole, LANES)
            with builder.if_else(builder.icmp_signed(">=", left, ir.Constant(whole, LANES))) as (all_of_it, a_part):
                with all_of_it:
                    builder.store(value, place, align=array.dtype.bitwidth // 8)
                with a_part:
                    counted = ir.Constant(lanes, list(range(LANES)))
                    mask = builder.icmp_signed("<", counted, _spread(builder, left, lanes))
                    write_some(builder, value, place, mask, array.dtype.bitwidth)
            return context.get_dummy_value()

        return generate

    def _masked(builder: Any, value: Any, place: Any, mask: Any, bits: int) -> None:
        kind = ir.FunctionType(ir.VoidType(), [value.type, place.type, _INDEX, mask.type])
        masked = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.v{LANES}f{bits}.p0")
        builder.call(masked, [value, place, ir.Constant(_INDEX, bits // 8), mask])

    def _blended(builder: Any, value: Any, place: Any, mask: Any, bits: int) -> None:
        kept = builder.load(place, align=bits // 8)
        builder.store(builder.select(mask, value, kept), place, align=bits // 8)

    @intrinsic  # type: ignore[untyped-decorator]
    def store(typing_context: Any, array: Any, index: Any, vector: Any, count: Any) -> Any:
        """Write the first `count` numbers of a vector to array[index : index + count]; all where it has fewer."""
        return types.none(array, index, vector, count), _written(array, vector, _masked)

    @intrinsic  # type: ignore[untyped-decorator]
    def rewrite(typing_context: Any, array: Any, index: Any, vector: Any, count: Any) -> Any:
        """Do as `store` does, and write those of array[index : index + LANES] that lie behind as they are."""
        return types.none(array, index, vector, count), _written(array, vector, _blended)

    def _shuffle(a: Any, b: Any, lanes: list[int]) -> Any:
        """Return what an intrinsic is made of that takes numbers of two vectors, by lane."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _shuffled(builder, arguments[0], arguments[1], lanes)

        return a(a, b), generate

    @intrinsic  # type: ignore[untyped-decorator]
    def evens(typing_context: Any, a: Any, b: Any) -> Any:
        """Return every second number of two vectors, from the first on."""
        return _shuffle(a, b, [2 * lane for lane in range(LANES)])

    @intrinsic  # type: ignore[untyped-decorator]
    def lower_woven(typing_context: Any, a: Any, b: Any) -> Any:
        """Return the first half of two vectors' numbers in turn."""
        return _shuffle(a, b, [lane // 2 + LANES * (lane % 2) for lane in range(LANES)])

    @intrinsic  # type: ignore[untyped-decorator]
    def upper_woven(typing_context: Any, a: Any, b: Any) -> Any:
        """Return the second half of two vectors' numbers in turn."""
        return _shuffle(a, b, [(lane + LANES) // 2 + LANES * (lane % 2) for lane in range(LANES)])

    def _operation(operate: Callable[[Any, Any], Any], instruction: str) -> None:
        """Let two vectors, or a vector and a number, be operands; the result is as wide as the wider vector."""

        @intrinsic  # type: ignore[untyped-decorator]
        def computed(typing_context: Any, a: Any, b: Any) -> Any:
            wide = max((side.dtype for side in (a, b) if isinstance(side, Vector)), key=lambda dtype: dtype.bitwidth)
            result = Vector(wide)

            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                vector = context.get_value_type(result)
                sides = []
                for side, value in zip(signature.args, arguments, strict=True):
                    if not isinstance(side, Vector):
                        value = _spread(builder, context.cast(builder, value, side, wide), vector)
                    elif side.dtype != wide:
                        value = builder.fpext(value, vector)
                    sides.append(value)
                return getattr(builder, instruction)(*sides, flags=tuple(FAST_MATH))

            return result(a, b), generate

        @overload(operate)
        def with_vectors(a, b):  # type: ignore[no-untyped-def]  # Numba compares these names with those below
            is_number = [isinstance(side, (Vector, types.Number)) for side in (a, b)]
            if all(is_number) and (isinstance(a, Vector) or isinstance(b, Vector)):
                return lambda a, b: computed(a, b)
            return None

    for _operator, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
        _operation(_operator, _instruction)
