"""Builds the package as hatchling does; a wheel needs, beside it, what compiles the kernels: numba is pinned here."""

from hatchling.build import *  # noqa: F403
from hatchling.build import get_requires_for_build_wheel as _of_hatchling

COMPILERS = ["numba==0.68.1", "llvmlite==0.50.0", "numpy>=1.26", "lazy_loader>=0.4", "ziglang==0.17.0"]


def get_requires_for_build_wheel(config_settings=None):
    """Return what has to be installed before a wheel is built; nothing more for an installation from the clone."""
    return [*_of_hatchling(config_settings), *COMPILERS]
