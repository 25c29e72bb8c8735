from __future__ import annotations

import inspect
import pickle

import pytest

from restauro import errors
from restauro.errors import MaskError, Remedy, RestauroError

ALL = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, RestauroError)]


@pytest.mark.parametrize(
    ("remedies", "sentence"),
    [
        ((), "All is hole"),
        (("choose another name",), "All is hole: choose another name."),
        ((Remedy("overwrite", True, "to replace it"),), "All is hole: use overwrite=True to replace it."),
        ((Remedy("mask", "color:#rrggbb"), "wait"), 'All is hole: use mask="color:#rrggbb", or wait.'),
        ((Remedy("grow", 3), Remedy("out", why="with another folder")), None),
    ],
)
def test_remedies_follow_the_fact_in_python_s_words(remedies: tuple[Remedy | str, ...], sentence: str | None) -> None:
    said = str(RestauroError("All is hole", *remedies))
    assert said == (sentence or "All is hole: use grow=3, or use out=... with another folder.")


@pytest.mark.parametrize("kind", ALL)
def test_an_error_of_something_keeps_its_class_and_its_remedies(kind: type[RestauroError]) -> None:
    error = kind("It is wrong", Remedy("grow", 1)).of("The mask m.png")
    assert type(error) is kind
    assert str(error) == "The mask m.png: It is wrong: use grow=1."
    again = pickle.loads(pickle.dumps(error))  # as it comes from another process
    assert (str(again), again.remedies) == (str(error), error.remedies)


def test_it_can_be_caught_as_python_s_own() -> None:
    with pytest.raises(ValueError, match="use grow=1"):
        raise MaskError("It is wrong", Remedy("grow", 1))
