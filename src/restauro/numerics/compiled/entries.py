"""What a library of kernels has beside them, as LLVM's text: an entry that Python calls.

An entry is a C function as Python calls its own, `entry(self, arguments, count)`. It compares the type of every
argument with one signature of the kernel after another, exactly, takes numbers and the addresses of arrays out of the
objects, lets go of the interpreter's lock, and calls the machine code. Arguments of which no signature is are handed
to `self`, a function that raises a TypeError. Nothing is converted, so nothing can be converted wrongly.

Objects are read where CPython and NumPy keep their contents: an object's type behind its reference count, an array's
fields as in NumPy's header `ndarraytypes.h` (PyArrayObject_fields, PyArray_Descr), which are the same from 1.26 to 2.x.
All else goes through functions of Python's stable interface. The library is linked against none of this: the loader
hands it a table of addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from restauro.numerics.compiled import runtime
from restauro.numerics.compiled.runtime import DTYPES, FUNCTIONS, OBJECTS

_CONTIGUOUS, _FORTRAN, _ALIGNED = 1, 2, 0x100  # bits of an array's flags


@dataclass(frozen=True)
class Overload:
    """Machine code of a kernel for one signature.

    Attributes
    ----------
    code
        The name of LLVM's function.
    parameters
        LLVM's types of its parameters: where to put the result and an exception, then the arguments, taken apart.
    arguments, result
        Numba's types.
    """

    code: str
    parameters: list[str]
    arguments: tuple[Any, ...]
    result: Any


def module(kernels: dict[str, list[Overload]]) -> str:
    """Return the text of a module with the runtime and an entry for every kernel, named by the dictionary's keys.

    Raises
    ------
    TypeError
        A signature has a type that entries don't know, or machine code takes other parameters than it should.
    """
    declared = {overload.code: overload.parameters for overloads in kernels.values() for overload in overloads}
    text = [runtime.text()]
    text += [f'declare i32 @"{code}"({", ".join(parameters)})' for code, parameters in sorted(declared.items())]
    text += [_Entry().of(name, overloads) for name, overloads in kernels.items()]
    return "\n".join(text)


class _Entry:
    """The text of one entry, as it grows."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._values = 0

    def of(self, name: str, overloads: list[Overload]) -> str:
        for number, overload in enumerate(overloads):
            self._try(number, overload, f"overload{number + 1}")
        self._lines.append(f"overload{len(overloads)}:")
        self._refuse()
        head = f'define ptr @"{name}"(ptr %self, ptr %arguments, i64 %count) {{\n  br label %overload0'
        return "\n".join([head, *self._lines, "}"])

    def _let(self, text: str) -> str:
        """Add an instruction and return the name of its value."""
        self._values += 1
        self._lines.append(f"  %v{self._values} = {text}")
        return f"%v{self._values}"

    def _do(self, text: str) -> None:
        self._lines.append(f"  {text}")

    def _label(self) -> str:
        self._values += 1
        return f"l{self._values}"

    def _call(self, function: str, *arguments: str) -> str:
        """Call a function of the interface."""
        result, taken = FUNCTIONS[function]
        address = self._let(f"load ptr, ptr @{function}.at")
        typed = ", ".join(f"{kind} {value}" for kind, value in zip(taken.split(", "), arguments, strict=False) if kind)
        call = f"call {result} {address}({typed})"
        if result == "void":
            self._do(call)
            return ""
        return self._let(call)

    def _go_on_if(self, condition: str, otherwise: str) -> None:
        label = self._label()
        self._do(f"br i1 {condition}, label %{label}, label %{otherwise}")
        self._lines.append(f"{label}:")

    def _try(self, number: int, overload: Overload, following: str) -> None:
        """Call the machine code if the arguments are of its signature."""
        self._lines.append(f"overload{number}:")
        self._go_on_if(self._let(f"icmp eq i64 %count, {len(overload.arguments)}"), following)
        taken = []
        for place, kind in enumerate(overload.arguments):
            pointer = self._let(f"getelementptr ptr, ptr %arguments, i64 {place}")
            taken.append((self._let(f"load ptr, ptr {pointer}"), kind))
        flat = [leaf for value, kind in taken for leaf in self._checked(value, kind, following)]
        values = [part for value, kind in flat for part in self._taken_apart(value, kind)]
        if [kind for kind, _ in values] != overload.parameters[2:] or overload.parameters[:2] != ["ptr", "ptr"]:
            raise TypeError(f"{overload.code} takes {overload.parameters}, not {[kind for kind, _ in values]}.")
        failed, out = self._label(), self._label()
        if any(str(kind) in ("int64", "uint64", "float64", "float32") for _, kind in flat):  # one may be too large
            self._go_on_if(self._let(f"icmp eq ptr {self._call('PyErr_Occurred')}, null"), failed)
        size = sum(_words(part) for part in _parts(overload.result))
        result = self._let(f"alloca [{max(1, size)} x i64]")
        self._do(f"store [{max(1, size)} x i64] zeroinitializer, ptr {result}")
        exception = self._let("alloca ptr")
        self._do(f"store ptr null, ptr {exception}")
        thread = self._call("PyEval_SaveThread")
        passed = ", ".join(f"{kind} {value}" for kind, value in [("ptr", result), ("ptr", exception), *values])
        status = self._let(f'call i32 @"{overload.code}"({passed})')
        self._call("PyEval_RestoreThread", thread)
        fine = self._let(f"or i1 {self._let(f'icmp eq i32 {status}, 0')}, {self._let(f'icmp eq i32 {status}, -2')}")
        self._do(f"br i1 {fine}, label %{out}, label %{failed}")
        self._lines.append(f"{failed}:")
        self._fail()
        self._lines.append(f"{out}:")
        self._do(f"ret ptr {self._returned(overload.result, result)}")

    def _fail(self) -> None:
        """Return with the exception that is set, or else with that there was no memory: kernels raise nothing else."""
        error = self._call("PyErr_Occurred")
        missing, there = self._label(), self._label()
        self._do(f"br i1 {self._let(f'icmp eq ptr {error}, null')}, label %{missing}, label %{there}")
        self._lines.append(f"{missing}:")
        self._call("PyErr_NoMemory")
        self._do(f"br label %{there}")
        self._lines.append(f"{there}:")
        self._do("ret ptr null")

    def _checked(self, value: str, kind: Any, otherwise: str) -> list[tuple[str, Any]]:
        """Go on only if an object is of a type; return the objects that it is made of, with their types."""
        name = str(kind)
        if hasattr(kind, "layout"):
            flags = _ALIGNED | {"C": _CONTIGUOUS, "F": _FORTRAN, "A": 0}[kind.layout]
            dtype = DTYPES.index(str(kind.dtype))
            test = self._let(f"call i1 @is_array(ptr {value}, i64 {dtype}, i32 {kind.ndim}, i32 {flags})")
        elif hasattr(kind, "types"):  # a tuple
            self._go_on_if(self._let(f"call i1 @is_tuple(ptr {value}, i64 {len(kind.types)})"), otherwise)
            items = [self._call("PyTuple_GetItem", value, str(place)) for place in range(len(kind.types))]
            pairs = zip(items, kind.types, strict=True)
            return [leaf for item, part in pairs for leaf in self._checked(item, part, otherwise)]
        elif name == "bool":
            test = self._let(f"call i1 @is_bool(ptr {value})")
        elif name == "none":
            test = self._let(f"icmp eq ptr {value}, {self._let('load ptr, ptr @None.at')}")
        else:
            of_python = {"int64": "int", "float64": "float"}.get(name)
            test = self._is_a(value, name)
            if of_python:
                test = self._let(f"or i1 {test}, {self._is_a(value, of_python)}")
        self._go_on_if(test, otherwise)
        return [(value, kind)]

    def _is_a(self, value: str, name: str) -> str:
        if name not in OBJECTS:
            raise TypeError(f"Entries know no {name}.")
        return self._let(f"call i1 @is_a(ptr {value}, ptr {self._let(f'load ptr, ptr @{name}.at')})")

    def _taken_apart(self, value: str, kind: Any) -> list[tuple[str, str]]:
        """Return what machine code is passed for an object, with LLVM's types."""
        name = str(kind)
        if hasattr(kind, "layout"):
            data = self._field(value, 16)
            shape, strides = self._field(value, 32), self._field(value, 40)
            lengths = [self._word(shape, axis) for axis in range(kind.ndim)]
            size = lengths[0]
            for length in lengths[1:]:
                size = self._let(f"mul i64 {size}, {length}")
            words = [*lengths, *(self._word(strides, axis) for axis in range(kind.ndim))]
            itemsize = max(1, kind.dtype.bitwidth // 8) if str(kind.dtype) != "bool" else 1
            return [("ptr", "null"), ("ptr", "null"), ("i64", size), ("i64", str(itemsize)), ("ptr", data),
                    *(("i64", word) for word in words)]  # fmt: skip
        if name == "bool":
            true = self._let(f"icmp eq ptr {value}, {self._let('load ptr, ptr @True.at')}")
            return [("i8", self._let(f"zext i1 {true} to i8"))]
        if name == "none":
            return [("ptr", "null")]
        if name == "int64":
            return [("i64", self._call("PyLong_AsLongLong", value))]
        if name == "uint64":
            return [("i64", self._let(f"call i64 @as_unsigned(ptr {value})"))]
        number = self._call("PyFloat_AsDouble", value)
        return (
            [("float", self._let(f"fptrunc double {number} to float"))] if name == "float32" else [("double", number)]
        )

    def _field(self, value: str, offset: int) -> str:
        return self._let(f"load ptr, ptr {self._let(f'getelementptr i8, ptr {value}, i64 {offset}')}")

    def _word(self, base: str, place: int) -> str:
        return self._let(f"load i64, ptr {self._let(f'getelementptr i64, ptr {base}, i64 {place}')}")

    def _returned(self, kind: Any, result: str) -> str:
        """Make Python's objects of what the machine code has written."""
        if str(kind) == "none":
            none = self._let("load ptr, ptr @None.at")
            self._call("Py_IncRef", none)
            return none
        made, word = [], 0
        for part in _parts(kind):
            place = self._let(f"getelementptr i64, ptr {result}, i64 {word}")
            made.append(self._object(part, place))
            word += _words(part)
        return self._tuple(made) if hasattr(kind, "types") else made[0]

    def _tuple(self, items: list[str]) -> str:
        bundle = self._call("PyTuple_New", str(len(items)))
        for place, item in enumerate(items):
            self._call("PyTuple_SetItem", bundle, str(place), item)
        return bundle

    def _object(self, kind: Any, place: str) -> str:
        if hasattr(kind, "layout"):
            if kind.layout != "C":
                raise TypeError(f"A kernel returns {kind}, which isn't contiguous, and it is copied as it lies.")
            numbers = [str(DTYPES.index(str(kind.dtype))), *(self._word(place, 5 + axis) for axis in range(kind.ndim))]
            bundle = self._tuple([self._call("PyLong_FromLongLong", number) for number in numbers])
            return self._let(f"call ptr @made(ptr {place}, ptr {bundle})")
        if str(kind) == "int64":
            return self._call("PyLong_FromLongLong", self._word(place, 0))
        if str(kind) == "float64":
            return self._call("PyFloat_FromDouble", self._let(f"load double, ptr {place}"))
        raise TypeError(f"Entries can't return {kind}.")

    def _refuse(self) -> None:
        """Let `self` say which types there are: it raises a TypeError."""
        bundle = self._call("PyTuple_New", "%count")
        loop, body, done = self._label(), self._label(), self._label()
        before = self._label()
        self._do(f"br label %{before}")
        self._lines.append(f"{before}:")
        self._do(f"br label %{loop}")
        self._lines.append(f"{loop}:")
        place = self._let(f"phi i64 [ 0, %{before} ], [ %next.place, %{body} ]")
        self._do(f"br i1 {self._let(f'icmp slt i64 {place}, %count')}, label %{body}, label %{done}")
        self._lines.append(f"{body}:")
        item = self._let(f"load ptr, ptr {self._let(f'getelementptr ptr, ptr %arguments, i64 {place}')}")
        self._call("Py_IncRef", item)
        self._call("PyTuple_SetItem", bundle, place, item)
        self._do(f"%next.place = add i64 {place}, 1")
        self._do(f"br label %{loop}")
        self._lines.append(f"{done}:")
        raised = self._call("PyObject_CallObject", "%self", bundle)
        self._call("Py_DecRef", bundle)
        self._do(f"ret ptr {raised}")


def _parts(kind: Any) -> list[Any]:
    if str(kind) == "none":
        return []
    return list(kind.types) if hasattr(kind, "types") else [kind]


def _words(kind: Any) -> int:
    """Return how many words of eight bytes a value takes in the memory of a result."""
    return 5 + 2 * kind.ndim if hasattr(kind, "layout") else 1
