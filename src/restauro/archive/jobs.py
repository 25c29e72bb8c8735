"""`Job`: what is to be done with one picture; `Outcome`: what came of it. Both are plain values that can be sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from restauro.archive.places import Stamp
from restauro.record import Record

DECISIONS = ("accept", "edited", "reject")


@dataclass(frozen=True)
class Job:
    """What is to be done with one picture.

    Attributes
    ----------
    act
        What is done: a word of `restauro.archive.working.ACTS`.
    picture, output
        Where the picture is, and where what is made of it goes: an absolute path, or a URL.
    reads, writes
        Further files by the argument that names them, such as `mask` or `preview`; of several that one argument names,
        each by its own name behind a colon: `each:dust`.
    options
        All other arguments, plain values.
    decision, reviewer
        What a person has decided of what was proposed, of `DECISIONS`, and who; empty where it wasn't asked.
    proposed
        Digest of the mask as it was proposed; empty where none was.
    later
        What a plan made of this one says of it: columns by name, such as where the picture goes that a mask is for.
    problem
        Why it can't be done, where that is known beforehand.
    """

    act: str
    picture: str
    output: str
    reads: dict[str, str] = field(default_factory=dict)
    writes: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    decision: str = ""
    reviewer: str = ""
    proposed: str = ""
    later: dict[str, str] = field(default_factory=dict)
    problem: Exception | None = None

    @property
    def inputs(self) -> list[str]:
        """Where all that it reads is, the picture first."""
        return [self.picture, *map(named_file, self.reads.values())]

    @property
    def products(self) -> list[str]:
        """Where all that it writes goes, the output first."""
        return [self.output, *self.writes.values()]

    def settings(self) -> str:
        """Return what of it, beside the files' contents, decides what is written, as JSON.

        >>> Job("restore", "/a.png", "/b.png", {"mask": "/m.png"}, options={"seed": 0, "overwrite": True}).settings()
        '{"act": "restore", "options": {"seed": 0}, "picture": "/a.png", "reads": {"mask": "/m.png"}, "writes": {}}'
        """
        options = {name: value for name, value in self.options.items() if name != "overwrite"}
        about = {"act": self.act, "picture": self.picture, "reads": self.reads, "writes": self.writes}
        return json.dumps(about | {"options": options}, sort_keys=True, default=str)


def named_file(named: str) -> str:
    """Return the file that is named, also within a word: infrared:FILE.

    >>> named_file("infrared:/scans/a-ir.tif")
    '/scans/a-ir.tif'
    """
    return named.removeprefix("infrared:")


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes
    ----------
    job
        The job.
    state
        "done"; "failed"; of one that wasn't begun: "known" (done before), "undecided", "rejected".
    record
        What was done; None where nothing was, and of what was done before.
    error
        What went wrong; None where nothing did.
    facts
        What the report says beside: plain values by name.
    inputs, products
        Size, time, ETag and digest of every file that was read, and written.
    before, after
        Small JPEGs of the picture and of what was made of it; empty where none were asked for.
    """

    job: Job
    state: str
    record: Record | None = None
    error: Exception | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Stamp] = field(default_factory=dict)
    products: dict[str, Stamp] = field(default_factory=dict)
    before: bytes = b""
    after: bytes = b""
