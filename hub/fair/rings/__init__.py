"""Rings on SQL: ``SqlRings``, put together from what it does.

rows      rows and records, what the others share      ending    declined, given up, too late
calling   a ring begins                                records   read by the company
taking    one of the staff takes it                    privacy   a person's data, and its end
"""

from __future__ import annotations

from hub.fair.rings.records import Records

__all__ = ["SqlRings"]


class SqlRings(Records):
    """Implements ``hub.ports.rings.Rings``."""
