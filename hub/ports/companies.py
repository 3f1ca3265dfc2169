"""Companies: the directory, pages, staff, and the people who were interested."""

from __future__ import annotations

from typing import Protocol


class Companies(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""
