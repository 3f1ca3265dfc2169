"""What is to be told: a message and one delivery for each endpoint that wants it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import rooms, webhook_deliveries, webhook_endpoints, webhook_messages
from hub.ports import DirectoryLost
from rooms.model import Kind

log = structlog.get_logger(__name__)

FRESH_MS: Final = 2_000  # how old the list of who wants what may be
BODY_MAX: Final = 20_000  # bytes; the specification's bound for a full payload
WAITING_MAX: Final = 10_000
BATCH: Final = 200
#: What is told of no negotiation room.
ABOUT_PEOPLE: Final = frozenset({"room.entered", "room.left", "room.refused"})


def iso(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Told:
    """``endpoint``: for that one alone, whatever it asked for. ``key``: told once."""

    kind: str
    room: str | None
    payload: Mapping[str, Any]
    key: str | None = None
    endpoint: str | None = None


class Outbox(Part):
    """The writing half of ``hub.ports.events.Webhooks``."""

    def __init__(self, *made: Any) -> None:
        super().__init__(*made)
        self._wanted: tuple[int, dict[str, frozenset[str]]] | None = None
        self._waiting: deque[Told] = deque()
        self._writing = asyncio.Lock()

    async def tell(
        self, kind: str, room: str | None, payload: Mapping[str, Any], *, key: str | None = None
    ) -> None:
        self.later(kind, room, payload, key=key)
        try:
            await self.flush()
        except DirectoryLost as lost:
            log.warning("webhook waits", kind=kind, lost=str(lost))

    def later(
        self, kind: str, room: str | None, payload: Mapping[str, Any], *, key: str | None = None
    ) -> None:
        if len(self._waiting) >= WAITING_MAX:
            log.error("webhook lost", kind=kind, room=room)
            return
        self._waiting.append(Told(kind, room, payload, key))

    async def flush(self) -> None:
        async with self._writing:
            while self._waiting:
                batch = [self._waiting[i] for i in range(min(BATCH, len(self._waiting)))]
                async with transaction(self._engine) as connection:
                    await self.add(connection, batch)
                for _ in batch:
                    self._waiting.popleft()

    async def add(self, connection: AsyncConnection, told: Sequence[Told]) -> None:
        """In the caller's transaction: told if and only if what it tells of happened."""
        if not told:
            return
        wanted = await self._who_wants(connection)
        if not wanted and all(one.endpoint is None for one in told):
            return
        private = await self._private(connection, told)
        for one in told:
            if one.kind in ABOUT_PEOPLE and one.room in private:
                continue
            if one.endpoint is not None:
                endpoints = [one.endpoint]
            else:
                endpoints = [id for id, kinds in wanted.items() if not kinds or one.kind in kinds]
            if endpoints:
                await self._put(connection, one, endpoints)

    async def _private(
        self, connection: AsyncConnection, told: Sequence[Told]
    ) -> frozenset[str | None]:
        """The negotiation rooms among those told of: who meets whom there is nobody's business."""
        named = {one.room for one in told if one.kind in ABOUT_PEOPLE and one.room is not None}
        if not named:
            return frozenset()
        query = sa.select(rooms.c.slug).where(
            rooms.c.slug.in_(named), rooms.c.kind == Kind.NEGOTIATION.value
        )
        return frozenset((await connection.execute(query)).scalars())

    async def _who_wants(self, connection: AsyncConnection) -> dict[str, frozenset[str]]:
        now = self._now_ms()
        if self._wanted is None or not 0 <= now - self._wanted[0] < FRESH_MS:
            rows = await connection.execute(
                sa.select(webhook_endpoints.c.id, webhook_endpoints.c.kinds).where(
                    webhook_endpoints.c.active
                )
            )
            self._wanted = (now, {row.id: frozenset(row.kinds) for row in rows})
        return self._wanted[1]

    def _forget(self) -> None:
        """The endpoints changed."""
        self._wanted = None

    async def _put(self, connection: AsyncConnection, told: Told, endpoints: list[str]) -> None:
        now = self._now_ms()
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(
            webhook_messages
        )
        written = await connection.execute(
            insert.values(
                id=_message_id(told.key), kind=told.kind, room=told.room,
                body=_body(told, now), created_ms=now,
            ).on_conflict_do_nothing().returning(webhook_messages.c.seq)
        )  # fmt: skip
        seq = written.scalar_one_or_none()
        if seq is None:
            return  # another hub noticed it too
        # An endpoint may have been deleted since the list was read.
        there = sa.select(
            webhook_endpoints.c.id, sa.literal(seq), sa.literal(told.room, sa.String),
            sa.literal("due"), sa.literal(0), sa.literal(now),
        ).where(webhook_endpoints.c.id.in_(endpoints))  # fmt: skip
        columns = ["endpoint", "message", "room", "state", "attempts", "due_ms"]
        await connection.execute(sa.insert(webhook_deliveries).from_select(columns, there))


def _message_id(key: str | None) -> str:
    if key is None:
        return f"msg_{secrets.token_hex(16)}"
    return f"msg_{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _body(told: Told, now_ms: int) -> str:
    envelope = {"type": told.kind, "timestamp": iso(now_ms), "data": told.payload}
    body = json.dumps(envelope, ensure_ascii=True, separators=(",", ":"), default=str)
    if len(body) >= BODY_MAX:
        log.error("webhook too large", kind=told.kind, bytes=len(body))
        body = json.dumps({**envelope, "data": {"too_large": True, "room": told.room}})
    return body
