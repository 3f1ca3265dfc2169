"""The programme on SQL: what is on when and where, whose agenda it is in, who speaks."""

from __future__ import annotations

from hub.fair.conferences.agendas import Agendas
from hub.fair.conferences.changes import Changes
from hub.fair.conferences.hours import RoomHours
from hub.fair.conferences.lists import Lists


class SqlConferences(Changes, Lists, Agendas, RoomHours):
    """Implements ``hub.ports.programme.Conferences``."""


__all__ = ["SqlConferences"]
