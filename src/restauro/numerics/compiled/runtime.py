"""The part of a library of kernels that is the same for all of them, as LLVM's text.

A table of addresses in Python and NumPy, what reads Python's objects by it, and what Numba's C helpers do.
"""

from __future__ import annotations

# The table that the loader fills: addresses of types and objects, and of functions. `library.py` knows them by name.
OBJECTS = (
    "ndarray",
    "int",
    "float",
    "tuple",
    "int64",
    "uint64",
    "float64",
    "float32",
    "None",
    "True",
    "False",
    "empty",
)
DTYPES = ("bool", "uint8", "uint16", "int32", "int64", "uint64", "float32", "float64")  # of arrays

FUNCTIONS = {  # function of the interface: what it gives, what it takes
    "PyLong_AsLongLong": ("i64", "ptr"),
    "PyLong_AsUnsignedLongLongMask": ("i64", "ptr"),
    "PyNumber_Index": ("ptr", "ptr"),
    "PyFloat_AsDouble": ("double", "ptr"),
    "PyLong_FromLongLong": ("ptr", "i64"),
    "PyFloat_FromDouble": ("ptr", "double"),
    "PyEval_SaveThread": ("ptr", ""),
    "PyEval_RestoreThread": ("void", "ptr"),
    "PyTuple_New": ("ptr", "i64"),
    "PyTuple_GetItem": ("ptr", "ptr, i64"),
    "PyTuple_SetItem": ("i32", "ptr, i64, ptr"),
    "PyTuple_Size": ("i64", "ptr"),
    "PyObject_CallObject": ("ptr", "ptr, ptr"),
    "PyErr_Occurred": ("ptr", ""),
    "PyErr_NoMemory": ("ptr", ""),
    "Py_IncRef": ("void", "ptr"),
    "Py_DecRef": ("void", "ptr"),
}

# What Numba's C helpers do, as far as kernels need it; and nothing, where the text of an exception would be made. A
# MemInfo is {references, destructor, its argument, data, size, allocator}, and what it counts lies behind it. The last
# function answers whether an array can be reshaped as it lies: where it is contiguous, and nowhere else.
_RUNTIME = """
declare ptr @malloc(i64)
declare void @free(ptr)

define ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %alignment) {
  %a = zext i32 %alignment to i64
  %room = add i64 %size, %a
  %all = add i64 %room, 48
  %m = call ptr @malloc(i64 %all)
  %failed = icmp eq ptr %m, null
  br i1 %failed, label %out, label %fill
fill:
  %p = ptrtoint ptr %m to i64
  %behind = add i64 %p, 47
  %up = add i64 %behind, %a
  %over = urem i64 %up, %a
  %place = sub i64 %up, %over
  %data = inttoptr i64 %place to ptr
  store i64 1, ptr %m
  %destructor = getelementptr i64, ptr %m, i64 1
  store ptr null, ptr %destructor
  %field = getelementptr i64, ptr %m, i64 3
  store ptr %data, ptr %field
  %length = getelementptr i64, ptr %m, i64 4
  store i64 %size, ptr %length
  br label %out
out:
  ret ptr %m
}

define ptr @NRT_MemInfo_alloc(i64 %size) {
  %m = call ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 16)
  ret ptr %m
}

define ptr @NRT_Allocate(i64 %size) {
  %p = call ptr @malloc(i64 %size)
  ret ptr %p
}

define void @NRT_Free(ptr %p) {
  call void @free(ptr %p)
  ret void
}

define void @NRT_MemInfo_call_dtor(ptr %m) {
  call void @free(ptr %m)
  ret void
}

@PyExc_RuntimeError = global ptr null

define void @PyErr_SetString(ptr %class, ptr %text) {
  ret void
}

define i64 @PyObject_Hash(ptr %object) {
  ret i64 0
}

define ptr @PyTuple_Pack(i64 %count, ...) {
  ret ptr null
}

define ptr @PyUnicode_FromKindAndData(i32 %kind, ptr %text, i64 %size) {
  ret ptr null
}

define i32 @numba_attempt_nocopy_reshape(
    i64 %nd, ptr %dims, ptr %strides, i64 %newnd, ptr %newdims, ptr %newstrides, i64 %itemsize, i32 %fortran) {
  %foreign = icmp ne i32 %fortran, 0
  br i1 %foreign, label %refuse, label %check
check:
  %i = phi i64 [ %nd, %0 ], [ %j, %next ]
  %wanted = phi i64 [ %itemsize, %0 ], [ %product, %next ]
  %checked = icmp sle i64 %i, 0
  br i1 %checked, label %set, label %look
look:
  %j = sub i64 %i, 1
  %dp = getelementptr i64, ptr %dims, i64 %j
  %d = load i64, ptr %dp
  %sp = getelementptr i64, ptr %strides, i64 %j
  %s = load i64, ptr %sp
  %fits = icmp eq i64 %s, %wanted
  %flat = icmp sle i64 %d, 1
  %fine = or i1 %fits, %flat
  %product = mul i64 %wanted, %d
  br i1 %fine, label %next, label %refuse
next:
  br label %check
set:
  %k = phi i64 [ %newnd, %check ], [ %l, %put ]
  %stride = phi i64 [ %itemsize, %check ], [ %further, %put ]
  %done = icmp sle i64 %k, 0
  br i1 %done, label %out, label %put
put:
  %l = sub i64 %k, 1
  %np = getelementptr i64, ptr %newstrides, i64 %l
  store i64 %stride, ptr %np
  %ndp = getelementptr i64, ptr %newdims, i64 %l
  %nd1 = load i64, ptr %ndp
  %further = mul i64 %stride, %nd1
  br label %set
out:
  ret i32 1
refuse:
  ret i32 0
}
"""


