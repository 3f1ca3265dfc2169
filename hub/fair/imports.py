"""Imports on SQL."""

from __future__ import annotations

from hub.fair.base import Part


class SqlImports(Part):
    """Implements ``hub.ports``' side of it."""
