"""Ringing a booth: how a ring goes from ringing to its end, and who is told what of it.

One table holds every step; what is not in it does not happen. Whether a step is the first is
decided where rings are kept (``hub.ports.rings``), by one statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec

from rooms import news as n
from rooms.messages import encode

RING_MS: Final = 30_000  # then nobody answered
PER_HOUR: Final = 10  # rings of one visitor
SUBJECT_MAX: Final = 200  # characters


class State(StrEnum):
    RINGING = "ringing"
    ANSWERED = "answered"
    REFUSED = "refused"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Why(StrEnum):
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    HUNG_UP = "hung_up"
    DROPPED = "dropped"
    NOBODY = "nobody"


class Happening(StrEnum):
    TAKEN = "taken"  # one of the staff answers
    ALL_DECLINED = "all_declined"
    TIME_UP = "time_up"
    HANG_UP = "hang_up"  # the visitor
    DROP = "drop"  # the visitor's last page is gone
    NOBODY = "nobody"  # of the staff is online
    ALL_BUSY = "all_busy"


_STEPS: Final[dict[tuple[State, Happening], tuple[State, Why | None]]] = {
    (State.RINGING, Happening.TAKEN): (State.ANSWERED, None),
    (State.RINGING, Happening.ALL_DECLINED): (State.REFUSED, Why.DECLINED),
    (State.RINGING, Happening.TIME_UP): (State.MISSED, Why.NO_ANSWER),
    (State.RINGING, Happening.HANG_UP): (State.CANCELLED, Why.HUNG_UP),
    (State.RINGING, Happening.DROP): (State.MISSED, Why.DROPPED),
    (State.RINGING, Happening.NOBODY): (State.MISSED, Why.NOBODY),
    (State.RINGING, Happening.ALL_BUSY): (State.MISSED, Why.BUSY),
}
#: How a ring ended that the company should know of: somebody was there and was not spoken to.
UNANSWERED: Final = (State.REFUSED, State.MISSED, State.CANCELLED)


def after(state: State, happening: Happening) -> tuple[State, Why | None] | None:
    """What becomes of a ring; None: nothing, it was over."""
    return _STEPS.get((state, happening))


def at_first(online: int, rung: int) -> Happening | None:
    """How a ring ends at once when it rings for nobody: of the staff ``online`` are online, and
    ``rung`` of them were free. None: it rings."""
    if rung:
        return None
    return Happening.ALL_BUSY if online else Happening.NOBODY


@dataclass(frozen=True, slots=True)
class Ring:
    """``staff``: whom it rang for, left out in lists. ``by``: who took it. ``seen_ms``: when the
    company looked at it."""

    id: str
    company: str
    company_name: str
    visitor: str
    visitor_name: str
    organisation: str | None
    subject: str
    state: State
    why: Why | None
    created_ms: int
    expires_ms: int
    ended_ms: int | None
    by: str | None
    by_name: str | None
    room: str | None
    seen_ms: int | None
    staff: tuple[str, ...] = ()


# --- who is told ----------------------------------------------------------------------------


def message(ring: Ring) -> n.Ring:
    """What the pages of the staff are told while it rings."""
    at = datetime.fromtimestamp(ring.expires_ms / 1000, UTC)
    return n.Ring(
        id=ring.id,
        company=ring.company,
        company_name=ring.company_name,
        caller=n.Caller(ring.visitor_name, ring.organisation),
        subject=ring.subject,
        expires_at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


def begun(ring: Ring, *, page: bool = True) -> n.RingNotice:
    """``page``: the visitor rings from a page, which is to be heard of."""
    told = msgspec.Raw(encode(message(ring)))
    return n.RingNotice(ring.id, ring.visitor, ring.staff, told, ring.expires_ms, page)


def declined(ring: Ring, person: str) -> n.RingOverNotice:
    """It stops on the pages of whoever declined and goes on for the others."""
    over = n.RingOver(id=ring.id, state=State.REFUSED, why=Why.DECLINED, by=None)
    return n.RingOverNotice(ring.id, None, (person,), msgspec.Raw(encode(over)))


def ended(ring: Ring) -> tuple[n.NewsNotice, ...]:
    """For a ring that is over: everybody's pages stop; the two who talk are told where."""
    over = n.RingOver(id=ring.id, state=ring.state, why=ring.why, by=ring.by_name)
    everybody = (ring.visitor, *(one for one in ring.staff if one != ring.visitor))
    out: list[n.NewsNotice] = []
    if ring.room is not None and ring.by is not None:
        out.append(n.personal((ring.visitor, ring.by), n.Call(id=ring.id, room=ring.room)))
    out.append(n.RingOverNotice(ring.id, ring.visitor, everybody, msgspec.Raw(encode(over))))
    return tuple(out)
