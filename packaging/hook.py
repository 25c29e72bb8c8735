"""Puts the page's examples into wheels, and the compiled kernels.

Where kernels can't be built for a platform, wheels have none and need Numba.
"""

import os
import platform
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# By system and machine: kinds of processor, the target that zig links for, with the oldest system, and the wheel's tag.
PLATFORMS = {
    ("Linux", "x86_64"): (("x86-64-v2", "x86-64-v3"), "x86_64-linux-gnu.2.17", "manylinux_2_17_x86_64"),
    ("Linux", "aarch64"): (("armv8-a",), "aarch64-linux-gnu.2.17", "manylinux_2_17_aarch64"),
    ("Darwin", "arm64"): (("apple-m1",), "aarch64-macos.11.0", "macosx_11_0_arm64"),
    ("Windows", "AMD64"): (("x86-64-v2", "x86-64-v3"), "x86_64-windows-gnu", "win_amd64"),
}


def here():
    """Return the system and the machine that this is."""
    return platform.system(), platform.machine()


class Kernels(BuildHookInterface):
    """Compiles kernels for every kind of processor of the platform; adds the page's examples."""

    def initialize(self, version, build_data):
        """Add the examples and the libraries to a wheel.

        RESTAURO_LIBRARIES: a folder where libraries are kept from one build to the next. RESTAURO_LEVELS: kinds of
        processor, with commas between, for a wheel that is but tried here.
        """
        if version == "editable":
            return
        for name in ("canaletto-damaged.jpg", "goya-damaged.tif"):  # see restauro.web.app
            build_data["force_include"][str(Path(self.root, "examples", name))] = f"restauro/web/examples/{name}"
        if here() not in PLATFORMS:
            return
        levels, target, tag = PLATFORMS[here()]
        if os.environ.get("RESTAURO_LEVELS"):
            levels = tuple(os.environ["RESTAURO_LEVELS"].split(","))
        sys.path.insert(0, str(Path(self.root, "src")))
        from restauro.numerics.compiled import build

        folder = Path(os.environ.get("RESTAURO_LIBRARIES") or Path(self.root, "build", "kernels"))
        for level in levels:
            self.app.display_info(f"Compiling kernels for {level}: one to three minutes of processor time, unless kept")
            for path in build.build(level, folder, target=target):
                build_data["force_include"][str(path)] = f"restauro/numerics/compiled/libraries/{path.name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{tag}"
