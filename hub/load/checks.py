"""What a load run holds against the hub: each person's view checked against the contract.

Pure bookkeeping: messages and times come in, violations come out. docs/protocol.md
section 4 ("Promises") is the source of every check.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import msgspec

from rooms.errors import Code

VIOLATIONS_KEPT: Final = 50
CODES: Final = frozenset(Code)


class Body(msgspec.Struct):
    text: str = ""


class Incoming(msgspec.Struct):
    """The fields of any server message that a check looks at."""

    type: str
    re: int | None = None
    room: str = ""
    epoch: str = ""
    seq: int = -1
    kind: str = ""
    code: str = ""
    resume: str = ""
    position: int = 0
    total: int = 0
    live: int = 0
    held: int = 0
    offered: int = 0
    capacity: int = 0
    retry_after_ms: int = 0
    body: Body | None = None


DECODE: Final = msgspec.json.Decoder(list[Incoming]).decode


@dataclass(slots=True)
class Tally:
    """What one client process saw; added up over processes by the parent."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)
    inside: Counter[str] = field(default_factory=Counter)
    peak: Counter[str] = field(default_factory=Counter)

    def violation(self, check: str, detail: str) -> None:
        self.violations[check] += 1
        if len(self.samples) < VIOLATIONS_KEPT:
            self.samples.append(f"{check}: {detail}")

    def seated(self, room: str, capacity: int, by: int) -> None:
        """Someone of ours took (+1) or gave up (-1) a seat; never more than ``capacity``."""
        self.inside[room] += by
        if self.inside[room] > self.peak[room]:
            self.peak[room] = self.inside[room]
        if self.inside[room] > capacity:
            self.violation("capacity", f"{room}: {self.inside[room]} entered of {capacity}")


class View:
    """One person's view of one room, over all their sockets."""

    def __init__(self, person: str, room: str, capacity: int, tally: Tally) -> None:
        self.person, self.room, self.capacity = person, room, capacity
        self.tally = tally
        self.seated = False
        self.waiting: int | None = None  # last position told
        self.epoch = ""
        self.seq = -1
        self.outside = True  # nothing of the room may come: not entered yet, or `left` was said
        self.pending: dict[int, float] = {}  # message id -> when it was sent

    def sent(self, number: int, at: float) -> None:
        self.pending[number] = at

    def answered(self, message: Incoming) -> float | None:
        """When the answered message was sent; a second answer is a violation."""
        if message.re is None:
            return None
        sent = self.pending.pop(message.re, None)
        if sent is None:
            self._fault("answers", f"unasked or second answer {message.type} to {message.re}")
        return sent

    def unanswered(self, now: float, patience_s: float) -> None:
        """The end of a socket that was not cut: everything older must have been answered."""
        for number, at in self.pending.items():
            if now - at > patience_s:
                self._fault("answers", f"no answer to {number} in {now - at:.1f} s")
        self.pending.clear()

    def take(self, message: Incoming) -> None:
        """Check one message against what is known so far."""
        match message.type:
            case "entered":
                self.epoch, self.seq, self.waiting = message.epoch, message.seq, None
                self.outside = False
                self._seat(True)
            case "resumed":
                if message.seq != self.seq:
                    self._fault("seq", f"resumed at {message.seq}, last event was {self.seq}")
                self.outside = False
                self._seat(True)
            case "left":
                self.left()
            case "event":
                self._event(message)
            case "waiting":
                self._place(message)
            case "refused":
                self.tally.counts[f"refused {message.code}"] += 1
                self._code(message)
                self._seat(False)
            case "error":
                self.tally.counts[f"error {message.code}"] += 1
                self._code(message)
            case "room":
                occupied = message.live + message.held + message.offered
                if occupied > message.capacity:
                    self._fault("capacity", f"{occupied} of {message.capacity} occupied")

    def _event(self, message: Incoming) -> None:
        if self.outside:
            self._fault("seq", f"event {message.seq} of a room that was left or never entered")
            return
        if message.epoch != self.epoch:
            self._fault("seq", f"epoch {message.epoch} without a snapshot")
            self.epoch = message.epoch
        elif message.seq != self.seq + 1:
            what = "repeat" if message.seq <= self.seq else "hole"
            self._fault("seq", f"{what}: {message.seq} after {self.seq}")
        self.seq = message.seq

    def _place(self, message: Incoming) -> None:
        if not 1 <= message.position <= message.total:
            self._fault("positions", f"position {message.position} of {message.total}")
        if self.seated and message.re is None:
            self._fault("positions", "told to wait while seated")
        if self.waiting is not None and message.position > self.waiting:
            self._fault("positions", f"fell back from {self.waiting} to {message.position}")
        self.waiting = message.position
        self._seat(False)

    def _code(self, message: Incoming) -> None:
        if message.code not in CODES:
            self._fault("codes", f"unknown code {message.code!r}")

    def _seat(self, on: bool) -> None:
        if self.seated != on:
            self.seated = on
            self.tally.seated(self.room, self.capacity, 1 if on else -1)

    def gone(self) -> None:
        """The socket is closed, by whoever: not counted inside until the hub says so again."""
        self._seat(False)
        self.pending.clear()

    def leaving(self) -> None:
        """A leave was sent. Events still come, each in its turn, until it is answered."""
        self._seat(False)
        self.waiting = None

    def left(self) -> None:
        """A clean goodbye: no seat, no place, nothing to come back to."""
        self.leaving()
        self.epoch, self.seq, self.outside = "", -1, True

    def _fault(self, check: str, detail: str) -> None:
        self.tally.violation(check, f"{self.person} in {self.room}: {detail}")
