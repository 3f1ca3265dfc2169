"""Conferences, speakers, agendas, calendar feeds."""

from __future__ import annotations

from typing import Protocol


class Conferences(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""
