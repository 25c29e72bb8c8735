"""Simulates an archive on many machines: how long it takes, and what it waits for. Nothing is measured but the rates.

Each machine works on some pictures at once. Each picture is read through one of the store's channels, computed, and
written through a channel; the client's plan and ledger take their time for each, one after the other. Machines differ,
some pictures take much longer than others, and machines fail: what they had at work is done again by whoever is free.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, field

import _tables

HOUR = 3600.0


@dataclass(frozen=True)
class Rates:
    """What things take.

    Attributes
    ----------
    read, written
        Megabytes of a picture with its mask, and of its result.
    work
        Seconds of one core for a picture, beside its files.
    channel
        Megabytes a second of one transfer.
    channels
        Transfers that the store serves at once at that rate.
    client
        Seconds of plan and ledger a picture.
    at_once
        Pictures at work on a machine.
    spread
        Standard deviation of the logarithm of how long pictures take.
    slow_machines, slowness
        Share of machines that take some times as long.
    between_failures, repair
        Mean seconds between a machine's failures, and until it works again.
    """

    read: float = 301.0
    written: float = 300.0
    work: float = 33.0
    channel: float = 100.0
    channels: int = 100
    client: float = 0.005
    at_once: int = 8
    spread: float = 0.3
    slow_machines: float = 0.02
    slowness: float = 3.0
    between_failures: float = 30 * 24 * HOUR
    repair: float = HOUR


@dataclass
class Outcome:
    """What came of it: seconds, times each picture was finished, pictures lost, shares of the time that were used."""

    seconds: float = 0.0
    finished: list[int] = field(default_factory=list)
    lost: int = 0
    store: float = 0.0
    machines: float = 0.0
    client: float = 0.0


class Simulation:
    """An archive on some machines, event by event."""

    def __init__(self, pictures: int, machines: int, rates: Rates, seed: int = 0) -> None:
        self.rates, self.machines = rates, machines
        self.rng = random.Random(seed)
        self.to_do = deque(range(pictures))
        self.outcome = Outcome(finished=[0] * pictures)
        self.factors = [rates.slowness if self.rng.random() < rates.slow_machines else 1.0 for _ in range(machines)]
        self.down: set[int] = set()
        self.lives = [0] * machines  # how often each has failed: events of an earlier life are void
        self.events: list[tuple[float, int, str, int, int, int]] = []  # time, number, what, machine, life, picture
        self.numbered = 0
        self.free_channels = rates.channels
        self.waiting: deque[tuple[float, str, int, int, int]] = deque()
        self.client_free = 0.0
        self.at_work: list[set[int]] = [set() for _ in range(machines)]
        self.now = 0.0

    def run(self) -> Outcome:
        """Do all pictures."""
        rates = self.rates
        for machine in range(self.machines):
            self.later(self.rng.expovariate(1 / rates.between_failures), "fails", machine)
            for _ in range(rates.at_once):
                self.begin(machine)
        left = len(self.to_do) + sum(map(len, self.at_work))
        while left:
            self.now, _, what, machine, life, picture = heapq.heappop(self.events)
            if what in ("reading", "writing"):
                self.free_channels += 1
                self.transfer()
            if what == "fails":
                self.fail(machine)
            elif what == "works again":
                self.down.discard(machine)
                for _ in range(rates.at_once):
                    self.begin(machine)
            elif life == self.lives[machine] and picture in self.at_work[machine]:
                if what == "asked":
                    self.ask(rates.read, "reading", machine, picture)
                elif what == "reading":
                    seconds = rates.work * self.factors[machine] * self.rng.lognormvariate(0, rates.spread)
                    self.outcome.machines += seconds
                    self.later(seconds, "computing", machine, picture)
                elif what == "computing":
                    self.ask(rates.written, "writing", machine, picture)
                else:
                    self.at_work[machine].discard(picture)
                    self.outcome.finished[picture] += 1
                    left -= 1
                    self.outcome.seconds = self.now
                    self.begin(machine)
        total = self.outcome.seconds or 1.0
        self.outcome.store /= total * rates.channels
        self.outcome.machines /= total * self.machines * rates.at_once
        self.outcome.client = len(self.outcome.finished) * rates.client / total
        return self.outcome

    def begin(self, machine: int) -> None:
        """Give a machine its next picture, once the client has come to it."""
        if self.to_do:
            picture = self.to_do.popleft()
            self.at_work[machine].add(picture)
            self.client_free = max(self.client_free, self.now) + self.rates.client
            self.later(self.client_free - self.now, "asked", machine, picture)

    def ask(self, size: float, what: str, machine: int, picture: int) -> None:
        """Ask the store for a channel."""
        seconds = size / self.rates.channel
        self.waiting.append((seconds, what, machine, self.lives[machine], picture))
        self.outcome.store += seconds
        self.transfer()

    def transfer(self) -> None:
        """Give free channels to those who have waited longest."""
        while self.free_channels and self.waiting:
            seconds, what, machine, life, picture = self.waiting.popleft()
            if life == self.lives[machine]:
                self.free_channels -= 1
                self.later(seconds, what, machine, picture)

    def fail(self, machine: int) -> None:
        """Have a machine fail: others do what it had at work."""
        self.lives[machine] += 1
        self.down.add(machine)
        self.outcome.lost += len(self.at_work[machine])
        self.to_do.extendleft(sorted(self.at_work[machine]))
        self.at_work[machine].clear()
        self.later(self.rates.repair, "works again", machine)
        self.later(self.rates.repair + self.rng.expovariate(1 / self.rates.between_failures), "fails", machine)
        for other in range(self.machines):  # those who found nothing more to do
            if not self.to_do:
                break
            if other not in self.down and len(self.at_work[other]) < self.rates.at_once:
                self.begin(other)

    def later(self, seconds: float, what: str, machine: int, picture: int = -1) -> None:
        """Have something happen after some seconds."""
        self.numbered += 1
        event = (self.now + seconds, self.numbered, what, machine, self.lives[machine], picture)
        heapq.heappush(self.events, event)


SCENARIOS = {
    "edge-enhancing, 10 GB/s": Rates(),
    "edge-enhancing, 100 GB/s": Rates(channels=1000),
    "telea, 10 GB/s": Rates(work=5.3),
}


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--pictures", type=int, default=1_000_000)
    arguments = options.parse_args()
    rows = []
    for what, rates in SCENARIOS.items():
        for machines in (1, 10, 100, 1000):
            outcome = Simulation(arguments.pictures, machines, rates).run()
            hours = outcome.seconds / HOUR
            rows.append(
                [
                    what, f"{machines}", f"{hours / 24:.1f}", f"{hours * machines:,.0f}".replace(",", " "),
                    f"{outcome.machines:.0%}", f"{outcome.store:.0%}", f"{outcome.client:.0%}", f"{outcome.lost}",
                ]
            )  # fmt: skip
    head = [
        "method, store",
        "machines",
        "days",
        "machine hours",
        "cores used",
        "store used",
        "client used",
        "done twice",
    ]
    rates = Rates()
    works = ", ".join({f"{what.partition(',')[0]} {some.work:g}": None for what, some in SCENARIOS.items()})
    introduction = (
        f"Simulated by `python3 dev.py bench scale`, not measured. {arguments.pictures} scans of 100 megapixels "
        f"({rates.read:g} MB in, {rates.written:g} MB out) on machines of {rates.at_once} cores, each core with a "
        f"picture of its own; core seconds a picture: {works}. The store gives {rates.channel:g} MB/s to each "
        f"transfer. Plan and ledger take {rates.client * 1000:g} ms a picture. {rates.slow_machines:.0%} of the "
        f"machines take {rates.slowness:g} times as long, and each fails once in "
        f"{rates.between_failures / HOUR / 24:g} days, for an hour."
    )
    _tables.publish("scale", "An archive on many machines", [introduction, _tables.table(head, rows)],
                    print_only=arguments.print_only)  # fmt: skip


if __name__ == "__main__":
    main()
