"""Appointments on SQL."""

from __future__ import annotations

from hub.fair.base import Part

__all__ = ["SqlAppointments"]


class SqlAppointments(Part):
    """Implements ``hub.ports.appointments.Appointments``."""
