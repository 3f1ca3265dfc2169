"""Seats and places in the queue: enter, attach, resume, renew, drop, detach, leave."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

import msgspec
from redis.exceptions import ResponseError

from hub.ports import Queued, Renewal, Seated, StoreLost
from hub.ports.events import Watcher
from hub.store import keys
from hub.store.gate import Gate
from hub.store.link import Argument
from rooms.errors import Code, Refusal
from rooms.model import Attachment, AttachmentKind, Identity, Kind, Mode, RoomSpec
from rooms.permissions import Right, may

TALK_STAGE_MAX: Final = 50  # of a negotiation room, where everybody is on stage
RENEW_BATCH: Final = 100  # people in one script: 0.6 ms of Redis (notes/realtime.md 2.2)

_json = msgspec.json.Encoder()


def flag(value: bool) -> str:
    return "1" if value else "0"


def text(value: str) -> str:
    """A JSON string."""
    return _json.encode(value).decode()


def members(who: Identity) -> str:
    """The part of a roster line that does not change: JSON members, without control characters."""
    line = {"name": who.name, "role": who.role, "company": who.company}
    return _json.encode(line).decode()[1:-1]


def meta(spec: RoomSpec) -> dict[str, Argument]:
    """A room's live settings, as the fields of its ``meta``."""
    fields: dict[str, Argument] = {
        "spec": _json.encode(spec),
        "cap": spec.capacity,
        "reserved": spec.reserved,
        "stage_cap": spec.stage_capacity,
        "locked": flag(spec.locked),
        "lock_message": spec.lock_message or "",
        "waitlist": flag(spec.waitlist),
        "chat": spec.chat,
        "slow": spec.slow_mode_s,
        "opens": "" if spec.opens_at is None else spec.opens_at,
        "closes": "" if spec.closes_at is None else spec.closes_at,
        "closed": flag(spec.closed),
    }
    if spec.kind is Kind.NEGOTIATION:
        capacity = 2 if spec.mode is Mode.ONE_TO_ONE else spec.capacity
        fields |= {
            "cap": capacity,
            "stage_cap": min(capacity, TALK_STAGE_MAX),
            "talk": "any" if spec.mode is None else spec.mode.value,
            "lobby": flag(spec.lobby),
            "sides": ",".join(f"{side}:{seats}" for side, seats in spec.sides.items()),
        }
    return fields


