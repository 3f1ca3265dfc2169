"""The whole fair's occupancy (Redis)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rooms.model import RoomState


@dataclass(frozen=True, slots=True)
class BoardRow:
    room: str
    live: int
    held: int
    offered: int
    waiting: int
    capacity: int
    reserved: int
    locked: bool
    state: RoomState
    stage: int
    hands: int
    oldest_wait_ms: int | None
    #: Privileged people seated or offered; None while nothing is reserved (or not yet known).
    privileged: int | None = None


@dataclass(frozen=True, slots=True)
class BoardSnapshot:
    at_ms: int
    rows: tuple[BoardRow, ...]


class Board(Protocol):
    async def read(self) -> BoardSnapshot:
        """At most 2 s old; summed by a leader from per-partition hashes."""
        ...
