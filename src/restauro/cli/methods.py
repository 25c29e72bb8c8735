"""`restauro methods`: which methods there are; one method's parameters."""

from __future__ import annotations

import shutil
import textwrap

import click

from restauro.method import DEFAULT_METHOD, Method, method_class, method_names


@click.command("methods", short_help="List the methods; describe one.")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the methods; with a NAME, its parameters with their ranges and meaning."""
    if name is None:
        _list_methods()
    else:
        _describe(method_class(name))


def _list_methods() -> None:
    for name in method_names():
        chosen = method_class(name)
        click.echo(f"{name}{' (default)' * (name == DEFAULT_METHOD)}: {chosen.title}; {chosen.nature}")
        _print_wrapped(chosen.summary)
    click.echo("\nrestauro methods NAME describes the parameters of one.")


def _describe(method: type[Method]) -> None:
    click.echo(f"{method.title}\n")
    _print_wrapped(method.summary, indent="")
    _print_wrapped(f"What its fill is made of: {method.nature}.", indent="")
    _print_wrapped(f"Source: {method.reference}", indent="")
    click.echo("" if method.parameters() else "\nIt has no parameters.")
    for parameter in method.parameters():
        about = parameter.about
        click.echo(f"--{parameter.name.replace('_', '-')} {about.metavar}")
        _print_wrapped(f"{about.meaning}; {about.range_text}. Default: {parameter.default_text}.")


def _print_wrapped(text: str, indent: str = "    ") -> None:
    """Print a text in lines as wide as the terminal, 100 columns at most."""
    width = min(shutil.get_terminal_size().columns, 100)
    click.echo(textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False))
