"""Talks on SQL."""

from __future__ import annotations

from hub.fair.base import Part

__all__ = ["SqlTalks"]


class SqlTalks(Part):
    """Implements ``hub.ports.talks.Talks``."""
