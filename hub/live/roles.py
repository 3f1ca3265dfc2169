"""The role someone has in a room, and whether there is such a room for them at all.

In a conference it is the role of the fair or the token, or a speaker's by the programme: read where
the act happens, so that a host of the ten o'clock talk is nobody's host at eleven. The programme's
answer is at most 2 s old and costs no query of its own.

A negotiation room is there for those who belong to the talk, and for tokens of the room. To anybody
else, whoever runs the fair included, it is a room that does not exist: both cost the same two
queries and end in the same line.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from hub.ports.talks import Access
from hub.services import Services
from rooms.errors import Code, Refusal
from rooms.model import Identity, Kind, Role
from rooms.session import is_guest
from rooms.session import role_in as role_of

ACCOUNTS: Final = "u_"
#: Rooms known to be conferences: a room stays of its kind, but not for ever (it may be deleted).
KNOWN_S: Final = 60.0
KNOWN_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Guise:
    """Someone as a room sees them. ``lobby``: must be let in each time they come."""

    who: Identity
    lobby: bool = False


class Roles:
    """``now``: seconds of a monotonic clock. Every method may raise DirectoryLost."""

    def __init__(self, services: Services, now: Callable[[], float]) -> None:
        self._services = services
        self._now = now
        self._conferences: OrderedDict[str, float] = OrderedDict()

    async def role_in(self, who: Identity, room: str) -> Role:
        """The role for an act by right. Raises Refusal: forbidden (a token of another room),
        unknown_room (to those whose role would count if there were one)."""
        role = role_of(who, room)
        if who.room is None:
            access = await self._access(who, room)
            if isinstance(access, Access):
                return access.role
            if access is None and role is not Role.PARTICIPANT:
                raise Refusal(Code.UNKNOWN_ROOM)
        return await self._programmed(who, room, role)

    async def as_in(self, who: Identity, room: str) -> Guise:
        """``who`` as this room sees them just now. Raises Refusal: unknown_room, and forbidden:
        a token of another room, or a guest, whom no room is named to."""
        role = role_of(who, room)
        if who.room is None:
            access = await self._access(who, room)
            if access is None:
                raise Refusal(Code.FORBIDDEN if is_guest(who) else Code.UNKNOWN_ROOM)
            if isinstance(access, Access):
                here = structs.replace(who, role=access.role, room=room, side=access.side)
                return Guise(here, access.lobby)
        role = await self._programmed(who, room, role)
        return Guise(structs.replace(who, role=role, room=room))

    async def _access(self, who: Identity, room: str) -> Access | bool | None:
        """Their place in a talk; True for a conference; None when there is no room for them."""
        if self._now() - self._conferences.get(room, -KNOWN_S) < KNOWN_S:
            return True
        record = await self._services.directory.room(room)
        if record is not None and record.spec.kind is Kind.CONFERENCE:
            self._conferences[room] = self._now()
            self._conferences.move_to_end(room)
            if len(self._conferences) > KNOWN_MAX:
                self._conferences.popitem(last=False)
            return True
        return await self._services.fair.talks.access(room, who.id)

    async def _programmed(self, who: Identity, room: str, role: Role) -> Role:
        if role is not Role.PARTICIPANT or who.room is not None or not who.id.startswith(ACCOUNTS):
            return role
        return await self._services.fair.conferences.role_in(room, who.id) or role
