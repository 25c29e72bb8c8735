"""What else is to be known of a file that was worked on: a sentence for people, with a code for programs."""

from __future__ import annotations


class Note(str):
    """A sentence about what else is to be known, with a code that stays the same when the sentence is worded anew.

    It is a text, and is used like one: printed, joined, compared, written as JSON.

    Parameters
    ----------
    code
        Lower-case words with hyphens between that say what was met, such as "mask-empty" or "layers-left-out".
    text
        The sentence, with the values of this file.

    Examples
    --------
    >>> note = Note("smaller-copies-left-out", "2 smaller copies of the picture were left out: they show the damage.")
    >>> print(note.code, "|", note)
    smaller-copies-left-out | 2 smaller copies of the picture were left out: they show the damage.
    """

    __slots__ = ("code",)

    code: str

    def __new__(cls, code: str, text: str) -> Note:
        """Make a text that carries a code."""
        note = super().__new__(cls, text)
        note.code = code
        return note

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # a text's own has the text alone
        """Return what copies and pickles are made of."""
        return self.code, str(self)

    def __repr__(self) -> str:
        return f"Note({self.code!r}, {str(self)!r})"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things, and what is said of one or of many.

    >>> print(counted(2, "pixel"), "|", counted(1, "copy was left out", "copies were left out"))
    2 pixels | 1 copy was left out
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"
