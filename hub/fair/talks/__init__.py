"""Talks on SQL: ``SqlTalks``, put together from what it does.

rows        rows and records, what all share    running     extension, end, what is overdue
opening     drafts, ``insert_talk``             belonging   who belongs to a talk
"""

from __future__ import annotations

from hub.fair.talks.opening import insert_talk
from hub.fair.talks.running import Running

__all__ = ["SqlTalks", "insert_talk"]


class SqlTalks(Running):
    """Implements ``hub.ports.talks.Talks``."""
