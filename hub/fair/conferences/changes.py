"""Making, changing and deleting conferences: no two at once in one room."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.base import Part
from hub.fair.conferences.rows import SELECT, values_of, with_speakers
from hub.fair.engine import transaction
from hub.fair.search import Entry, index, unindex
from hub.fair.tables import companies, conferences, people, rooms, speakers
from hub.ports import StaleVersion
from hub.ports.programme import (
    Conference,
    ConferenceExists,
    Draft,
    RoomTaken,
    UnknownReference,
)

_C: Final = conferences.c


async def _take_room(connection: AsyncConnection, draft: Draft) -> None:
    """Hold the room's row until the end of the transaction, then look who is there.

    Whoever else plans in this room waits here: what is looked at afterwards stays so. An
    UPDATE, for it locks on both databases (SQLite has no FOR UPDATE, and a transaction that
    began by reading cannot always go on to write).
    """
    held = await connection.execute(
        sa.update(rooms).where(rooms.c.slug == draft.room).values(version=rooms.c.version)
    )
    if held.rowcount == 0:
        raise UnknownReference("room")
    if draft.cancelled:
        return
    there = await connection.execute(
        sa.select(_C.slug)
        .where(
            _C.room == draft.room,
            _C.slug != draft.slug,
            _C.cancelled.is_(False),
            _C.starts_ms < draft.ends_ms,
            _C.ends_ms > draft.starts_ms,
        )
        .order_by(_C.starts_ms)
        .limit(1)
    )
    taken = there.scalar_one_or_none()
    if taken is not None:
        raise RoomTaken(taken)


async def _check_references(connection: AsyncConnection, draft: Draft) -> None:
    missing = []
    if draft.company is not None:
        found = await connection.execute(
            sa.select(companies.c.slug).where(companies.c.slug == draft.company)
        )
        if found.one_or_none() is None:
            missing.append("company")
    wanted = {one.person for one in draft.speakers if one.person is not None}
    if wanted:
        rows = await connection.execute(sa.select(people.c.id).where(people.c.id.in_(wanted)))
        there = set(rows.scalars())
        missing += [
            f"speakers.{n}.person"
            for n, one in enumerate(draft.speakers)
            if one.person is not None and one.person not in there
        ]
    if missing:
        raise UnknownReference(*missing)


async def _write_speakers(connection: AsyncConnection, draft: Draft) -> None:
    await connection.execute(sa.delete(speakers).where(speakers.c.conference == draft.slug))
    if draft.speakers:
        await connection.execute(
            sa.insert(speakers),
            [
                {
                    "conference": draft.slug, "ordinal": n, "person": one.person,
                    "role": one.role, "name": one.name, "organisation": one.organisation,
                    "position": one.position,
                }
                for n, one in enumerate(draft.speakers)
            ],
        )  # fmt: skip


def entry_of(draft: Draft) -> Entry:
    """What the full-text search finds a conference by."""
    named = [part for one in draft.speakers for part in (one.name, one.organisation) if part]
    return Entry(draft.slug, [draft.title, *draft.titles.values()], [*draft.about.values(), *named])


async def _read(connection: AsyncConnection, slug: str) -> Conference:
    row = (await connection.execute(SELECT.where(_C.slug == slug))).one()
    return (await with_speakers(connection, [row]))[0]


class Changes(Part):
    """The organiser's side."""

    async def create(self, draft: Draft) -> Conference:
        now = self._now_ms()
        try:
            async with transaction(self._engine) as connection:
                await _take_room(connection, draft)
                await _check_references(connection, draft)
                await connection.execute(
                    sa.insert(conferences).values(
                        **values_of(draft), created_ms=now, changed_ms=now, version=1
                    )
                )
                await _write_speakers(connection, draft)
                await index(connection, "conference", [entry_of(draft)])
                return await _read(connection, draft.slug)
        except IntegrityError:
            raise ConferenceExists(draft.slug) from None

    async def change(self, slug: str, version: int, draft: Draft) -> Conference:
        assert draft.slug == slug, "a conference keeps its slug"
        change = (
            sa.update(conferences)
            .where(_C.slug == slug, _C.version == version)
            .values(**values_of(draft), changed_ms=self._now_ms(), version=version + 1)
            .returning(_C.slug)
        )
        try:
            async with transaction(self._engine) as connection:
                await _take_room(connection, draft)
                await _check_references(connection, draft)
                if (await connection.execute(change)).one_or_none() is None:
                    await _why_not(connection, slug)
                await _write_speakers(connection, draft)
                await index(connection, "conference", [entry_of(draft)])
                return await _read(connection, slug)
        except IntegrityError:
            raise ConferenceExists(slug) from None  # the external key is another's

    async def delete(self, slug: str, version: int) -> Conference:
        async with transaction(self._engine) as connection:
            # Held first, so that what is read below is what goes.
            held = await connection.execute(
                sa.update(conferences)
                .where(_C.slug == slug, _C.version == version)
                .values(version=version + 1)
            )
            if held.rowcount == 0:
                await _why_not(connection, slug)
            gone = await _read(connection, slug)
            await unindex(connection, "conference", [slug])
            await connection.execute(sa.delete(conferences).where(_C.slug == slug))
            return gone


async def _why_not(connection: AsyncConnection, slug: str) -> None:
    """Raises LookupError or StaleVersion."""
    found = await connection.execute(sa.select(_C.slug).where(_C.slug == slug))
    if found.one_or_none() is None:
        raise LookupError(slug)
    raise StaleVersion(slug)
