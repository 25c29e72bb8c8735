"""The table of methods, their parameters, and methods that others add."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from importlib.metadata import EntryPoint
from typing import Annotated, ClassVar

import numpy as np
import pytest

import restauro
from restauro import method as methods
from restauro.errors import MethodError, ParameterError, ParameterTypeError
from restauro.method import Method
from restauro.methods.telea import Telea
from restauro.parameters import ChoiceParameter, Parameter, TextParameter
from tests.networks import needed, ready


@pytest.mark.parametrize("name", methods.method_names())
def test_every_method_describes_itself(name: str) -> None:
    chosen = methods.method_class(name)
    assert chosen.name == name
    for text in (chosen.title, chosen.reference, chosen.summary, chosen.__doc__):
        assert text
        assert text.strip()
    instance = ready(name)
    for parameter in chosen.parameters():
        about = parameter.about
        assert about.meaning
        assert about.range_text
        assert getattr(instance, parameter.name) == needed(name).get(parameter.name, parameter.default)
        if isinstance(about, TextParameter):
            with pytest.raises(
                ParameterTypeError, match=f"{parameter.name} must be a text \\({about.range_text}\\), not 5"
            ):
                chosen(**{parameter.name: 5})
            continue
        assert about.minimum <= parameter.default <= about.maximum
        for outside in (about.minimum - 1, about.maximum + 1):
            with pytest.raises(ParameterError, match=f"{parameter.name}={outside} is out of range"):
                chosen(**{parameter.name: outside})
    reaches = [instance.reach(depth) for depth in range(20)]
    assert reaches == sorted(reaches)
    assert reaches[0] > 0


@pytest.mark.parametrize("name", methods.method_names())
def test_methods_are_frozen(name: str) -> None:
    instance = ready(name)
    for field in fields(instance):
        with pytest.raises(AttributeError, match="cannot assign"):
            setattr(instance, field.name, 1)


@dataclass(frozen=True)
class Half(Telea):
    """Added by somebody else."""

    name: ClassVar[str] = "half"
    share: Annotated[float, Parameter("a real number", 0, 1)] = 0.5


def test_a_real_parameter_takes_any_number_but_not_nan() -> None:
    assert Half(share=1).share == 1
    assert Half(share=np.float32(0.25)).share == 0.25
    with pytest.raises(ParameterError, match="share=nan is out of range: it must be 0 to 1"):
        Half(share=float("nan"))
    with pytest.raises(ParameterTypeError, match="share must be a number"):
        Half(share="much")


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.uint8(3), np.float32(3), np.float64(3)])
def test_a_whole_parameter_takes_whole_numbers_of_every_type(value: float) -> None:
    chosen = Telea(radius=value)  # type: ignore[arg-type]
    assert chosen == Telea(radius=3)
    assert type(chosen.radius) is int
    image, mask = np.arange(25.0).reshape(5, 5), np.eye(5) > 0
    expected = restauro.inpaint(image, mask, "telea", radius=3)
    np.testing.assert_array_equal(restauro.inpaint(image, mask, "telea", radius=value), expected)


@pytest.mark.parametrize("value", [3.5, np.float32(3.5), float("nan"), float("inf"), True, np.True_, "3", None])
def test_a_whole_parameter_takes_nothing_else(value: object) -> None:
    said = re.escape(f"radius must be a whole number (1 to 64 pixels), not {value!r}.")
    with pytest.raises(ParameterTypeError, match=f"^{said}$"):
        Telea(radius=value)  # type: ignore[arg-type]


def test_whole_numbers_too_large_for_anything_are_out_of_range() -> None:
    for chosen, name in ((Telea, "radius"), (Half, "share")):
        with pytest.raises(ParameterError, match=f"^{name}=1{'0' * 400} is out of range: it must be "):
            chosen(**{name: 10**400})


@dataclass(frozen=True)
class Careful(Telea):
    """Added by somebody else, with words to choose from."""

    name: ClassVar[str] = "careful"
    care: Annotated[str, ChoiceParameter("how careful it is", ("little", "some or more", "much"))] = "some or more"


def test_a_choice_is_one_of_its_words() -> None:
    assert Careful(care="much").care == "much"
    assert Careful().care == "some or more"
    with pytest.raises(ParameterError, match=r"^care=most isn't known: it must be little or some or more or much\.$"):
        Careful(care="most")
    with pytest.raises(ParameterError, match="care=some isn't known"):
        Careful(care="some")
    with pytest.raises(ParameterTypeError, match=r"^care must be a text \(little or some or more or much\), not 3"):
        Careful(care=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*methods.TO_COMPARE_WITH, "onnx:lama.onnx", "opencv-telea:radius=3"])
def test_what_is_there_to_compare_with_says_where_it_belongs(name: str) -> None:
    said = f"^'{name}' restores nothing here, it is there to compare with: `restauro evaluate` and `restauro compare` "
    with pytest.raises(MethodError, match=f"{said}take it .*; to restore with there is telea, "):
        restauro.inpaint(np.zeros((3, 3)), np.eye(3) > 0, name)


def test_an_entry_point_adds_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("half", "tests.test_method:Half", "restauro.methods")
    monkeypatch.setattr(methods, "entry_points", lambda group: [point] if group == "restauro.methods" else [])
    assert methods.method_names() == [*methods.BUILT_IN, "half"]
    image = np.full((5, 5), 3, np.uint8)
    mask = image > 9
    mask[2, 2] = True
    assert (restauro.inpaint(image, mask, "half", share=0.1) == 3).all()
    with pytest.raises(MethodError, match="did you mean 'half'"):
        restauro.inpaint(image, mask, "hallf")


def test_a_bare_method_says_what_it_lacks() -> None:
    with pytest.raises(TypeError, match=r"abstract methods? '?fill'?, '?reach'?"):
        Method()
