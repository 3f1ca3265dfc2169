"""The role someone has in a room: that of the fair or the token, or a speaker's by the programme.

Read where the act happens, so that a host of the ten o'clock talk is nobody's host at eleven.
The programme's answer is at most 2 s old and costs no query of its own.
"""

from __future__ import annotations

from msgspec import structs

from hub.services import Services
from rooms.model import Identity, Role
from rooms.session import role_in as role_of

ACCOUNTS = "u_"


async def role_in(services: Services, who: Identity, room: str) -> Role:
    """As ``rooms.session.role_in``, with the programme's word for people with an account.
    Raises Refusal: forbidden."""
    role = role_of(who, room)
    if role is not Role.PARTICIPANT or who.room is not None or not who.id.startswith(ACCOUNTS):
        return role
    return await services.fair.conferences.role_in(room, who.id) or role


async def as_in(services: Services, who: Identity, room: str) -> Identity:
    """``who`` as this room sees them just now. Raises Refusal: forbidden."""
    return structs.replace(who, role=await role_in(services, who, room), room=room)
