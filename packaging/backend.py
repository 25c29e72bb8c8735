"""Builds the package as hatchling does; a wheel needs, beside it, what compiles the kernels, as pyproject.toml says."""

import tomllib
from pathlib import Path

from hatchling.build import *  # noqa: F403
from hatchling.build import get_requires_for_build_wheel as _of_hatchling
from hook import PLATFORMS, here


def get_requires_for_build_wheel(config_settings=None):
    """Return what has to be installed before a wheel is built; an installation of the clone needs no more than ever."""
    if here() not in PLATFORMS:
        return _of_hatchling(config_settings)
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["restauro"]
    return [*_of_hatchling(config_settings), *project["compilers"], project["linker"]]