class Held:
    """What this hub has in hand, so that it can be asserted again when Redis comes back."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._heard: dict[tuple[str, str, AttachmentKind, str], float] = {}

    def keep(
        self, room: str, person: str, kind: AttachmentKind, attachment: str, silent_ms: int = 0
    ) -> None:
        self._heard[room, person, kind, attachment] = self._now() - silent_ms / 1000

    def forget(self, room: str, person: str, kind: AttachmentKind, attachment: str) -> None:
        self._heard.pop((room, person, kind, attachment), None)

    def renewals(self, lease_ms: int) -> list[Renewal]:
        """Everything in hand, with its silence; what has been silent for a lease is let go."""
        now, out = self._now(), []
        for (room, person, kind, attachment), heard in list(self._heard.items()):
            silent = int((now - heard) * 1000)
            if silent >= lease_ms:
                del self._heard[room, person, kind, attachment]
            else:
                out.append(Renewal(room, person, kind, attachment, silent))
        return out


class Seats:
    """The part of ``hub.ports.Admission`` about who is in and who waits."""

    def __init__(self, gate: Gate, held: Held) -> None:
        self._gate = gate
        self._held = held
        self._watcher: Watcher | None = None

    def watch(self, watcher: Watcher) -> None:
        self._watcher = watcher

    async def enter(
        self, room: str, who: Identity, attachment: Attachment, *, wait: bool,
        stage: bool = False, knock: bool = False,
    ) -> Seated | Queued:  # fmt: skip
        if stage and not may(who.role, Right.PUBLISH_WHIP):
            raise Refusal(Code.FORBIDDEN)
        try:
            answer = await self._enter(room, who, attachment, wait, stage, knock)
        except Refusal as refusal:
            if self._watcher is not None and refusal.code is not Code.UNKNOWN_ROOM:
                self._watcher.refused(room, who, refusal.code)
            raise
        return self._placed(room, who, attachment, answer)

    async def _enter(
        self, room: str, who: Identity, attachment: Attachment, wait: bool, stage: bool, knock: bool
    ) -> list[Any]:
        talk = (who.side or "", flag(knock)) if knock or who.side else ()
        return await self._gate.run(
            "enter", room, who.id, flag(who.privileged), members(who), *_parts(attachment),
            flag(wait), flag(stage), flag(may(who.role, Right.STAGE_ON_ENTRY)),
            flag(may(who.role, Right.PASS_LOCK)), *talk,
        )  # fmt: skip

    async def attach(self, room: str, person: str, attachment: Attachment) -> Seated:
        answer = await self._gate.run("attach", room, person, *_parts(attachment))
        self._held.keep(room, person, attachment.kind, attachment.id)
        return _seated(attachment.kind, answer)

    async def attached(self, room: str, person: str, kind: AttachmentKind) -> Attachment | None:
        try:
            found: bytes | None = await self._gate.submitter.call(
                "HGET", keys.room_key(room, "att"), f"{kind.value}:{person}"
            )
        except ResponseError as fault:
            raise StoreLost(f"attached: {fault}") from None
        if found is None:
            return None
        _, hub, id = found.decode().split("\t")
        return Attachment(kind, id, hub)

    async def resume(self, room: str, who: Identity, attachment: Attachment) -> Seated | Queued:
        answer = await self._gate.run(
            "resume", room, who.id, flag(who.privileged), members(who), *_parts(attachment),
            flag(may(who.role, Right.STAGE_ON_ENTRY)),
        )  # fmt: skip
        return self._placed(room, who, attachment, answer)

    def _placed(
        self, room: str, who: Identity, attachment: Attachment, answer: list[Any]
    ) -> Seated | Queued:
        self._held.keep(room, who.id, attachment.kind, attachment.id)
        if answer[0] == "queued":
            return Queued(answer[1], answer[2], lobby=len(answer) > 3 and bool(answer[3]))
        seated = _seated(attachment.kind, answer)
        if self._watcher is not None:
            self._watcher.seated(room, who, seated.gen, seated.new)
        return seated

    async def renew(self, renewals: Sequence[Renewal]) -> Sequence[Renewal]:
        rooms: dict[str, list[Renewal]] = defaultdict(list)
        for renewal in renewals:
            rooms[renewal.room].append(renewal)
        batches = [
            group[start : start + RENEW_BATCH]
            for group in rooms.values()
            for start in range(0, len(group), RENEW_BATCH)
        ]
        lost = await asyncio.gather(*(self._renew(batch) for batch in batches))
        return [renewal for batch in lost for renewal in batch]

    async def _renew(self, batch: list[Renewal]) -> list[Renewal]:
        args: list[Argument] = []
        for each in batch:
            args += (each.person, each.kind.value, each.attachment, each.silent_ms)
        try:
            _, *indexes = await self._gate.run("renew", batch[0].room, *args)
        except Refusal:  # unknown_room: Redis has lost it, with every seat
            indexes = list(range(len(batch)))
        stale = set(indexes)
        for index, each in enumerate(batch):
            if index in stale:
                self._held.forget(each.room, each.person, each.kind, each.attachment)
            else:
                self._held.keep(each.room, each.person, each.kind, each.attachment, each.silent_ms)
        return [batch[index] for index in indexes]

    async def drop(
        self, room: str, person: str, kind: AttachmentKind, attachment: str, silent_ms: int
    ) -> None:
        self._held.forget(room, person, kind, attachment)
        await self._gate.run("drop", room, person, kind.value, attachment, silent_ms)

    async def detach(self, room: str, person: str, kind: AttachmentKind, attachment: str) -> None:
        self._held.forget(room, person, kind, attachment)
        await self._gate.run("detach", room, person, kind.value, attachment)

    async def leave(self, room: str, person: str, attachment: str) -> bool:
        self._held.forget(room, person, AttachmentKind.SOCKET, attachment)
        answer = await self._gate.run("leave", room, person, attachment)
        if answer[1] and self._watcher is not None:
            # The notice finds no reader when this hub's last person leaves the room.
            self._watcher.left(room, person)
        return bool(answer[1])


def _parts(attachment: Attachment) -> tuple[str, str, str]:
    return attachment.kind.value, attachment.id, attachment.hub


def _seated(kind: AttachmentKind, answer: list[Any]) -> Seated:
    _, gen, lease_ms, epoch, seq, new, old, old_hub = answer
    replaced = Attachment(kind, old.decode(), old_hub.decode()) if old else None
    return Seated(gen, lease_ms, epoch.decode(), seq, bool(new), replaced)
