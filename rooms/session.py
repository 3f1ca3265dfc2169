"""What a socket may ask of a room, and how its place there moves: two tables, no I/O.

A connection has one ``Place`` per room (``OUTSIDE`` for every room it never named).
``decide`` answers a client message with the ``Effect`` the hub carries out, or refuses it
with the code of the wire; ``advance`` moves the place when a fact arrives. Whatever a table
does not list is impossible: asking for it raises and changes nothing.

    OUTSIDE ──asked──> ENTERING ──seated──> INSIDE
       ^                  └──queued──> WAITING ──seated──> INSIDE
       │                                │   ^
       │                           away v   │ queued
       └──refused, left, ended──────── OFFERED ──seated──> INSIDE

OUTSIDE is where every way ends; a connection that is being closed has no place at all.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from msgspec import structs

from rooms.errors import Code, Refusal
from rooms.messages import (
    AnyClient,
    ClientMessage,
    Enter,
    Hand,
    Hello,
    Leave,
    Media,
    MediaClose,
    Moderate,
    Note,
    NotesAsked,
    React,
    Roster,
    Say,
    Signal,
    SourceMute,
    Unsay,
    View,
)
from rooms.model import Identity, Role


class Place(Enum):
    OUTSIDE = auto()
    ENTERING = auto()  # asked Redis; a message of this room waits for the answer
    WAITING = auto()  # has a place in the queue
    OFFERED = auto()  # a seat is set aside, the person was away: answered by enter
    INSIDE = auto()  # holds a seat


class Fact(Enum):
    ASKED = auto()  # enter was sent to Redis
    SEATED = auto()
    QUEUED = auto()
    AWAY = auto()  # the turn came while the person was silent
    REFUSED = auto()
    LEFT = auto()
    ENDED = auto()  # replaced, removed, lapsed, closed


class Effect(Enum):
    ENTER = auto()
    LEAVE = auto()
    SAY = auto()
    SAY_WAITING = auto()  # who must be let in speaks with those who admit
    UNSAY = auto()
    UNSAY_BY_RIGHT = auto()
    REACT = auto()
    HAND = auto()
    ROSTER = auto()
    ROSTER_BY_RIGHT = auto()
    MODERATE = auto()
    MEDIA = auto()
    MEDIA_CLOSE = auto()
    SOURCE = auto()
    VIEW = auto()
    SIGNAL = auto()
    NOTE = auto()
    NOTES = auto()


# By right: allowed without a seat when the role has it, else not_in_room.
_UNSEATED: Final[dict[type[ClientMessage], Effect | Code]] = {
    Hello: Code.BAD_MESSAGE,
    Enter: Effect.ENTER,
    Leave: Code.NOT_IN_ROOM,
    Say: Code.NOT_IN_ROOM,
    Unsay: Effect.UNSAY_BY_RIGHT,
    React: Code.NOT_IN_ROOM,
    Hand: Code.NOT_IN_ROOM,
    Roster: Effect.ROSTER_BY_RIGHT,
    Moderate: Effect.MODERATE,
    Media: Code.NOT_IN_ROOM,
    MediaClose: Code.NOT_IN_ROOM,
    SourceMute: Code.NOT_IN_ROOM,
    View: Code.NOT_IN_ROOM,
    Signal: Code.NOT_IN_ROOM,
    Note: Code.NOT_IN_ROOM,
    NotesAsked: Code.NOT_IN_ROOM,
}

#: What each message does in each place: an effect, or the code that refuses it.
MESSAGES: Final[dict[Place, dict[type[ClientMessage], Effect | Code]]] = {
    Place.OUTSIDE: _UNSEATED,
    # One message of a socket is carried out at a time, so a client never meets ENTERING
    # with its own second message; only a hub that broke that rule would.
    Place.ENTERING: dict.fromkeys(_UNSEATED, Code.RECOVERING),
    # Asking again while waiting answers with the position once more.
    Place.WAITING: {**_UNSEATED, Leave: Effect.LEAVE, Say: Effect.SAY_WAITING},
    Place.OFFERED: {**_UNSEATED, Leave: Effect.LEAVE},
    Place.INSIDE: {
        Hello: Code.BAD_MESSAGE,
        # Idempotent: the same seat and a fresh snapshot.
        Enter: Effect.ENTER,
        Leave: Effect.LEAVE,
        Say: Effect.SAY,
        Unsay: Effect.UNSAY,
        React: Effect.REACT,
        Hand: Effect.HAND,
        Roster: Effect.ROSTER,
        Moderate: Effect.MODERATE,
        Media: Effect.MEDIA,
        MediaClose: Effect.MEDIA_CLOSE,
        SourceMute: Effect.SOURCE,
        View: Effect.VIEW,
        Signal: Effect.SIGNAL,
        Note: Effect.NOTE,
        NotesAsked: Effect.NOTES,
    },
}

#: Where a fact leads from each place; what is not listed cannot happen there.
FACTS: Final[dict[Place, dict[Fact, Place]]] = {
    # A room that was never entered, or left, can still be named by a late notice.
    Place.OUTSIDE: {Fact.ASKED: Place.ENTERING, Fact.ENDED: Place.OUTSIDE},
    Place.ENTERING: {
        Fact.SEATED: Place.INSIDE,
        Fact.QUEUED: Place.WAITING,
        Fact.REFUSED: Place.OUTSIDE,
        Fact.ENDED: Place.OUTSIDE,
    },
    Place.WAITING: {
        Fact.SEATED: Place.INSIDE,
        Fact.QUEUED: Place.WAITING,
        Fact.AWAY: Place.OFFERED,
        Fact.REFUSED: Place.OUTSIDE,
        Fact.LEFT: Place.OUTSIDE,
        Fact.ENDED: Place.OUTSIDE,
    },
    Place.OFFERED: {
        Fact.SEATED: Place.INSIDE,
        Fact.QUEUED: Place.WAITING,
        Fact.AWAY: Place.OFFERED,
        Fact.REFUSED: Place.OUTSIDE,
        Fact.LEFT: Place.OUTSIDE,
        Fact.ENDED: Place.OUTSIDE,
    },
    Place.INSIDE: {
        Fact.SEATED: Place.INSIDE,
        Fact.REFUSED: Place.OUTSIDE,
        Fact.LEFT: Place.OUTSIDE,
        Fact.ENDED: Place.OUTSIDE,
    },
}


class ImpossibleStep(RuntimeError):
    """A fact that cannot happen in this place: a fault of the hub, never of a client."""


def decide(place: Place, message: AnyClient) -> Effect:
    """The effect of ``message`` for someone at ``place``. Raises Refusal; changes nothing."""
    answer = MESSAGES[place][type(message)]
    if isinstance(answer, Code):
        raise Refusal(answer)
    return answer


def advance(place: Place, fact: Fact) -> Place:
    """The place after ``fact``. Raises ImpossibleStep."""
    try:
        return FACTS[place][fact]
    except KeyError:
        raise ImpossibleStep(f"{fact.name} at {place.name}") from None


def role_in(who: Identity, room: str) -> Role:
    """The role ``who`` has in ``room``.

    A room token opens its own room and no other: anything else is refused before
    anything about the other room is looked at. Without one it is the role in the fair,
    of which only organisers and moderators carry into every room.

    Raises:
        Refusal: forbidden.
    """
    if who.room is not None:
        if who.room != room:
            raise Refusal(Code.FORBIDDEN, "this token opens another room")
        return who.role
    if who.role in (Role.ORGANISER, Role.MODERATOR):
        return who.role
    return Role.PARTICIPANT


def is_guest(who: Identity) -> bool:
    """Guests have ids of the hub's own making and enter only where a room allows them."""
    return who.id.startswith("g_")


def as_in(who: Identity, room: str) -> Identity:
    """``who`` as this room sees them: ``role`` is the one held here. Raises Refusal."""
    return structs.replace(who, role=role_in(who, room), room=room)
