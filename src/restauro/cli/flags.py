"""Options that several commands have, each in one place: the same word means the same everywhere."""

from __future__ import annotations

import click

from restauro.cli import paths
from restauro.files.bounds import MAX_PIXELS

MASK = click.option(
    "--mask",
    metavar="FILE|alpha|nan|nodata|value:N|color:#rrggbb",
    help="What to fill: where a mask file is white; where the picture is transparent, NaN, without data, of a value or "
    "of a colour.",
)
MASK_POLARITY = click.option(
    "--mask-polarity",
    "polarity",
    type=click.Choice(["white", "black"]),
    default="white",
    show_default=True,
    help="What marks the damage in a mask file.",
)
ACCEPT_LARGE_HOLES = click.option(
    "--accept-large-holes", is_flag=True, help="Take a mask of more than 60 % hole as it is."
)
ALLOW = click.option(
    "--allow",
    metavar="NATURE,NATURE",
    help="What a fill may be made of: interpolates, copies, learned, corrects. Methods of another nature are refused.",
)
POLICY = click.option(
    "--policy",
    type=paths.NAME,
    metavar="FILE",
    help="What is allowed, beside --allow.  [default: restauro.toml in the picture's folder or one above it]",
)
GROW = click.option(
    "--grow", type=click.IntRange(0, 1000), default=0, metavar="N", help="Grow the mask by N pixels.", show_default=True
)
SENSITIVITY = click.option(
    "--sensitivity",
    type=float,
    metavar="N",
    help="Of damage that is looked for: false marks a megapixel to be expected of each kind, 0.3 to 30, as counted on "
    "undamaged paintings. More find fainter damage.  [default: by kind; where it is filled, 0.5]",
)
LARGEST = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=MAX_PIXELS,
    metavar="N",
    help="Refuse files that claim to have more.",
    show_default=True,
)
OVERWRITE_INPUT_TOO = click.option(
    "--overwrite", is_flag=True, help="Replace files that are there, the input too if it is the output."
)
SAVE_MASK = click.option("--save-mask", metavar="FILE|FOLDER", help="Write the mask that was used, as a PNG.")
PAGE = click.option(
    "--page", type=click.IntRange(min=0), metavar="N", help="Which picture of a TIFF of several to restore, from 0."
)
DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Read and check everything, say what would be done, write nothing."
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line for each file; a bad one's has `error`."
)
WORKERS = click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Threads to use.  [default: all cores]"
)
