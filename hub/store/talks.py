"""Negotiation rooms: the lobby, channels, signalling, notes, and what the server tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from hub.ports import ChannelTail, Missed, Noted, Notes
from hub.store.gate import Gate
from hub.store.seats import flag, text
from rooms.messages import CHAT_TAIL
from rooms.model import Identity, Person, Role
from rooms.notices import EventNotice
from rooms.permissions import Right, may

_person: Final = msgspec.json.Decoder(Person)
_event: Final = msgspec.json.Decoder(EventNotice)


class Talking:
    """The part of ``hub.ports.Admission`` that only negotiation rooms have."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    # --- the lobby ------------------------------------------------------------------------

    async def knocking(self, room: str) -> tuple[Person, ...]:
        _, *lines = await self._gate.run("knocking", room)
        return tuple(_person.decode(line) for line in lines)

    async def admit(self, room: str, actor: Identity, role: Role, person: str) -> int:
        allowed = flag(may(role, Right.ADMIT))
        _, seq = await self._gate.run("admit", room, actor.id, allowed, person)
        return int(seq)

    async def deny(
        self, room: str, actor: Identity, role: Role, person: str, *, reason: str | None = None
    ) -> int:
        allowed = flag(may(role, Right.ADMIT))
        told = "null" if reason is None else text(reason)
        _, seq = await self._gate.run("deny", room, actor.id, allowed, person, told)
        return int(seq)

    # --- channels ---------------------------------------------------------------------------

    async def channel_tails(self, room: str, person: str) -> Mapping[str, ChannelTail]:
        _, *found = await self._gate.run("channels", room, person, CHAT_TAIL)
        return {
            name.decode(): ChannelTail(seq, tuple(_event.decode(e) for e in reversed(events)))
            for name, seq, events in zip(found[::3], found[1::3], found[2::3], strict=True)
        }

    async def channel_since(
        self, room: str, person: str, epoch: str, channel: str, seq: int
    ) -> Missed:
        word, now_epoch, top, *events = await self._gate.run(
            "whispered", room, person, epoch, channel, seq
        )
        found = tuple(_event.decode(event) for event in events)
        return Missed(found, now_epoch.decode(), top, gap=word == "gap")

    # --- between two people, and from the server ----------------------------------------------

    async def signal(self, room: str, person: str, to: str, data: bytes) -> None:
        await self._gate.run("signal", room, person, to, data)

    async def tell(self, room: str, kind: str, by: str | None, body: bytes) -> int:
        _, seq = await self._gate.run("tell", room, kind, by or "", body)
        return int(seq)

    # --- notes --------------------------------------------------------------------------------

    async def note(
        self, room: str, person: str, base: int, rev: int, ops: bytes, text: str,
        change: str = "",
    ) -> Noted | None:  # fmt: skip
        _, seq, now = await self._gate.run("note", room, person, base, rev, ops, text, change)
        return Noted(int(seq), int(now)) if seq else None

    async def notes(self, room: str, person: str = "", change: str = "") -> Notes:
        _, known, rev, text, taken = await self._gate.run("notes", room, person, change)
        return Notes(rev, text.decode(), bool(known), int(taken) or None)

    async def note_ops(
        self, room: str, after_rev: int, person: str = "", change: str = ""
    ) -> tuple[bytes, ...] | Noted | None:
        _, known, *found = await self._gate.run("note_ops", room, after_rev, person, change)
        if known == 2:
            return Noted(*map(int, found))
        return tuple(found) if known else None

    async def put_notes(self, room: str, rev: int, text: str) -> bool:
        _, made = await self._gate.run("put_notes", room, rev, text)
        return bool(made)
