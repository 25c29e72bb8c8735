from __future__ import annotations

import pytest

from restauro.cli import main
from restauro.cli.restore import command
from restauro.method import DEFAULT_METHOD, method_class, method_names


def test_all_methods_are_listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # so that no title is broken
    assert main(["methods"]) == 0
    out, err = capsys.readouterr()
    for name in method_names():
        assert name in out
        assert method_class(name).title in " ".join(out.split())
    assert f"{DEFAULT_METHOD} (default)" in out
    assert err == ""


@pytest.mark.parametrize("name", method_names())
def test_one_method_is_described_whole(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["methods", name]) == 0
    out = capsys.readouterr().out
    method = method_class(name)
    assert out.startswith(method.title)
    assert method.summary in out
    assert method.reference in out
    for parameter in method.parameters():
        row = next(line for line in out.splitlines() if line.startswith(f"--{parameter.name.replace('_', '-')} "))
        assert parameter.about.meaning in row
        assert parameter.about.range_text in row
        assert f" {parameter.default_text} " in row


def test_an_unknown_method_is_said_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "tela"]) == 2
    assert capsys.readouterr().err == "Error: There is no method 'tela': did you mean 'telea'?\n"


def test_no_parameter_takes_the_name_of_another_option() -> None:
    names = [option.name for option in command.params]
    assert len(names) == len(set(names))
    for method in method_names():
        for parameter in method_class(method).parameters():
            (option,) = (option for option in command.params if option.name == parameter.name)
            assert f"{method}: {parameter.about.meaning}" in (option.help or "")  # type: ignore[attr-defined]
