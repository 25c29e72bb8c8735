from __future__ import annotations

import click
import pytest

from restauro.cli.restore import command
from restauro.cli.wording import worded
from restauro.errors import MaskError, Remedy


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        (Remedy("polarity", "black", "where black marks the damage"), "--mask-polarity black where black marks"),
        (Remedy("accept_large_holes", True), "--accept-large-holes"),
        (Remedy("mask", "color:#ff0000"), "--mask 'color:#ff0000'"),
        (Remedy("save_mask", why="with another name"), "--save-mask with another name"),
        (Remedy("grow", 3), "--grow 3"),
        (Remedy("values", (1, 2)), "--mask-value 1,2"),
    ],
)
def test_a_remedy_is_an_option_of_the_command(remedy: Remedy, words: str) -> None:
    assert worded(MaskError("It is wrong", remedy), command).startswith(f"It is wrong: use {words}")
    with click.Context(command):
        assert words in worded(MaskError("It is wrong", remedy))


def test_what_a_command_has_no_option_for_is_left_out() -> None:
    error = MaskError("It is wrong", Remedy("radiance", 3), "take another")
    assert worded(error, command) == "It is wrong: take another."
    assert worded(MaskError("It is wrong", Remedy("radiance", 3)), command) == "It is wrong."


def test_other_errors_are_said_as_they_are() -> None:
    assert worded(MemoryError("Unable to allocate 3 TiB"), command) == "Unable to allocate 3 TiB"
    assert worded(MaskError("All is said."), command) == "All is said."
