"""How Sphinx makes the site from the pages as they are: `python3 dev.py docs`.

The sources are the whole clone, so that links between pages are the same here and on GitHub. README.md is the start.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import restauro

project = "restauro"
author = "The restauro developers"
copyright = f"2026, {author}"
version = release = restauro.__version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
root_doc = "README"
include_patterns = ["*.md", "docs/**", "examples/README.md", "src/restauro/models/*.md"]
exclude_patterns = ["**/__pycache__"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}


myst_heading_anchors = 4  # as GitHub makes them

default_role = "py:obj"

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_title = "restauro"
html_show_sourcelink = False
html_copy_source = False
html_theme_options: dict[str, Any] = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
}

_CONTENTS = """

```{toctree}
:hidden:

docs/site/guides
docs/site/methods
docs/site/python/index
docs/site/measured
docs/site/project
```
"""


def setup(app: Any) -> None:
    """Have the site begin with the README, which knows nothing of it."""
    app.connect("source-read", _add_contents)
    app.connect("build-finished", _begin)


def _add_contents(app: Any, page: str, source: list[str]) -> None:
    if page == root_doc:
        source[0] += _CONTENTS


def _begin(app: Any, error: Exception | None) -> None:
    if error is None:
        shutil.copyfile(Path(app.outdir, "README.html"), Path(app.outdir, "index.html"))
