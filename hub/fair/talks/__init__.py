"""Talks on SQL: ``SqlTalks``, put together from what it does.

rows        rows and records, what all share    invites     signed invitations
opening     drafts, ``insert_talk``             content     what a file is, what its name may be
belonging   who belongs to a talk               keeping     files and notes, sealed
running     extension, end, what is overdue     overview    numbers and lists for the organiser
privacy     a copy of a person's data, and its end
"""

from __future__ import annotations

from hub.fair.talks.opening import insert_talk
from hub.fair.talks.overview import Overview

__all__ = ["SqlTalks", "insert_talk"]


class SqlTalks(Overview):
    """Implements ``hub.ports.talks.Talks``."""
