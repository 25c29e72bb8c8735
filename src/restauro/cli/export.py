"""`restauro export`: writes a checkpoint's network as an ONNX file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from restauro.cli import paths
from restauro.cli.wording import printable, say
from restauro.errors import TrainingError

_HELP = """Write the network of CHECKPOINT as an ONNX file, which `--method network --model FILE` runs without PyTorch,
or which finds damage.

\b
restauro export runs/x/best.ckpt -o model.onnx

Needs PyTorch: pip install 'restauro[train]'.
"""


@click.command("export", help=_HELP, short_help="Write a trained network as an ONNX file.")
@click.argument("checkpoint", type=paths.NAME)
@click.option("-o", "--output", required=True, type=paths.NAME, metavar="FILE", help="Where to write.")
@click.option(
    "--data",
    type=paths.NAME,
    metavar="DIR",
    help="Pictures as for training: the test ones say what rounding costs.  [default: drawn ones]",
)
@click.option(
    "--eight-bits",
    is_flag=True,
    help="Have the network of the presets paintings, damage or stains work in eight bits: half the time. Needs --data. "
    "No training goes on from one that finds damage in eight bits.",
)
@click.option("--name", metavar="TEXT", help="What the model is called.  [default: the preset's name]")
@click.option("--trained-on", metavar="TEXT", help="What it was trained on, for the file's metadata.")
@click.option("--licence", default="MIT", metavar="TEXT", show_default=True, help="The model's licence.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def command(
    checkpoint: Path,
    output: Path,
    data: Path | None,
    eight_bits: bool,
    name: str | None,
    trained_on: str | None,
    licence: str,
    overwrite: bool,
) -> int:
    """Export; return the exit status."""
    if any(importlib.util.find_spec(module) is None for module in ("torch", "onnx", "onnxscript")):
        raise TrainingError("Exporting needs PyTorch and onnx: pip install 'restauro[train]'")
    from restauro.training.export import export_checkpoint

    say(f"Exporting the network of {printable(checkpoint)}, and comparing what ONNX Runtime and PyTorch make of it.")
    written = export_checkpoint(
        checkpoint,
        output,
        data=data,
        eight_bits=eight_bits,
        name=name,
        trained_on=trained_on,
        licence=licence,
        overwrite=overwrite,
    )
    said = f"{printable(written.path)}: {written.bytes / 1e6:.1f} MB; ONNX Runtime within "
    said += f"{written.difference:.1g} of PyTorch"
    if written.loss is not None:
        kind = "eight bits cost" if eight_bits else "half precision costs"
        said += f"; {kind} {written.loss:.4f} dB ({written.measured_on})"
    if written.eight_bits is not None:
        said += f"; eight bits move log odds by {written.eight_bits:.2f} on the average"
    say(said)
    return 0
