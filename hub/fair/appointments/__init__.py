"""Appointments on SQL: ``SqlAppointments``, put together from what it does.

rows      rows and records, what all share     busy      time that is promised, each piece once
times     which times can be offered           slots     what a company offers
asking    requests, quotas, clashes            acting    answers, hand over, cancel
rounds    talks of several companies           reading   lists, log, times both sides have
ending    what is held, given back; the talk   passing   lapses, reminders, who came
privacy   a person's data: copy, erasure
"""

from __future__ import annotations

from hub.fair.appointments.passing import Passing

__all__ = ["SqlAppointments"]


class SqlAppointments(Passing):
    """Implements ``hub.ports.appointments.Appointments``."""
