"""What happened: audit log, attendance, webhooks."""

from __future__ import annotations

from typing import Protocol


class Audit(Protocol):
    """The append-only, hash-chained log of what moderators and organisers did."""


class Attendance(Protocol):
    """Who was in which room, from when to when."""


class Webhooks(Protocol):
    """Endpoints, what waits for them, what they answered."""
