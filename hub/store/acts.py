"""What people do in a room, and what those who run it do."""

from __future__ import annotations

from typing import Any

import msgspec

from hub.store import keys
from hub.store.gate import Gate
from hub.store.link import Argument
from hub.store.seats import flag, text
from hub.store.tags import partition
from rooms.model import Identity, Role, Source
from rooms.notices import ReactionsNotice
from rooms.permissions import Right, may

_json = msgspec.json.Encoder()


class Acts:
    """The part of ``hub.ports.Admission`` that speaks, shows and moderates."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def say(
        self, room: str, person: str, name: str, role: Role, text: str, channel: str | None = None
    ) -> int:
        body = _json.encode({"text": text, "name": name})
        if channel is not None:
            return _seq(await self._gate.run("whisper", room, person, channel, body))
        free = flag(may(role, Right.CHAT_MODE))
        return _seq(await self._gate.run("say", room, person, free, body))

    async def unsay(self, room: str, actor: Identity, role: Role, seq: int) -> int:
        return await self._act("unsay", room, actor, role, Right.UNSAY_OTHERS, seq)

    async def hand(self, room: str, person: str, up: bool) -> None:
        await self._gate.run("hand", room, person, flag(up))

    async def react(self, room: str, counts: dict[str, int]) -> None:
        notice = _json.encode(ReactionsNotice(room, counts))
        payload = room.encode() + b"\n" + notice
        await self._gate.submitter.call("SPUBLISH", keys.channel(partition(room)), payload)

    async def capacity(
        self, room: str, actor: Identity, role: Role, capacity: int, *,
        reserved: int | None = None, evict: bool = False,
    ) -> int:  # fmt: skip
        keep = "" if reserved is None else reserved
        return await self._act(
            "capacity", room, actor, role, Right.CAPACITY, capacity, keep, flag(evict)
        )

    async def lock(
        self, room: str, actor: Identity, role: Role, locked: bool, message: str | None
    ) -> int:
        return await self._act(
            "lock", room, actor, role, Right.LOCK, flag(locked), message or "", text(message or "")
        )

    async def remove(
        self, room: str, actor: Identity, role: Role, person: str, *,
        reason: str | None = None, ban_s: int = 0,
    ) -> int:  # fmt: skip
        right = Right.BAN if ban_s > 0 else Right.REMOVE
        told = "null" if reason is None else text(reason)
        return await self._act("remove", room, actor, role, right, person, ban_s, told)

    async def unban(self, room: str, actor: Identity, role: Role, person: str) -> int:
        in_talks = flag(may(role, Right.ADMIT))
        return await self._act("unban", room, actor, role, Right.BAN, person, in_talks)

    async def stage(self, room: str, actor: Identity, role: Role, person: str, on: bool) -> int:
        return await self._act("stage", room, actor, role, Right.STAGE, person, flag(on))

    async def mute(
        self, room: str, actor: Identity, role: Role, person: str, source: Source
    ) -> int:
        return await self._act("mute", room, actor, role, Right.MUTE, person, source.value)

    async def chat_mode(
        self, room: str, actor: Identity, role: Role, mode: str, slow_mode_s: int
    ) -> int:
        return await self._act("chat_mode", room, actor, role, Right.CHAT_MODE, mode, slow_mode_s)

    async def announce(self, room: str, actor: Identity, role: Role, text: str) -> int:
        body = _json.encode({"text": text})
        return await self._act("announce", room, actor, role, Right.ANNOUNCE, body)

    async def close(self, room: str, actor: Identity, role: Role) -> int:
        return await self._act("close", room, actor, role, Right.CLOSE)

    async def sources(self, room: str, person: str, sources: dict[Source, bool] | None) -> None:
        listed = ",".join(
            f"{source.value}:{flag(muted)}" for source, muted in (sources or {}).items()
        )
        await self._gate.run("sources", room, person, "set", listed)

    async def source_muted(self, room: str, person: str, source: Source, muted: bool) -> None:
        await self._gate.run("sources", room, person, "mute", source.value, flag(muted))

    async def _act(
        self, name: str, room: str, actor: Identity, role: Role, right: Right, *args: Argument
    ) -> int:
        allowed = flag(may(role, right))
        return _seq(await self._gate.run(name, room, actor.id, allowed, *args))


def _seq(answer: list[Any]) -> int:
    return int(answer[1])
