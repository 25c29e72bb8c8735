"""Builds the library of compiled kernels: Numba compiles, LLVM writes an object file for a kind of processor, cc links.

python -m restauro.numerics.compiled.build [all|first [LEVEL [FOLDER [TARGET]]]]

It needs Numba, which the library then doesn't, and a C compiler's driver for linking: cc, or the package ziglang.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from restauro.numerics.compiled import entries, library

# A library is a file for each of these parts, which hold the kernels of these modules and, the last one, of all others.
# Each is compiled by a process of its own, two at once, so there are pairs that take about as long. The first pair is
# what restoring a picture with the default method takes.
PARTS: dict[str, set[str]] = {
    "solver": {"conjugate_gradients", "runs"},
    "edges": {
        "dirichlet", "edge_diffusion_kernels", "galerkin", "guide_lines", "hierarchy", "hole_tiles", "plate_kernels",
        "sparse_grid", "structure_tensor",
    },
    "fills": {"coherence_fill", "layers", "march", "plate", "surroundings", "telea_fill"},
    "others": set(),
}  # fmt: skip
FIRST = ("solver", "edges")
# The processor, in LLVM's words, of a kind that we call by another name.
_PROCESSORS = {"armv8-a": "generic"}
# Where no compiler belongs to the system zig links: for which target of its own, and of LLVM's.
_LINKED_BY_ZIG = {
    "darwin": ("aarch64-macos.11.0", "arm64-apple-macosx11.0.0"),
    "win32": ("x86_64-windows-gnu", "x86_64-w64-windows-gnu"),
}
# What a library may take from the system's, and nothing else: so it depends on no Python and no Numba.
_FROM_SYSTEM = {"malloc", "free", "sched_yield", "memcpy", "memmove", "memset"}
_OF_MATHS = {"sqrt", "exp", "exp2", "log", "log2", "pow", "sin", "cos", "tan", "atan2", "hypot", "floor", "ceil"}


def missing(level: str, folder: Path = library.LIBRARIES, parts: Sequence[str] = tuple(PARTS)) -> list[str]:
    """Return those parts of a level's library, of these sources, that aren't built."""
    return [part for part in parts if not any(folder.glob(_name(level, "*", part)))]


def build(
    level: str, folder: Path = library.LIBRARIES, *, target: str = "", parts: Sequence[str] = tuple(PARTS)
) -> list[Path]:
    """Build parts of the library for a kind of processor, unless they are there, two at once; return their paths.

    Parameters
    ----------
    level
        One of `library.levels()`.
    target
        On Linux, a target of zig's, x86_64-linux-gnu.2.17 for one; by default this very system, by cc if there is one.

    Raises
    ------
    subprocess.CalledProcessError
        One can't be compiled or linked; what is wrong has been written to stderr.
    """

    def build_one(part: str) -> Path:
        path = folder / _name(level, version("numba"), part)
        if not path.exists():
            _start(level, path, target, part)
        return path

    with ThreadPoolExecutor(2) as processes:
        return list(processes.map(build_one, parts))


def _name(level: str, numba: str, part: str) -> str:
    return f"{level}-{library.digest()}-numba{numba}-{part}{library.SUFFIX}"


def _start(level: str, path: Path, target: str, part: str) -> None:
    """Compile a part in a process of its own."""
    # Numba reads these when it is imported. Without features of this machine, code is for the level and nothing more.
    variables = {
        "RESTAURO_KERNELS": "build", "NUMBA_CPU_NAME": _PROCESSORS.get(level, level), "NUMBA_CPU_FEATURES": "",
        "NUMBA_DISABLE_JIT": "0", "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip
    code = f"from restauro.numerics.compiled.build import _compile; _compile(*{(level, str(path), target, part)})"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | variables)


def _kernels(part: str) -> Iterator[tuple[str, Any, list[str]]]:
    """Import all kernels; give the names, Numba's dispatchers and the signatures of a part's that Python calls."""
    from restauro import numerics
    from restauro.numerics.kernel import SIGNATURES

    for module in pkgutil.iter_modules(numerics.__path__, "restauro.numerics."):
        if not module.ispkg:
            importlib.import_module(module.name)
    elsewhere = set().union(*(modules for other, modules in PARTS.items() if other != part))
    for name, signatures in SIGNATURES.items():
        module_name, _, function = name.partition(".")
        if signatures and (module_name in PARTS[part] if PARTS[part] else module_name not in elsewhere):
            yield name, getattr(importlib.import_module(f"restauro.numerics.{module_name}"), function), signatures


def _compile(level: str, path: str, target: str, part: str) -> None:
    """Compile a part's kernels, in this process, for the processor that Numba was told of, and link them."""
    import llvmlite.binding as llvm
    from numba.core import codegen
    from numba.core.sigutils import normalize_signature

    # What Numba has optimised is wanted, not machine code of it in this process, nor what such code would refer to.
    codegen.JITCodeLibrary._finalize_specific = lambda library: None
    codegen.JITCPUCodegen.set_env = lambda generator, name, environment: None
    gc.disable()  # a sixth of the time, for what is all kept
    modules: list[Any] = []
    kernels: dict[str, list[entries.Overload]] = {}
    for name, dispatcher, signatures in _kernels(part):
        overloads = kernels.setdefault(f"restauro.{name}", [])
        for signature in signatures:
            arguments, _ = normalize_signature(f"({signature},)")
            dispatcher.compile(arguments)
            compiled = dispatcher.overloads[arguments]
            module = compiled.library._get_module_for_linking().clone()
            code = compiled.fndesc.llvm_func_name
            parameters = [str(parameter.type) for parameter in module.get_function(code).arguments]
            overloads.append(entries.Overload(code, parameters, arguments, compiled.signature.return_type))
            # What kernels share Numba has optimised with each of them, and it rounds in other ways: each keeps its own.
            for item in module.functions:
                if not item.is_declaration and item.name != code:
                    item.linkage = "internal"
            modules.append(module)
    _, triple = _LINKED_BY_ZIG.get(sys.platform, ("", modules[0].triple))
    processor = _PROCESSORS.get(level, level)
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=processor, opt=3, reloc="pic")
    # The entries first: of what could be linked several times, LLVM takes what is already asked for.
    whole = llvm.parse_assembly(entries.module(kernels))
    whole.triple, whole.data_layout = triple, str(machine.target_data)
    _optimised(llvm, whole, machine)
    for module in modules:
        module.triple = triple
        whole.link_in(module)
    exported = {"restauro_setup", *kernels}
    for item in (*whole.functions, *whole.global_variables):
        if item.name in exported and sys.platform == "win32":
            item.storage_class = "dllexport"
        if not item.is_declaration and item.name not in exported:
            item.linkage = "internal"
    _without_unused(llvm, whole, machine)
    declared = [item.name for item in (*whole.functions, *whole.global_variables) if item.is_declaration]
    lacking = {name for name in declared if not name.startswith("llvm.")}
    lacking -= _FROM_SYSTEM | _OF_MATHS | {f"{name}f" for name in _OF_MATHS}
    if lacking:
        raise SystemExit(f"The kernels would need what only Numba has: {', '.join(sorted(lacking))}.")
    _link(machine.emit_object(whole), level, Path(path), target)


