"""Which times can be offered and asked for."""

from __future__ import annotations

from hub.ports.appointments import AHEAD_MS, TICK_MS, AppointmentRefused
from rooms.appointments import LENGTHS_MIN

_MINUTE_MS = 60_000


def check_times(starts_ms: int, ends_ms: int, now_ms: int) -> None:
    """Raises AppointmentRefused: bad_time, bad_length, in_the_past, too_far."""
    if starts_ms % TICK_MS or ends_ms % _MINUTE_MS:
        raise AppointmentRefused("bad_time")
    length, rest = divmod(ends_ms - starts_ms, _MINUTE_MS)
    if rest or length not in LENGTHS_MIN:
        raise AppointmentRefused("bad_length")
    if starts_ms <= now_ms:
        raise AppointmentRefused("in_the_past")
    if starts_ms > now_ms + AHEAD_MS:
        raise AppointmentRefused("too_far")
