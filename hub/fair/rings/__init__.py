"""Rings on SQL."""

from __future__ import annotations

from hub.fair.base import Part

__all__ = ["SqlRings"]


class SqlRings(Part):
    """Implements ``hub.ports.rings.Rings``."""
