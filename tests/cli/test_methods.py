from __future__ import annotations

import pytest

from restauro.cli import main
from restauro.cli.restore import command
from restauro.method import DEFAULT_METHOD, method_class, method_names
from restauro.methods.network import shipped_models


def test_all_methods_are_listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["methods"]) == 0
    out, err = capsys.readouterr()
    assert max(len(line) for line in out.splitlines()) <= 80
    for name in method_names():
        assert name in out
        assert method_class(name).title in " ".join(out.split())
    assert f"{DEFAULT_METHOD} (default)" in out
    assert err == ""


@pytest.mark.parametrize("name", method_names())
def test_one_method_is_described_whole(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in (60, 80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert main(["methods", name]) == 0
        out = capsys.readouterr().out
        assert max(len(line) for line in out.splitlines()) <= columns
        method, text = method_class(name), " ".join(out.split())
        assert out.startswith(method.title)
        assert " ".join(method.summary.split()) in text
        assert method.reference in text
        for parameter in method.parameters():
            about = parameter.about
            option = f"--{parameter.name.replace('_', '-')} {about.metavar}"
            assert option in out.splitlines()
            assert f"{option} {about.meaning}; {about.range_text}. Default: {parameter.default_text}." in text


def test_the_models_that_there_are_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "network"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert shipped_models()
    for model in shipped_models():
        assert f"{model} or " in text


def test_what_is_there_to_compare_with_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", "a.png", "--mask", "alpha", "-o", "b.png", "--method", "opencv-telea"]) == 2
    assert "Error: 'opencv-telea' restores nothing here, it is there to compare with: `restauro evaluate`" in " ".join(
        capsys.readouterr().err.split()
    )


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
