"""Appointments between visitors and companies. Times are milliseconds since the epoch."""

from __future__ import annotations

from typing import Final, Literal, Protocol

Form = Literal["single", "group", "round"]
Place = Literal["online", "on_site", "both"]
State = Literal[
    "pending", "countered", "confirmed", "declined", "cancelled", "lapsed", "running", "done",
    "no_show",
]  # fmt: skip

#: The length of the pieces in which a person's time is taken.
TICK_MS: Final = 5 * 60_000


class Appointments(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""
