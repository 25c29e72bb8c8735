"""`restauro methods`: which methods there are; one method's parameters."""

from __future__ import annotations

from collections.abc import Sequence

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
    rows = []
    for name in method_names():
        chosen = method_class(name)
        rows.append((f"{name} (default)" if name == DEFAULT_METHOD else name, chosen.title, chosen.summary))
    _print_table(("method", "title", "summary"), rows)
    click.echo("\nrestauro methods NAME describes the parameters of one.")


def _describe(method: type[Method]) -> None:
    click.echo(f"{method.title}\n\n{method.summary}\nSource: {method.reference}\n")
    rows = [
        (f"--{parameter.name.replace('_', '-')}", parameter.default_text, about.range_text, about.meaning)
        for parameter in method.parameters()
        for about in (parameter.about,)
    ]
    if rows:
        _print_table(("parameter", "default", "range", "meaning"), rows)
    else:
        click.echo("It has no parameters.")


def _print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns[:-1]:
        table.add_column(column, overflow="fold", no_wrap=len(columns) > 3 or column == "method")
    table.add_column(columns[-1], overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False).print(table)
