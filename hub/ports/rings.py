"""Ringing a company's booth: one call, many staff, one who takes it."""

from __future__ import annotations

from typing import Final, Literal, Protocol

State = Literal["ringing", "answered", "refused", "missed", "cancelled"]

RING_MS: Final = 30_000


class Rings(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""
