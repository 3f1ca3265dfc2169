"""The audit log on SQL."""

from __future__ import annotations

from hub.fair.base import Part


class SqlAudit(Part):
    """Implements ``hub.ports``' side of it."""
