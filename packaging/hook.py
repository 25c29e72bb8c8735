"""Puts the compiled kernels into wheels. Where they can't be built for a platform, wheels have none and need Numba."""

import os
import platform
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LEVELS = ("x86-64-v2", "x86-64-v3")
TARGET, TAG = "x86_64-linux-gnu.2.17", "py3-none-manylinux_2_17_x86_64"  # manylinux2014


class Kernels(BuildHookInterface):
    """Compiles kernels for every kind of processor of the platform."""

    def initialize(self, version, build_data):
        """Add the libraries to a wheel. RESTAURO_LIBRARIES: a folder where they are kept from one build to the next."""
        if version == "editable" or (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            return
        sys.path.insert(0, str(Path(self.root, "src")))
        from restauro.numerics.compiled import build

        folder = Path(os.environ.get("RESTAURO_LIBRARIES") or Path(self.root, "build", "kernels"))
        for level in LEVELS:
            self.app.display_info(f"Compiling kernels for {level}: some 80 seconds of processor time, unless kept")
            path = build.build(level, folder, target=TARGET)
            build_data["force_include"][str(path)] = f"restauro/numerics/compiled/libraries/{path.name}"
        build_data["pure_python"] = False
        build_data["tag"] = TAG
