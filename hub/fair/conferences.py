"""The programme on SQL."""

from __future__ import annotations

from hub.fair.base import Part


class SqlConferences(Part):
    """Implements ``hub.ports``' side of it."""
