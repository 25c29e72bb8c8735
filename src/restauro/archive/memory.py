"""How much memory there is, how much a picture will take, and a gate that lets in as many as fit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from restauro.errors import MemoryShortError
from restauro.files.reading import read_extent
from restauro.numerics.threads import usable_cores
from restauro.scratch import is_large, usable_memory

_ONE = 32 << 20  # bytes that every picture at work takes
_COPIES, _A_PIXEL = 2, 32  # a picture and its result; what is solved where a twelfth of it is hole
_MASK = 4  # bytes a pixel, at least
_ON_DISK = 1 << 29  # bytes that a picture takes at least that is worked on in a file
# Where a network looks for damage: bytes for any, and a pixel of a small one, up to those of a tile or two; a pixel.
_LOOKING, _CLOSELY, _TILES, _LOOKED_AT = 120 << 20, 900, 1000 << 20, 30


@dataclass(frozen=True)
class Need:
    """How many bytes work on a picture is likely to take, and at the least."""

    likely: int
    least: int


def foretold(path: Path, page: int | None = None, *, looks: bool = False) -> Need:
    """Foretell the memory that work on a picture takes, by its size, depth and bands; it isn't decoded.

    looks: whether damage is looked for.

    Raises
    ------
    ReadError
        It is no picture.
    """
    return of_pixels(*read_extent(path, page), looks=looks)


def of_pixels(pixels: int, size: int, *, looks: bool = False) -> Need:
    """Foretell the memory for a picture of which the number of pixels and their bytes are known."""
    if is_large(pixels, size) and not looks:
        return Need(_ONE + _ON_DISK + _A_PIXEL * pixels, _ONE + _ON_DISK)
    both = _ONE + _COPIES * size + (_looking(pixels) if looks else 0)
    return Need(both + _A_PIXEL * pixels, both + _MASK * pixels)


def _looking(pixels: int) -> int:
    return max(min(_TILES, _LOOKING + _CLOSELY * pixels), _LOOKED_AT * pixels)


class Gate:
    """Lets work on pictures begin while their memory fits together; one that is as large as all of it goes in alone.

    Parameters
    ----------
    memory
        Bytes that all may take together.
    cores
        Threads that all may use together.

    Examples
    --------
    >>> gate = Gate(memory=100, cores=4)
    >>> with gate.entered(Need(30, 20)) as few, gate.entered(Need(50, 30)) as many:
    ...     few, many
    (1, 2)
    """

    def __init__(self, memory: int, cores: int) -> None:
        self.memory, self.cores = memory, cores
        self.least_threads = 1  # of each picture: more where fewer pictures are left than there are cores
        self._taken, self._inside = 0, 0
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def entered(self, need: Need) -> Iterator[int]:
        """Wait until there is room; give how many threads the work may use: of the cores the share it has of memory.

        Raises
        ------
        MemoryShortError
            Even at the least it takes more than there is.
        """
        check_fits(need, self.memory)
        needed = need.likely
        turn = object()
        with self._changed:
            self._waiting.append(turn)  # nobody overtakes: a large one would wait for ever
            self._changed.wait_for(lambda: self._waiting[0] is turn and self._fits(needed))
            self._waiting.popleft()
            self._taken += needed
            self._inside += 1
            self._changed.notify_all()
        try:
            share = int(self.cores * needed / self.memory)
            yield max(1, min(self.cores, max(share, self.least_threads)))
        finally:
            with self._changed:
                self._taken -= needed
                self._inside -= 1
                self._changed.notify_all()

    def _fits(self, needed: int) -> bool:
        return not self._inside or self._taken + needed <= self.memory


def check_fits(need: Need, there: int) -> None:
    """Raise MemoryShortError for what takes more memory than there is even at the least."""
    if need.least > there:
        raise MemoryShortError(
            f"It takes at least {_in_words(need.least)} of memory, and there is {_in_words(there)} for it: take a "
            "machine with more."
        )


def _in_words(size: int) -> str:
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


_gates: list[Gate] = []  # one a process, for all that is at work there
_making = threading.Lock()


def gate(memory: int | None = None, cores: int | None = None) -> Gate:
    """Return this process's gate, made at the first call: by default of all usable memory and cores."""
    with _making:
        if not _gates:
            _gates.append(Gate(memory or usable_memory(), cores or usable_cores()))
        return _gates[0]
