"""The documentation: links lead somewhere, command lines parse, every method and every public name is described."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

import restauro
from restauro import cli

CLONE = Path(__file__).resolve().parents[1]
PAGES = sorted([*CLONE.glob("*.md"), *CLONE.glob("docs/**/*.md"), *CLONE.glob("examples/*.md")])


def name_of(page: Path) -> str:
    return page.relative_to(CLONE).as_posix()


def prose_of(page: Path) -> str:
    """Text of a page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """Links to files or headings that aren't there."""
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", prose_of(page)):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    return broken


def command_lines() -> list[tuple[str, str]]:
    """All command lines of the program in the blocks of code, each with its page."""
    lines = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
        blocks += re.findall(r"^ {4}.*$", prose_of(page), re.MULTILINE)
        found = [line.strip() for block in blocks for line in block.splitlines()]
        lines += [(name_of(page), line) for line in found if line.startswith("restauro ")]
    return lines


def parse(line: str) -> None:
    """Parse a command line without running it; click raises where something is wrong."""
    arguments = shlex.split(line, comments=True)[1:]
    if arguments in (["--help"], ["--version"]):
        return
    command = cli._group.get_command(click.Context(cli._group), arguments[0])
    if command is None:
        raise click.UsageError(f"No such command: {arguments[0]}")
    with command.make_context(arguments[0], arguments[1:]) as parsed:
        if method := parsed.params.get("method"):
            assert method in restauro.method_names()
        if arguments[0] == "methods" and (name := parsed.params.get("name")):
            assert name in restauro.method_names()


def test_links_lead_somewhere() -> None:
    assert {name_of(page): links for page in PAGES if (links := broken_links(page))} == {}


def links_in_code(text: str) -> list[str]:
    """Pages of the documentation that code names, in messages, docstrings and comments."""
    return re.findall(r"\bdocs/[\w/.-]+\.md(?:#[\w-]+)?", text)


def test_pages_that_the_code_names_are_there() -> None:
    named = [
        (name_of(path), *link.partition("#")[::2])
        for path in [*CLONE.glob("src/**/*.py"), *CLONE.glob("benchmarks/*.py"), CLONE / "dev.py"]
        for link in links_in_code(path.read_text(encoding="utf-8"))
    ]
    assert "src/restauro/evaluation/lpips.py" in [code for code, _, _ in named]  # in a message
    missing = [
        (code, page)
        for code, page, anchor in named
        if not (CLONE / page).exists() or (anchor and anchor not in anchors_of(CLONE / page))
    ]
    assert missing == []


def test_links_in_code_are_found() -> None:
    assert links_in_code('"(docs/a.md shows", "see docs/b/c-d.md#e-f."') == ["docs/a.md", "docs/b/c-d.md#e-f"]


def test_every_page_is_linked_to() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in re.findall(r"\]\(([^)]+)\)", prose_of(page))
    }
    assert [name_of(page) for page in PAGES if page not in linked and page.name != "README.md"] == []


@pytest.mark.parametrize("page", sorted(CLONE.glob("docs/site/*.rst"), key=name_of), ids=name_of)
def test_the_site_has_the_pages_that_are_linked_to(page: Path) -> None:
    """Sphinx says so too, and says of every other page that it is in no list; but not all have Sphinx."""
    listed = re.findall(r"^   ((?:\.\./)+[\w/.-]+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed or page.stem in ("measured", "gallery")
    assert [name for name in listed if not (page.parent / f"{name}.md").exists()] == []


@pytest.mark.parametrize("name", [*restauro.__all__, *(f"methods.{name}" for name in restauro.method_names())])
def test_the_site_describes_every_public_name(name: str) -> None:
    if name.startswith("methods."):
        method = restauro.method_class(name.partition(".")[2])
        name = f"{method.__module__}.{method.__name__}"
    pages = "\n".join(page.read_text(encoding="utf-8") for page in CLONE.glob("docs/site/python/*.rst"))
    assert re.search(rf"^\.\. (autofunction|autoclass|autoexception|data):: {re.escape(name)}$", pages, re.MULTILINE)


def test_the_first_restoration_goes_as_its_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(CLONE / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    lines = [line for page, line in command_lines() if page == "docs/first-restoration.md"]
    for line in lines:
        assert cli.main(shlex.split(line)[1:]) == 0, line
    out = capsys.readouterr().out
    assert out.count("0 pixels changed outside the mask") == len([line for line in lines if " restore " in line]) > 3
    page = (CLONE / "docs" / "first-restoration.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"^goya-restored.tif: (.*) by", page, re.MULTILINE)
    assert f"goya-restored.tif: {said} by" in out


def test_there_are_command_lines() -> None:
    assert len(command_lines()) > 10


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_command_lines_parse(page: str, line: str) -> None:
    parse(line)


@pytest.mark.parametrize("line", ["restauro restore a.tif --maks b.png", "restauro repair a.tif"])
def test_command_lines_that_are_wrong_do_not_parse(line: str) -> None:
    with pytest.raises(click.UsageError, match="No such"):
        parse(line)


def test_every_option_is_described_in_the_docs() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    group = cli._group
    context = click.Context(group)
    options = [
        parameter.opts
        for name in group.list_commands(context)
        for parameter in group.get_command(context, name).params
        if isinstance(parameter, click.Option)
    ]
    assert len(options) > 10
    assert [names for names in options if not any(re.search(rf"{name}\b", text) for name in names)] == []


@pytest.mark.parametrize("name", restauro.method_names())
def test_every_method_has_a_page(name: str) -> None:
    method = restauro.method_class(name)
    page = (CLONE / "docs" / "methods" / f"{name.replace('_', '-')}.md").read_text(encoding="utf-8")
    readme = (CLONE / "README.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page.splitlines()[0]
    for parameter in method.parameters():
        assert f"| `{parameter.name}` | {parameter.default_text} | {parameter.about.range_text} |" in page
    assert f"[`{name}`](docs/methods/{name.replace('_', '-')}.md) | {method.title} |" in readme


@pytest.mark.parametrize("name", [name for name in restauro.__all__ if name != "DEFAULT_METHOD"])
def test_every_public_name_is_documented(name: str) -> None:
    thing = getattr(restauro, name)
    assert len(thing.__doc__) > 20
    assert isinstance(thing, type) or ">>> " in thing.__doc__, f"{name} has no example"
