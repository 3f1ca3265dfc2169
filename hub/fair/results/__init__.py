"""Results on SQL."""

from __future__ import annotations

from hub.fair.base import Part

__all__ = ["SqlResults"]


class SqlResults(Part):
    """Implements ``hub.ports.results.Results``."""