def text() -> str:
    """Return it all: the last two after the table of addresses and the function that fills it."""
    lines = [f"@{name}.at = internal global ptr null" for name in (*OBJECTS, *FUNCTIONS)]
    lines.append(f"@numbers = internal global [{2 * len(DTYPES)} x i32] zeroinitializer")
    lines.append("define void @restauro_setup(ptr %addresses, ptr %dtypes) {")
    for place, name in enumerate((*OBJECTS, *FUNCTIONS)):
        lines += [f"  %p{place} = getelementptr ptr, ptr %addresses, i64 {place}",
                  f"  %v{place} = load ptr, ptr %p{place}", f"  store ptr %v{place}, ptr @{name}.at"]  # fmt: skip
    for place in range(2 * len(DTYPES)):
        lines += [f"  %q{place} = getelementptr i32, ptr %dtypes, i64 {place}",
                  f"  %n{place} = load i32, ptr %q{place}",
                  f"  %r{place} = getelementptr i32, ptr @numbers, i64 {place}",
                  f"  store i32 %n{place}, ptr %r{place}"]  # fmt: skip
    return "\n".join([_RUNTIME, *lines, "  ret void", "}", _READING])


# An array: its type is ndarray's own, its dtype in the byte order of the machine one of two numbers (there may be two C
# types of a size), its dimensions as many as wanted, and of its flags those that are wanted are set.
_READING = """
define internal i1 @is_a(ptr %object, ptr %type) alwaysinline {
  %p = getelementptr i8, ptr %object, i64 8
  %t = load ptr, ptr %p
  %is = icmp eq ptr %t, %type
  ret i1 %is
}
define internal i1 @is_array(ptr %object, i64 %dtype, i32 %dimensions, i32 %flags) {
  %type = load ptr, ptr @ndarray.at
  %is = call i1 @is_a(ptr %object, ptr %type)
  br i1 %is, label %look, label %no
look:
  %d.p = getelementptr i8, ptr %object, i64 24
  %d = load i32, ptr %d.p
  %d.fits = icmp eq i32 %d, %dimensions
  %f.p = getelementptr i8, ptr %object, i64 64
  %f = load i32, ptr %f.p
  %f.set = and i32 %f, %flags
  %f.fits = icmp eq i32 %f.set, %flags
  %descr.p = getelementptr i8, ptr %object, i64 56
  %descr = load ptr, ptr %descr.p
  %order.p = getelementptr i8, ptr %descr, i64 26
  %order = load i8, ptr %order.p
  %swapped = icmp eq i8 %order, 62
  %native = xor i1 %swapped, true
  %n.p = getelementptr i8, ptr %descr, i64 28
  %n = load i32, ptr %n.p
  %first = mul i64 %dtype, 2
  %n1.p = getelementptr i32, ptr @numbers, i64 %first
  %n1 = load i32, ptr %n1.p
  %n2.p = getelementptr i32, ptr %n1.p, i64 1
  %n2 = load i32, ptr %n2.p
  %is1 = icmp eq i32 %n, %n1
  %is2 = icmp eq i32 %n, %n2
  %n.fits = or i1 %is1, %is2
  %a = and i1 %d.fits, %f.fits
  %b = and i1 %native, %n.fits
  %c = and i1 %a, %b
  ret i1 %c
no:
  ret i1 false
}
define internal i1 @is_tuple(ptr %object, i64 %length) {
  %type = load ptr, ptr @tuple.at
  %is = call i1 @is_a(ptr %object, ptr %type)
  br i1 %is, label %look, label %no
look:
  %size = load ptr, ptr @PyTuple_Size.at
  %n = call i64 %size(ptr %object)
  %fits = icmp eq i64 %n, %length
  ret i1 %fits
no:
  ret i1 false
}
define internal i1 @is_bool(ptr %object) {
  %true = load ptr, ptr @True.at
  %false = load ptr, ptr @False.at
  %a = icmp eq ptr %object, %true
  %b = icmp eq ptr %object, %false
  %c = or i1 %a, %b
  ret i1 %c
}
define internal i64 @as_unsigned(ptr %object) {
  %index = load ptr, ptr @PyNumber_Index.at
  %whole = call ptr %index(ptr %object)
  %failed = icmp eq ptr %whole, null
  br i1 %failed, label %no, label %yes
yes:
  %as = load ptr, ptr @PyLong_AsUnsignedLongLongMask.at
  %value = call i64 %as(ptr %whole)
  %release = load ptr, ptr @Py_DecRef.at
  call void %release(ptr %whole)
  ret i64 %value
no:
  ret i64 0
}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define internal ptr @made(ptr %result, ptr %dtype_and_shape) {
  %empty = load ptr, ptr @empty.at
  %make = load ptr, ptr @PyObject_CallObject.at
  %array = call ptr %make(ptr %empty, ptr %dtype_and_shape)
  %release = load ptr, ptr @Py_DecRef.at
  call void %release(ptr %dtype_and_shape)
  %failed = icmp eq ptr %array, null
  br i1 %failed, label %out, label %copy
copy:
  %n.p = getelementptr i64, ptr %result, i64 2
  %n = load i64, ptr %n.p
  %size.p = getelementptr i64, ptr %result, i64 3
  %size = load i64, ptr %size.p
  %bytes = mul i64 %n, %size
  %from.p = getelementptr i64, ptr %result, i64 4
  %from = load ptr, ptr %from.p
  %to.p = getelementptr i8, ptr %array, i64 16
  %to = load ptr, ptr %to.p
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  br label %out
out:
  %m = load ptr, ptr %result
  call void @forget(ptr %m)
  ret ptr %array
}
define internal void @forget(ptr %m) {
  %none = icmp eq ptr %m, null
  br i1 %none, label %out, label %count
count:
  %before = atomicrmw sub ptr %m, i64 1 acq_rel
  %last = icmp eq i64 %before, 1
  br i1 %last, label %end, label %out
end:
  call void @NRT_MemInfo_call_dtor(ptr %m)
  br label %out
out:
  ret void
}
"""
