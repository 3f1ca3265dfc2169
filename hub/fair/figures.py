"""The fair's figures on SQL."""

from __future__ import annotations

from hub.fair.base import Part


class SqlFigures(Part):
    """Implements ``hub.ports``' side of it."""
