"""The command line: one file a command. It prints and asks; the work is done elsewhere."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import click

import restauro
from restauro.errors import RestauroError

_COMMANDS = ("restore", "heal", "serve", "detect", "damage", "methods", "compare", "evaluate", "train", "export")
_HELP = """Restore damaged pictures: fill what a mask marks, and change nothing else.

\b
restauro restore panel.tif --mask losses.png -o panel-restored.tif
"""
_BAD_INPUT = 2
_INTERRUPTED = 130  # as shells have it for Ctrl-C


class _Commands(click.Group):
    """Commands in files of their own, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"restauro.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error's remedies are worded as that command's options."""
        try:
            return super().invoke(ctx)
        except RestauroError as error:
            from restauro.cli.wording import worded

            raise _Refusal(worded(error, self.get_command(ctx, ctx.invoked_subcommand or ""))) from None


class _Refusal(click.ClickException):
    """One bad input."""

    exit_code = _BAD_INPUT


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        import pyvips

        try:
            from restauro.numerics.kernel import described

            kernels = described()
        except RestauroError as error:
            kernels = f"no kernels. {error}"
        libraries = [f"{name} {version(name)}" for name in ("numpy", "pyvips")]
        libraries.append("libvips " + ".".join(str(pyvips.version(part)) for part in range(3)))
        about = f"Python {platform.python_version()}, {', '.join(libraries)}; {kernels}"
        click.echo(f"restauro {restauro.__version__} ({about})")
        ctx.exit()


@click.group(cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions of restauro and its libraries.",
)
def _group() -> None:
    """Restore damaged pictures."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv
        Arguments, without the program's name; by default those of the process.

    Returns
    -------
    Exit status: 0; 2 for wrong usage or one bad input; 1 where some of several files failed; 130 after Ctrl-C.

    Examples
    --------
    >>> main(["methods", "telea"])
    Fast marching (Telea)
    ...
    0
    """
    try:
        return int(_group.main(args=argv, prog_name="restauro", standalone_mode=False) or 0)
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except OSError as error:  # a name that the system doesn't take, say
        from restauro.cli.wording import worded

        _show(click.ClickException(worded(error)))
        return _BAD_INPUT
    except (click.Abort, KeyboardInterrupt) as stop:
        reason = str(stop.__cause__ or stop)  # click wraps a KeyboardInterrupt
        click.echo(f"Stopped; {reason or 'no file is half written'}.", err=True)
        return _INTERRUPTED
    except SystemExit as stop:  # click's way out of a closed pipe
        return int(stop.code or 0)


def _show(error: click.ClickException) -> None:
    """Print an error as click does, and nothing that a terminal obeys."""
    from restauro.cli.wording import printable, say

    if context := getattr(error, "ctx", None):
        say(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n", err=True)
    say(f"Error: {printable(error.format_message())}", err=True)
