"""What is true of the package as a whole: its version, its form, who imports whom, where its machine code is kept."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest

import restauro

CLONE = Path(__file__).resolve().parents[1]
PACKAGE = CLONE / "src" / "restauro"
PROJECT = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]

IMPORTED_AS = {
    "opencv-contrib-python-headless": "cv2",
    "patchmatch-cython": "patchmatch_cython",
    "protobuf": "google",
    "pypatchmatch": "patchmatch",
    "scikit-image": "skimage",
}

# Restores a picture and prints how many kernels were compiled rather than loaded.
COUNT_COMPILED = """
import sys
import numpy as np
from numba.core import event
import restauro

assert restauro.__file__.startswith(sys.argv[1]), restauro.__file__
image = np.full((30, 30, 3), 90, np.uint8)
mask = np.zeros((30, 30), bool)
mask[10:20, 12:18] = True
with event.install_recorder("numba:compile") as recorder:
    assert (restauro.inpaint(image, mask, "telea") == 90).all()
print(sum(entry.is_start for _, entry in recorder.buffer))
"""


def run_python(*arguments: str, **variables: str) -> str:
    """Run Python in a process of its own, away from the clone, and return what it printed."""
    result = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **variables},
        cwd=Path(sys.executable).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_versions_agree() -> None:
    newest = re.search(r"^## (\S+)", (CLONE / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert restauro.__version__ == PROJECT["version"] == version("restauro") == newest[1]


def test_the_package_says_that_it_is_typed() -> None:
    assert files("restauro").joinpath("py.typed").is_file()


def test_imports_go_the_way_of_the_design() -> None:
    lint_imports = shutil.which("lint-imports", path=Path(sys.executable).parent)
    assert lint_imports is not None
    result = subprocess.run([lint_imports, "--no-cache"], cwd=CLONE, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_importing_the_package_imports_numpy_alone() -> None:
    heavy = ["numba", "scipy", "pyvips", "tifffile", "jpeglib", "click", "rich", "PIL", "cv2", "matplotlib"]
    heavy += ["onnxruntime", "onnx", "torch"]
    loaded = run_python("-c", "import sys, restauro; print(*sys.modules)").split()
    assert [name for name in heavy if name in loaded] == []


@pytest.mark.parametrize("name", ["scan.jpg", "scan.png", "scan.tif"])
def test_restoring_needs_no_extra(tmp_path: Path, name: str) -> None:
    """Nobody but Numba, where it can, imports SciPy, also for networks and detectors."""
    code = f"""
import sys
sys.modules.update(scipy=None)
import numpy as np, pyvips
from restauro.cli import main
pixels = np.random.default_rng(0).integers(0, 255, (64, 80, 3)).astype(np.uint8)
pyvips.Image.new_from_array(pixels).copy(interpretation="srgb").write_to_file({name!r})
mask = np.zeros((64, 80), np.uint8)
mask[20:30, 20:60] = 255
pyvips.Image.new_from_array(mask).write_to_file("mask.png")
arguments = ["restore", {name!r}, "--mask", "mask.png", "--overwrite", "-q", "-o", "restored-" + {name!r}]
assert main([*arguments, "--method", "telea"]) == 0
assert main([*arguments, "--method", "network", "--model", "cifar10"]) == 0
for kind in ("cracks", "scratches", "losses"):
    assert main(["detect", {name!r}, "--kind", kind, "-o", kind + ".png", "-q"]) == 0
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", [path for path in PACKAGE.rglob("*.py") if path.parent.name != "cli"], ids=str)
def test_flags_are_named_by_the_command_line_alone(path: Path) -> None:
    """What helps is a `Remedy` elsewhere, which Python words as a keyword and a page as a button."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
    assert [text for text in texts if re.search(r"(?<![\w-])--[a-z]", text)] == []


def modules(listed: list[str]) -> set[str]:
    """Return what the distributions of a list are imported as."""
    names = [re.match(r"[\w-]+", line)[0].lower() for line in listed]  # type: ignore[index]
    return {IMPORTED_AS.get(name, name) for name in names}


def test_the_wheel_needs_no_more_than_it_says() -> None:
    """Whatever the package imports is the standard library's, its own, or a dependency that an installation brings.

    Training and evaluation may have what their extras bring, too; downloads, what both bring; decoding TIFFs, `codecs`;
    layers in a TIFF, `layers`; archives and arrays of Dask, `cluster`; the worn pictures that networks are trained on,
    `train`; the page, `web`, of which FastAPI brings Starlette.
    """
    needed = modules(PROJECT["dependencies"])
    extras = ("train", "eval", "codecs", "jit", "layers", "web", "cluster")
    of = {name: modules(PROJECT["optional-dependencies"][name]) for name in extras}
    jit = of["jit"] | {"llvmlite", "ziglang"}  # the first of which Numba brings; the other is for building alone
    extra = {"training": of["train"], "evaluation": of["eval"] | jit, "downloads.py": of["train"] & of["eval"]}
    extra |= {"archive": of["cluster"], "dask.py": of["cluster"]}
    extra |= {"numerics": jit, "cli": jit}  # which look whether there is one
    for path in PACKAGE.rglob("*.py"):
        imported = set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        allowed = needed | extra.get(path.relative_to(PACKAGE).parts[0], set())
        allowed |= of["codecs"] if path.name == "tiff_decoding.py" else set()
        allowed |= of["layers"] if path.name == "layered_tiff.py" else set()
        allowed |= (
            of["web"] | {"pydantic", "starlette"} if path.parent.name == "web" or path.name == "serve.py" else set()
        )
        allowed |= of["train"] if path.parent.name == "wear" else set()
        assert imported - set(sys.stdlib_module_names) - {"restauro"} <= allowed, path


@pytest.mark.parametrize("read_only", [False, True])
def test_a_second_process_compiles_nothing(tmp_path: Path, *, read_only: bool) -> None:
    installed = tmp_path / "site-packages"
    shutil.copytree(PACKAGE, installed / "restauro", ignore=shutil.ignore_patterns("__pycache__"))
    if read_only:
        # Permissions don't bind the administrator; a file where Numba wants its folder binds everybody.
        (installed / "restauro" / "numerics" / "__pycache__").write_bytes(b"")
    homes = {name: str(tmp_path / "home") for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE")}
    variables = homes | {"PYTHONPATH": str(installed), "NUMBA_CACHE_DIR": "", "RESTAURO_KERNELS": "jit"}
    compiled = [int(run_python("-c", COUNT_COMPILED, str(installed), **variables)) for _ in range(2)]
    assert compiled[0] > 0
    assert compiled[1] == 0
    assert any((tmp_path / "home").rglob("*.nbi")) == read_only
