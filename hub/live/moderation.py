"""``moderate``: one small function per action, each a call of Admission.

The right is checked here so that nothing about the room is revealed without it, and once
more inside the script, where the act happens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from hub.live.attending import wall_clock_ms
from hub.ports import Admission
from rooms.chat import clean_text
from rooms.errors import Code, Refusal
from rooms.messages import Moderate
from rooms.model import Identity, Role
from rooms.permissions import ACTION_RIGHT, MEDIA_ENDS, Right, may

if TYPE_CHECKING:
    from hub.live.connection import Connection
    from hub.live.hub import LiveHub

Act = Callable[[Admission, Identity, Role, Moderate], Awaitable[int]]


async def moderate(hub: LiveHub, conn: Connection, message: Moderate) -> int:
    """Carry out the action; the seq of its event. Raises Refusal, StoreLost."""
    who = conn.identity
    member = conn.members.get(message.room)
    # Whoever is not inside is one of those rare ones whose role counts without: SQL is asked.
    talk = member is None or member.local.talk is not False
    role = await hub.role_of(conn, message.room)
    rights = [ACTION_RIGHT[message.action]]
    if talk and message.action == "unban":
        rights.append(Right.ADMIT)  # the script knows whether it is one
    if not any(may(role, right) for right in rights):
        raise Refusal(Code.FORBIDDEN)
    act = ACTS[message.action]
    seq = await hub.in_room(message.room, lambda: act(hub.services.admission, who, role, message))
    conn.log(message.room).info("moderated", action=message.action, seq=seq)
    if talk and message.action in OUT_OF_TALK and message.participant is not UNSET:
        await hub.services.fair.talks.remove_member(message.room, message.participant, who.id)
    if message.action == "close":
        # For good: also when Redis forgets its rooms and they are loaded anew.
        await hub.services.directory.close_room(message.room)
        await hub.services.fair.talks.end(message.room, who.id, "done")
        hub.spawn(_tell_closed(hub, message.room))
    _write_down(hub, conn, message, words=not talk)
    source, person = message.source, message.participant
    ended = MEDIA_ENDS.get(message.action)
    if ended is not None and person is not UNSET:
        hub.sessions.stop(message.room, person, *ended)
    if message.action == "mute" and source is not UNSET and person is not UNSET:
        # The person's page learns by the event; the worker stops forwarding at once.
        await hub.services.media.muted(message.room, person, source, True)
    return seq


async def _tell_closed(hub: LiveHub, slug: str) -> None:
    record = await hub.services.directory.room(slug)
    if record is not None:
        await hub.services.fair.webhooks.room_opened_or_closed(
            "closed", slug, record.spec.title, wall_clock_ms()
        )


def _write_down(hub: LiveHub, conn: Connection, message: Moderate, *, words: bool) -> None:
    """The act in the audit log; nobody waits for it. What is said to the room is not kept, and of
    a talk no ``words`` at all."""
    person = message.participant
    target = f"room:{message.room}" if person is UNSET else f"person:{person}"
    detail = {
        name: value
        for name in ("capacity", "evict", "message", "reason", "seconds", "source", "mode",
                     "slow_mode_s")
        if (value := getattr(message, name)) is not UNSET and value not in (None, False)
        if words or name not in ("message", "reason")
    }  # fmt: skip
    hub.services.fair.audit.later(
        conn.identity, f"room.{message.action}", target, {**detail, "room": message.room},
        conn.address,
    )  # fmt: skip


def _person(message: Moderate) -> str:
    """``rooms.messages.parse`` has seen to it that the field is there."""
    if message.participant is UNSET:
        raise Refusal(Code.BAD_MESSAGE, "participant is needed")
    return message.participant


async def _capacity(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    if message.capacity is UNSET:
        raise Refusal(Code.BAD_MESSAGE, "capacity is needed")
    return await admission.capacity(message.room, who, role, message.capacity, evict=message.evict)


async def _lock(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    return await admission.lock(message.room, who, role, True, message.message)


async def _unlock(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    return await admission.lock(message.room, who, role, False, None)


async def _remove(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    return await admission.remove(message.room, who, role, _person(message), reason=message.reason)


async def _ban(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    if message.seconds is UNSET:
        raise Refusal(Code.BAD_MESSAGE, "seconds is needed")
    return await admission.remove(
        message.room, who, role, _person(message), reason=message.reason, ban_s=message.seconds
    )


async def _unban(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    return await admission.unban(message.room, who, role, _person(message))


async def _stage(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    return await admission.stage(message.room, who, role, _person(message), True)


async def _unstage(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    return await admission.stage(message.room, who, role, _person(message), False)


async def _mute(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    if message.source is UNSET:
        raise Refusal(Code.BAD_MESSAGE, "source is needed")
    return await admission.mute(message.room, who, role, _person(message), message.source)


async def _chat(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    if message.mode is UNSET:
        raise Refusal(Code.BAD_MESSAGE, "mode is needed")
    slow = 0 if message.slow_mode_s is UNSET else message.slow_mode_s
    return await admission.chat_mode(message.room, who, role, message.mode, slow)


async def _announce(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    if message.text is UNSET:
        raise Refusal(Code.BAD_MESSAGE, "text is needed")
    return await admission.announce(message.room, who, role, clean_text(message.text))


async def _close(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    return await admission.close(message.room, who, role)


async def _admit(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    return await admission.admit(message.room, who, role, _person(message))


async def _deny(admission: Admission, who: Identity, role: Role, message: Moderate) -> int:
    return await admission.deny(message.room, who, role, _person(message), reason=message.reason)


#: What ends somebody's belonging to a talk.
OUT_OF_TALK: Final = frozenset({"remove", "ban", "deny"})

ACTS: Final[dict[str, Act]] = {
    "capacity": _capacity,
    "lock": _lock,
    "unlock": _unlock,
    "remove": _remove,
    "ban": _ban,
    "unban": _unban,
    "stage": _stage,
    "unstage": _unstage,
    "mute": _mute,
    "chat": _chat,
    "announce": _announce,
    "admit": _admit,
    "deny": _deny,
    "close": _close,
}
