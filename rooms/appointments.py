"""What can become of an appointment: from each state, by which act of whom, into which state.

STATES is the whole of it. An act that is not possible in a state has the code of its refusal
there, so that nothing is left open. MAY says whose acts they are; the fair itself acts when time
has passed. Rounds, appointments of several companies, are decided by ``round_state``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final

TICK_MS: Final = 5 * 60_000  # people's time is taken in pieces of five minutes
LENGTHS_MIN: Final = range(15, 61, 5)
LATE_MS: Final = 5 * 60_000  # who comes later than this after the beginning is late
REMIND_MS: Final = 15 * 60_000  # so long before the beginning both sides are reminded


class State(StrEnum):
    PENDING = "pending"  # asked for: the company's answer is awaited
    COUNTERED = "countered"  # the company proposed another time: the visitor's answer is
    CONFIRMED = "confirmed"
    RUNNING = "running"  # both sides have come
    DONE = "done"
    NO_SHOW = "no_show"  # over, and somebody did not come
    DECLINED = "declined"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"  # nobody answered in time


class Act(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    PROPOSE = "propose"  # another time
    HAND_OVER = "hand_over"  # to a colleague
    CANCEL = "cancel"
    LAPSE = "lapse"
    START = "start"
    FINISH = "finish"
    MISS = "miss"  # somebody did not come


class Side(StrEnum):
    COMPANY = "company"
    VISITOR = "visitor"
    FAIR = "fair"  # time has passed
    ORGANISER = "organiser"


class Code(StrEnum):
    """Why an act is refused here; stable."""

    NOT_YOURS = "not_yours"  # the act is the other side's
    NOT_ASKED = "not_asked"  # nothing waits for an answer
    NOT_AGREED = "not_agreed"  # it was not agreed yet
    OVER = "over"  # nothing can change any more


#: States in which nothing is decided or still to come: what they hold is free.
ENDED: Final = frozenset({State.DONE, State.NO_SHOW, State.DECLINED, State.CANCELLED, State.LAPSED})
WAITING: Final = frozenset({State.PENDING, State.COUNTERED})
AGREED: Final = frozenset({State.CONFIRMED, State.RUNNING})

_OVER: Final[dict[Act, State | Code]] = dict.fromkeys(Act, Code.OVER)

STATES: Final[dict[State, dict[Act, State | Code]]] = {
    State.PENDING: {
        Act.ACCEPT: State.CONFIRMED,
        Act.DECLINE: State.DECLINED,
        Act.PROPOSE: State.COUNTERED,
        Act.HAND_OVER: State.PENDING,
        Act.CANCEL: State.CANCELLED,
        Act.LAPSE: State.LAPSED,
        Act.START: Code.NOT_AGREED,
        Act.FINISH: Code.NOT_AGREED,
        Act.MISS: Code.NOT_AGREED,
    },
    State.COUNTERED: {
        Act.ACCEPT: State.CONFIRMED,
        Act.DECLINE: State.DECLINED,
        Act.PROPOSE: State.COUNTERED,
        Act.HAND_OVER: State.COUNTERED,
        Act.CANCEL: State.CANCELLED,
        Act.LAPSE: State.LAPSED,
        Act.START: Code.NOT_AGREED,
        Act.FINISH: Code.NOT_AGREED,
        Act.MISS: Code.NOT_AGREED,
    },
    State.CONFIRMED: {
        Act.ACCEPT: Code.NOT_ASKED,
        Act.DECLINE: Code.NOT_ASKED,
        Act.PROPOSE: Code.NOT_ASKED,
        Act.HAND_OVER: State.CONFIRMED,
        Act.CANCEL: State.CANCELLED,
        Act.LAPSE: Code.NOT_ASKED,
        Act.START: State.RUNNING,
        Act.FINISH: State.DONE,
        Act.MISS: State.NO_SHOW,
    },
    State.RUNNING: {
        Act.ACCEPT: Code.NOT_ASKED,
        Act.DECLINE: Code.NOT_ASKED,
        Act.PROPOSE: Code.NOT_ASKED,
        Act.HAND_OVER: State.RUNNING,
        Act.CANCEL: Code.OVER,  # it is taking place: it is ended in its room
        Act.LAPSE: Code.NOT_ASKED,
        Act.START: Code.NOT_ASKED,
        Act.FINISH: State.DONE,
        Act.MISS: Code.OVER,
    },
    State.DONE: _OVER,
    State.NO_SHOW: _OVER,
    State.DECLINED: _OVER,
    State.CANCELLED: _OVER,
    State.LAPSED: _OVER,
}

_COMPANY: Final = frozenset({Side.COMPANY})
_BOTH: Final = frozenset({Side.COMPANY, Side.VISITOR})
_FAIR: Final = frozenset({Side.FAIR})

#: Whose act it is. Where an answer is awaited it is that side's (``turn``).
MAY: Final[dict[Act, frozenset[Side]]] = {
    Act.ACCEPT: _BOTH,
    Act.DECLINE: _BOTH,
    Act.PROPOSE: _COMPANY,
    Act.HAND_OVER: _COMPANY,
    Act.CANCEL: frozenset({Side.COMPANY, Side.VISITOR, Side.ORGANISER}),
    Act.LAPSE: _FAIR,
    Act.START: _FAIR,
    Act.FINISH: _FAIR,
    Act.MISS: frozenset({Side.FAIR, Side.COMPANY}),
}


class Refused(Exception):
    """The act is not possible; nothing changes."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.value)
        self.code = code


