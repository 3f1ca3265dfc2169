"""Endpoints and their delivery log: what the organiser sees and changes."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.engine import transaction
from hub.fair.tables import rooms, webhook_deliveries, webhook_endpoints, webhook_messages
from hub.fair.webhooks import signing
from hub.fair.webhooks.guard import check_url
from hub.fair.webhooks.outbox import Told, iso
from hub.fair.webhooks.sending import Sender
from hub.ports.events import KINDS, BadEndpoint, Delivery, Endpoint

ENDPOINTS_MAX: Final = 20
ROTATION_MS: Final = 24 * 3600 * 1000
KEPT_MS: Final = 30 * 24 * 3600 * 1000  # messages, delivered or not
BEHIND_MAX: Final = 100_000  # waiting for one endpoint
PAGE_MAX: Final = 200
LOOK_BACK_MS: Final = 600_000  # rooms that opened or closed while no hub ran
ROOMS_MAX: Final = 1_000


class SqlWebhooks(Sender):
    """Implements ``hub.ports.events.Webhooks``."""

    def __init__(self, *made: Any) -> None:
        super().__init__(*made)
        self._noticed: OrderedDict[str, None] = OrderedDict()  # keys; spares the database

    # --- endpoints ---

    async def endpoints(self) -> tuple[Endpoint, ...]:
        query = sa.select(webhook_endpoints).order_by(
            webhook_endpoints.c.created_ms, webhook_endpoints.c.id
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query.limit(ENDPOINTS_MAX))).all()
        return tuple(_endpoint(row, self._now_ms()) for row in rows)

    async def endpoint(self, id: str) -> Endpoint | None:
        query = sa.select(webhook_endpoints).where(webhook_endpoints.c.id == id)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _endpoint(row, self._now_ms())

    async def create(self, url: str, kinds: Sequence[str]) -> tuple[Endpoint, str]:
        check_url(url, self._config.webhooks.allow_private)
        id, secret = f"wh_{secrets.token_hex(8)}", signing.new_secret()
        row = {
            "id": id, "url": url, "kinds": _kinds(kinds), "active": True,
            "secret_cipher": signing.sealed(self._keys.vault, id, secret),
            "created_ms": self._now_ms(),
        }  # fmt: skip
        count = sa.select(sa.func.count()).select_from(webhook_endpoints).scalar_subquery()
        columns = webhook_endpoints.c
        values = sa.select(
            *(sa.literal(value, columns[name].type).label(name) for name, value in row.items())
        ).where(count < ENDPOINTS_MAX)
        insert = sa.insert(webhook_endpoints).from_select(list(row), values)
        async with transaction(self._engine) as connection:
            made = (await connection.execute(insert.returning(*columns))).one_or_none()
        if made is None:
            raise BadEndpoint("too_many")
        self._forget()
        return _endpoint(made, self._now_ms()), signing.shown(secret)

    async def change(
        self, id: str, *, url: str | None = None, kinds: Sequence[str] | None = None,
        active: bool | None = None,
    ) -> Endpoint | None:  # fmt: skip
        values: dict[str, Any] = {}
        if url is not None:
            values["url"] = check_url(url, self._config.webhooks.allow_private)
        if kinds is not None:
            values["kinds"] = _kinds(kinds)
        if active is not None:
            values |= {
                "active": active, "failing_since_ms": None,
                "why_inactive": None if active else "by_organiser",
            }  # fmt: skip
        if not values:
            return await self.endpoint(id)
        changing = sa.update(webhook_endpoints).where(webhook_endpoints.c.id == id).values(values)
        return await self._changed(changing)

    async def _changed(self, changing: sa.Update) -> Endpoint | None:
        async with transaction(self._engine) as connection:
            row = (await connection.execute(changing.returning(*webhook_endpoints.c))).one_or_none()
        self._forget()
        return None if row is None else _endpoint(row, self._now_ms())

    async def delete(self, id: str) -> bool:
        """With what waits for it."""
        deliveries, endpoints = webhook_deliveries, webhook_endpoints
        async with transaction(self._engine) as connection:
            await connection.execute(sa.delete(deliveries).where(deliveries.c.endpoint == id))
            gone = await connection.execute(
                sa.delete(endpoints).where(endpoints.c.id == id).returning(endpoints.c.id)
            )
            found = gone.one_or_none() is not None
        self._forget()
        return found

    async def rotate(self, id: str) -> tuple[Endpoint, str] | None:
        secret = signing.new_secret()
        changing = (
            sa.update(webhook_endpoints)
            .where(webhook_endpoints.c.id == id)
            .values(
                previous_cipher=webhook_endpoints.c.secret_cipher,
                previous_until_ms=self._now_ms() + ROTATION_MS,
                secret_cipher=signing.sealed(self._keys.vault, id, secret),
            )
        )
        found = await self._changed(changing)
        return None if found is None else (found, signing.shown(secret))

    async def test(self, id: str) -> bool:
        if await self.endpoint(id) is None:
            return False
        payload = {"endpoint": id, "sent_at": iso(self._now_ms())}
        async with transaction(self._engine) as connection:
            await self.add(connection, [Told("webhook.test", None, payload, endpoint=id)])
        return True

    # --- the delivery log ---

    async def deliveries(
        self, id: str, *, state: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[Delivery, ...], str | None]:
        limit = max(1, min(limit, PAGE_MAX))
        deliveries, messages = webhook_deliveries.c, webhook_messages.c
        query = (
            sa.select(
                deliveries.id, messages.id.label("message"), messages.kind, deliveries.room,
                deliveries.state, deliveries.attempts, messages.created_ms, deliveries.due_ms,
                deliveries.status, deliveries.answer, deliveries.took_ms, deliveries.done_ms,
                messages.body,
            )
            .join(webhook_messages, messages.seq == deliveries.message)
            .where(deliveries.endpoint == id)
            .order_by(deliveries.id.desc())
            .limit(limit + 1)
        )  # fmt: skip
        if state is not None:
            query = query.where(deliveries.state == state)
        if cursor is not None:
            if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
                raise ValueError("no such cursor")
            query = query.where(deliveries.id < int(cursor))
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        found = tuple(Delivery(**row._mapping) for row in rows[:limit])
        return found, str(found[-1].id) if len(rows) > limit else None

    async def replay(self, id: str, delivery: int) -> bool:
        """As if it were new: the whole schedule is before it again."""
        again = (
            sa.update(webhook_deliveries)
            .where(webhook_deliveries.c.id == delivery, webhook_deliveries.c.endpoint == id)
            .values(
                state="due", attempts=0, due_ms=self._now_ms(), done_ms=None,
                # A hub that is sending it now goes on; the row is nobody's after that.
            )
            .returning(webhook_deliveries.c.id)
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            return (await connection.execute(again)).one_or_none() is not None

    # --- in the background ---

    async def tidy(self) -> None:
        now = self._now_ms()
        endpoints, messages = webhook_endpoints, webhook_messages
        old = sa.select(messages.c.seq).where(messages.c.created_ms < now - KEPT_MS).limit(1_000)
        async with transaction(self._engine) as connection:
            gone = (await connection.execute(old)).scalars().all()
            if gone:
                await connection.execute(
                    sa.delete(webhook_deliveries).where(webhook_deliveries.c.message.in_(gone))
                )
                await connection.execute(sa.delete(messages).where(messages.c.seq.in_(gone)))
            await connection.execute(
                sa.update(endpoints)
                .where(endpoints.c.previous_until_ms <= now)
                .values(previous_cipher=None, previous_until_ms=None)
            )
            await self._give_up_behind(connection)

    async def _give_up_behind(self, connection: AsyncConnection) -> None:
        """An endpoint nothing reaches must not fill the database."""
        deliveries = webhook_deliveries.c
        behind = (
            sa.select(deliveries.endpoint)
            .where(deliveries.state == "due")
            .group_by(deliveries.endpoint)
            .having(sa.func.count() > BEHIND_MAX)
        )
        await connection.execute(
            sa.update(webhook_endpoints)
            .where(webhook_endpoints.c.id.in_(behind), webhook_endpoints.c.active)
            .values(active=False, why_inactive="too_far_behind")
        )

    async def notice_rooms(self) -> None:
        now = self._now_ms()
        since = now - LOOK_BACK_MS
        # A room without a time is open from its making on.
        opens = sa.func.coalesce(rooms.c.opens_at, rooms.c.created_ms)
        for kind, column in (("opened", opens), ("closed", rooms.c.closes_at)):
            due = (
                sa.select(rooms.c.slug, rooms.c.title, column.label("at_ms"))
                .where(column > since, column <= now, ~rooms.c.closed)
                .order_by(column)
                .limit(ROOMS_MAX)
            )
            async with transaction(self._engine) as connection:
                found = (await connection.execute(due)).all()
            for row in found:
                await self.room_opened_or_closed(kind, row.slug, row.title, row.at_ms)

    async def room_opened_or_closed(self, what: str, room: str, title: str, at_ms: int) -> None:
        key = f"room.{what} {room} {at_ms}"
        if key in self._noticed:
            return
        self._noticed[key] = None
        while len(self._noticed) > 4 * ROOMS_MAX:
            self._noticed.popitem(last=False)
        payload = {"room": room, "title": title, f"{what}_at": iso(at_ms)}
        await self.tell(f"room.{what}", room, payload, key=key)


def _kinds(kinds: Sequence[str]) -> list[str]:
    if not set(kinds) <= set(KINDS):
        raise BadEndpoint("bad_kind")
    return sorted(set(kinds))


def _endpoint(row: sa.Row[Any], now_ms: int) -> Endpoint:
    until = row.previous_until_ms
    return Endpoint(
        id=row.id, url=row.url, kinds=tuple(row.kinds), active=row.active,
        why_inactive=row.why_inactive, failing_since_ms=row.failing_since_ms,
        rotating_until_ms=until if until is not None and until > now_ms else None,
        created_ms=row.created_ms,
    )  # fmt: skip
