"""The fair's settings on SQL."""

from __future__ import annotations

from hub.fair.base import Part


class SqlSettings(Part):
    """Implements ``hub.ports``' side of it."""
