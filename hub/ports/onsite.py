"""Visitors on site: identity numbers, entry slots, passes, the gate."""

from __future__ import annotations

from typing import Protocol


class Passes(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""
