"""Entry slots, identity numbers and passes on SQL."""

from __future__ import annotations

from hub.fair.base import Part


class SqlPasses(Part):
    """Implements ``hub.ports``' side of it."""