def turn(state: State) -> Side | None:
    """Whose answer is awaited."""
    return {State.PENDING: Side.COMPANY, State.COUNTERED: Side.VISITOR}.get(state)


def decide(state: State, act: Act, side: Side) -> State:
    """The state after ``act`` of ``side``. Raises Refused; changes nothing."""
    if side not in MAY[act]:
        raise Refused(Code.NOT_YOURS)
    after = STATES[state][act]
    if isinstance(after, Code):
        raise Refused(after)
    if act in (Act.ACCEPT, Act.DECLINE) and side is not turn(state):
        raise Refused(Code.NOT_YOURS)
    return after


def round_state(answers: Collection[str]) -> State:
    """Of a round whose companies (the one that proposed it too) have answered so: ``invited``,
    ``accepted`` or ``declined``. It takes place once all have answered and two accepted."""
    accepted = sum(answer == "accepted" for answer in answers)
    open_still = sum(answer == "invited" for answer in answers)
    if accepted + open_still < 2:
        return State.DECLINED
    return State.PENDING if open_still else State.CONFIRMED


def ticks(starts_ms: int, ends_ms: int) -> range:
    """The numbers of the pieces of time that [starts, ends) touches."""
    return range(starts_ms // TICK_MS, -(-ends_ms // TICK_MS))


class NoSuchTime(ValueError):
    """The clocks of the zone leap over it."""


def moment(local: datetime, zone: tzinfo) -> int:
    """A time as clocks in ``zone`` show it, in milliseconds since the epoch; of two that show
    the same the first. Raises NoSuchTime."""
    there = local.replace(tzinfo=zone, fold=0)
    if there.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != local:
        raise NoSuchTime(local.isoformat())
    return round(there.timestamp() * 1000)


def series(
    days: Sequence[date], opens: time, closes: time, zone: tzinfo, length_min: int, pause_min: int
) -> list[tuple[int, int]]:
    """(start, end) of each slot from ``opens`` to ``closes`` on each of ``days``, one after
    another with a pause between; none is longer or shorter where the clocks change. ``closes``
    at or before ``opens`` is on the next day. Raises NoSuchTime."""
    length, step = length_min * 60_000, (length_min + pause_min) * 60_000
    found = []
    for day in sorted(set(days)):
        until = day if closes > opens else day + timedelta(days=1)
        first = moment(datetime.combine(day, opens), zone)
        last = moment(datetime.combine(until, closes), zone)
        found += [(start, start + length) for start in range(first, last - length + 1, step)]
    return found
