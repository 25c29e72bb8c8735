"""Builds the library of compiled kernels: Numba compiles, LLVM writes an object file for a kind of processor, cc links.

python -m restauro.numerics.compiled.build [LEVEL [FOLDER [TARGET]]]

It needs Numba, which the library then doesn't, and a C compiler's driver for linking: cc, or the package ziglang.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from restauro.numerics.compiled import entries, library

_GLIBC = "2.17"  # of manylinux2014, for what zig links
# What a library may take from the system's, and nothing else: so it depends on no Python and no Numba.
_FROM_SYSTEM = {"malloc", "free", "sched_yield", "memcpy", "memmove", "memset"}
_OF_MATHS = {"sqrt", "exp", "exp2", "log", "log2", "pow", "sin", "cos", "tan", "atan2", "hypot", "floor", "ceil"}


def build(level: str, folder: Path = library.LIBRARIES, *, target: str = "") -> Path:
    """Build the library for a kind of processor, unless it is there, in a process of its own; return its path.

    Parameters
    ----------
    level
        x86-64-v2 or x86-64-v3.
    target
        A target of zig's, x86_64-linux-gnu.2.17 for one; by default this system, by cc where there is one.

    Raises
    ------
    subprocess.CalledProcessError
        It can't be compiled or linked; what is wrong has been written to stderr.
    """
    # Numba reads these when it is imported. Without features of this machine, code is for the level and nothing more.
    with tempfile.TemporaryDirectory(prefix="restauro-kernels-") as empty:
        variables = {
            "RESTAURO_KERNELS": "jit", "NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": empty,
            "NUMBA_DISABLE_JIT": "0", "PYTHONPATH": os.pathsep.join(sys.path),
        }  # fmt: skip
        command = [sys.executable, "-m", "restauro.numerics.compiled.build", level, str(folder), target]
        subprocess.run(command, check=True, env=os.environ | variables)
    return next(iter(folder.glob(f"{level}-{library.digest()}-numba*")))


def _kernels() -> Iterator[tuple[str, Any, list[str]]]:
    """Import all kernels; give the names, Numba's dispatchers and the signatures of those that Python calls."""
    from restauro import numerics
    from restauro.numerics.kernel import SIGNATURES

    for module in pkgutil.iter_modules(numerics.__path__, "restauro.numerics."):
        if not module.ispkg:
            importlib.import_module(module.name)
    for name, signatures in SIGNATURES.items():
        module_name, _, function = name.partition(".")
        if signatures:
            yield name, getattr(importlib.import_module(f"restauro.numerics.{module_name}"), function), signatures


def _compile(level: str, path: Path, target: str) -> None:
    """Compile all kernels, in this process, for the processor that Numba was told of, and link them."""
    import llvmlite.binding as llvm
    from numba.core.sigutils import normalize_signature

    modules: list[Any] = []
    kernels: dict[str, list[entries.Overload]] = {}
    for name, dispatcher, signatures in _kernels():
        overloads = kernels.setdefault(f"restauro.{name}", [])
        for signature in signatures:
            arguments, _ = normalize_signature(f"({signature},)")
            dispatcher.compile(arguments)
            compiled = dispatcher.overloads[arguments]
            module = compiled.library._get_module_for_linking().clone()
            code = compiled.fndesc.llvm_func_name
            parameters = [str(parameter.type) for parameter in module.get_function(code).arguments]
            overloads.append(entries.Overload(code, parameters, arguments, compiled.signature.return_type))
            modules.append(module)
    machine = llvm.Target.from_triple(modules[0].triple).create_target_machine(cpu=level, opt=3, reloc="pic")
    # The entries first: of what could be linked several times, LLVM takes what is already asked for.
    whole = llvm.parse_assembly(entries.module(kernels))
    whole.triple, whole.data_layout = modules[0].triple, modules[0].data_layout
    _optimised(llvm, whole, machine)
    for module in modules:
        whole.link_in(module)
    exported = {"restauro_setup", *kernels}
    for item in (*whole.functions, *whole.global_variables):
        if not item.is_declaration and item.name not in exported:
            item.linkage = "internal"
    _without_unused(llvm, whole, machine)
    declared = [item.name for item in (*whole.functions, *whole.global_variables) if item.is_declaration]
    missing = {name for name in declared if not name.startswith("llvm.")}
    missing -= _FROM_SYSTEM | _OF_MATHS | {f"{name}f" for name in _OF_MATHS}
    if missing:
        raise SystemExit(f"The kernels would need what only Numba has: {', '.join(sorted(missing))}.")
    with tempfile.TemporaryDirectory() as folder:
        object_file = Path(folder, "kernels.o")
        object_file.write_bytes(machine.emit_object(whole))
        linked = Path(folder, path.name)
        arguments_ = ["-shared", "-s", "-o", str(linked), str(object_file), "-lm"]
        subprocess.run([*_linker(target), *arguments_], check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(f"{level}-*"):
            old.unlink()
        part = path.with_name(f".{path.name}.part")
        shutil.copyfile(linked, part)
        part.replace(path)


def _optimised(llvm: Any, module: Any, machine: Any) -> None:
    """Put into the entries what they call."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)


def _without_unused(llvm: Any, module: Any, machine: Any) -> None:
    """Drop what no entry needs. Kernels themselves are as Numba has optimised them, to keep its bits."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=0))
    manager = builder.getModulePassManager()
    manager.add_global_dead_code_eliminate_pass()
    manager.run(module, builder)


def _linker(target: str) -> list[str]:
    if not target and shutil.which("cc"):
        return ["cc"]
    if importlib.util.find_spec("ziglang") is None:
        raise SystemExit("Linking needs a C compiler, cc, or zig: pip install ziglang.")
    return [sys.executable, "-m", "ziglang", "cc", *(["-target", target] if target else [])]


def main(level: str = "", folder: str = "", target: str = "") -> None:
    """Build in this process if it is the one that `build` has started, else by it; print the library's path."""
    level, where = level or library.levels()[0], Path(folder or library.LIBRARIES)
    if "NUMBA_CPU_NAME" not in os.environ:
        print(build(level, where, target=target))
        return
    import numba

    path = where / f"{level}-{library.digest()}-numba{numba.__version__}{library.SUFFIX}"
    if not path.exists():
        _compile(level, path, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