def _link(code: bytes, level: str, path: Path, target: str) -> None:
    """Make a shared library of an object file; libraries of the level that other sources or Numbas made go."""
    with tempfile.TemporaryDirectory() as folder:
        object_file, linked = Path(folder, "kernels.o"), Path(folder, path.name)
        object_file.write_bytes(code)
        arguments = ["-shared", "-s", "-o", str(linked), str(object_file), "-lm"]
        subprocess.run([*_linker(target), *arguments], check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(f"{level}-*"):
            if not old.name.startswith(path.name.rpartition("-")[0]):
                old.unlink(missing_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        shutil.copyfile(linked, beside)
        beside.replace(path)


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
    target, _ = _LINKED_BY_ZIG.get(sys.platform, (target, ""))
    if not target and shutil.which("cc"):
        return ["cc"]
    if importlib.util.find_spec("ziglang") is None:
        raise SystemExit("Linking needs a C compiler, cc, or zig: pip install ziglang.")
    return [sys.executable, "-m", "ziglang", "cc", *(["-target", target] if target else [])]


def main() -> None:
    """Build what is asked for, and print where it is."""
    parser = argparse.ArgumentParser(prog="python -m restauro.numerics.compiled.build")
    parser.add_argument("parts", nargs="?", default="all", choices=("all", "first"), help="first: the default method's")
    parser.add_argument("level", nargs="?", default="", help="the kind of processor; by default this one's")
    parser.add_argument("folder", nargs="?", type=Path, default=library.LIBRARIES)
    parser.add_argument("target", nargs="?", default="", help="a target of zig's; by default this system")
    asked = parser.parse_args()
    level = asked.level or next(iter(library.levels()), "")
    if not level:
        parser.error("kernels aren't compiled ahead of time for this kind of processor: pip install 'restauro[jit]'.")
    parts = FIRST if asked.parts == "first" else tuple(PARTS)
    print(*build(level, asked.folder, target=asked.target, parts=parts), sep="\n")


if __name__ == "__main__":
    main()
