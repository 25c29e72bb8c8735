"""The options of `restauro restore`, those that it alone has and those of others, in the order of its help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from restauro.cli import archives, flags, paths
from restauro.detection.detectors import REPAIRED
from restauro.grain import GRAINS
from restauro.mask import PARTIAL
from restauro.method import DEFAULT_METHOD, method_class, method_names

Function = TypeVar("Function", bound=Callable[..., Any])

ENDINGS = {"png": ".png", "tiff": ".tif", "jpeg": ".jpg", "webp": ".webp", "avif": ".avif"}


def _number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | float | None:
    """Read a whole number where it is written as one, else a real one; the method says which it takes."""
    for kind in (int, float):
        try:
            return None if value is None else kind(value)
        except ValueError:
            continue
    raise click.BadParameter(f"{value!r} is not a number.", ctx, param)


def _parameter_options(function: Function) -> Function:
    """Add an option for every parameter of every method."""
    meanings: dict[str, list[str]] = {}
    forms: dict[str, dict[str, Any]] = {}
    for method in method_names():
        for parameter in method_class(method).parameters():
            about = parameter.about
            text = f"{method}: {about.meaning}; {about.range_text}, default {parameter.default_text}."
            meanings.setdefault(parameter.name, []).append(text)
            forms[parameter.name] = {"metavar": about.metavar, "callback": None if parameter.kind is str else _number}
    for name, texts in reversed(meanings.items()):
        flag = f"--{name.replace('_', '-')}"
        function = click.option(flag, name, help=" ".join(texts), **forms[name])(function)
    return function


def _values(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Read whole numbers with commas between."""
    try:
        return tuple(int(number) for number in value.split(",")) if value else ()
    except ValueError:
        raise click.BadParameter(f"{value!r} isn't whole numbers with commas between.", ctx, param) from None


OPTIONS: tuple[Callable[[Any], Any], ...] = (
    archives.options,
    archives.PROPOSE,
    flags.MASK,
    click.option(
        "--mask-dir",
        type=paths.PLACE,
        help="A folder of masks: for panel.tif it is panel.*, else panel_mask.*.",
    ),
    click.option(
        "--mask-name",
        metavar="PATTERN",
        help="What masks are called, with {stem} for the picture's name without its ending: '{stem}_mask001.png'. They "
        "are in the folder of masks, or beside the pictures.",
    ),
    click.option(
        "--infrared",
        is_flag=False,
        flag_value="",
        metavar="[band|page:N|FILE]",
        help="Find dust, hairs, scratches and smears of scanned film by the scan's infrared plane: the last band, "
        "another picture of the file, or a file; named only where there are several. As --mask infrared, "
        "with --partial tone.",
    ),
    click.option(
        "--detect",
        is_flag=False,
        flag_value=",".join(REPAIRED),
        metavar="[KIND,KIND]",
        help="Without a mask: look for damage and fill what is found, unless it is much of the picture. Kinds are "
        f"cracks, scratches, losses, dust.  [without a KIND: {','.join(REPAIRED)}]",
    ),
    flags.SENSITIVITY,
    click.option(
        "-o",
        "--output",
        metavar="FILE|FOLDER",
        help="Where to write. A folder, made if it is missing, gets files of the inputs' names; - is the standard "
        "output.",
    ),
    click.option("--format", "format_", type=click.Choice(list(ENDINGS)), help="With -o -: what to write there."),
    click.option("--method", default=DEFAULT_METHOD, show_default=True, metavar="NAME", help="See `restauro methods`."),
    _parameter_options,
    flags.MASK_POLARITY,
    click.option(
        "--mask-value",
        "values",
        metavar="N,N",
        callback=_values,
        help="Values of a mask file that are hole, for masks of labels; of a palette, the numbers of its colours.",
    ),
    click.option(
        "--resize-mask",
        "resize",
        is_flag=True,
        help="Take mask files 2, 3, ... times as small or large as the picture.",
    ),
    click.option(
        "--grow",
        type=click.IntRange(0, 1000),
        metavar="N",
        help="Grow the mask by N pixels.  [default: 0, with --detect 1]",
    ),
    click.option(
        "--tolerance",
        type=click.IntRange(0, 255),
        metavar="N",
        help="With color:#rrggbb, how far red, green and blue may each be off.  [default: 0; in a JPEG 60 or 40]",
    ),
    click.option(
        "--sources",
        metavar="FILE",
        help="A mask, white where texture may come from, near or far, and from nowhere else. For patchmatch.",
    ),
    click.option("--avoid", metavar="FILE", help="A mask, white where texture mustn't come from. For patchmatch."),
    click.option(
        "--guides",
        type=paths.NAME,
        metavar="FILE",
        help="An SVG drawing on the picture: its lines go on across holes. For edge-enhancing, coherence and "
        "patchmatch.",
    ),
    click.option(
        "--partial",
        type=click.Choice(PARTIAL),
        help="Keep the values of a soft mask, which say how much of a pixel is damage. cover: a layer with soft edges "
        "lies over the picture, and is mixed with the fill. tone: light still comes through, and its tone is "
        "corrected; where it is nearly opaque, the method fills.  [default: cut it]",
    ),
    click.option(
        "--grain",
        type=click.Choice(GRAINS),
        help="match: add noise to the fill like that around the holes, of film or canvas. It looks more like them and "
        "is further from the truth.  [default: none]",
    ),
    flags.ALLOW,
    flags.POLICY,
    flags.SAVE_MASK,
    flags.ACCEPT_LARGE_HOLES,
    flags.PAGE,
    flags.LARGEST,
    flags.OVERWRITE_INPUT_TOO,
    click.option("--skip-existing", is_flag=True, help="Leave out pictures whose output is there."),
    flags.DRY_RUN,
    flags.QUIET,
    flags.JSON,
    flags.WORKERS,
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="For grain, and methods that use random numbers.  [default: 0]",
    ),
    click.option(
        "--variants",
        type=click.IntRange(2, 99),
        metavar="N",
        help="Write N of them to choose from, out-1.tif, out-2.tif and so on, from N seeds.",
    ),
)


def of_restore(function: Function) -> Function:
    """Add all options to a function."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def parameter_names() -> list[str]:
    """Return the names of all methods' parameters."""
    named = [parameter.name for method in method_names() for parameter in method_class(method).parameters()]
    return list(dict.fromkeys(named))
