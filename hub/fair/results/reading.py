"""Reading results: one, those of a talk, of a company, of the organiser's lists.

Nothing here is for everybody: that is ``lists``.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from hub.fair.companies.directory import cursor_parts, cursor_text
from hub.fair.engine import transaction
from hub.fair.results import attachments
from hub.fair.results.releasing import Releasing
from hub.fair.results.rows import COLUMNS, one, records
from hub.fair.results.standing import may_confirm, member, place, positions
from hub.fair.tables import (
    company_staff,
    people,
    result_corrections,
    result_parties,
    result_versions,
    results,
)
from hub.ports.results import (
    RESULTS_MAX,
    VERSIONS_MAX,
    Attachment,
    Correction,
    Place,
    Result,
    Standing,
    Version,
)
from rooms.results import State, differing

WAITING_MAX: Final = 100
OF_COMPANY_MAX: Final = 200
NAMES_MAX: Final = 500
PAGE_MAX: Final = 200


class Reading(Releasing):
    """What parties and the organiser see."""

    async def place(self, room: str, person: str) -> Place | None:
        async with transaction(self._engine) as connection:
            return await place(connection, room, person)

    async def of_room(self, room: str) -> tuple[Result, ...]:
        r = results.c
        query = (
            sa.select(*COLUMNS)
            .where(r.room == room)
            .order_by(r.created_ms.desc(), r.id)
            .limit(5 * RESULTS_MAX)
        )
        async with transaction(self._engine) as connection:
            return tuple(await records(connection, query))

    async def get(self, id: str) -> Result | None:
        async with transaction(self._engine) as connection:
            return await one(connection, id)

    async def standing(self, result: Result, person: str) -> Standing:
        async with transaction(self._engine) as connection:
            mine = await positions(connection, result.id, person)
            writes = False
            if result.room is not None:
                there = sa.select(member(result.room, person))
                writes = bool((await connection.execute(there)).scalar_one())
        return Standing(writes, mine)

    async def attachment(self, id: str) -> tuple[Attachment, bytes] | None:
        async with transaction(self._engine) as connection:
            found = await one(connection, id)
            if found is None or found.attachment is None:
                return None
            body = await attachments.opened(self._keys, connection, id)
        return None if body is None else (found.attachment, body)

    async def corrections(self, id: str) -> tuple[Correction, ...]:
        c = result_corrections.c
        query = (
            sa.select(c.version, c.at_ms, c.notes, c.before)
            .where(c.result == id)
            .order_by(c.version.desc())
            .limit(VERSIONS_MAX)
        )
        async with transaction(self._engine) as connection:
            return tuple(Correction(**row._mapping) for row in await connection.execute(query))

    async def versions(self, id: str) -> tuple[Version, ...]:
        v = result_versions.c
        query = (
            sa.select(v.version, v.at_ms, v.by, v.content)
            .where(v.result == id)
            .order_by(v.version)
            .limit(VERSIONS_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        found: list[Version] = []
        before: Mapping[str, Any] | None = None
        for row in rows:
            changed = () if before is None else differing(before, row.content)
            found.append(Version(row.version, row.at_ms, row.by, changed, row.content))
            before = row.content
        return tuple(reversed(found))

    async def names(self, people_: Sequence[str]) -> Mapping[str, str]:
        wanted = list(dict.fromkeys(people_))[:NAMES_MAX]
        query = sa.select(people.c.id, people.c.name).where(people.c.id.in_(wanted))
        async with transaction(self._engine) as connection:
            return {row.id: row.name for row in await connection.execute(query)}

    async def to_confirm(self, person: str) -> tuple[Result, ...]:
        p, r = result_parties.c, results.c
        mine = sa.select(company_staff.c.company).where(company_staff.c.person == person)
        waiting = (
            sa.select(p.result)
            .join(results, r.id == p.result)
            .where(
                # What an index finds first; the rule itself decides.
                sa.or_(p.company.in_(mine), p.person == person),
                r.state == State.CONFIRMING.value,
                sa.or_(p.confirmed_version.is_(None), p.confirmed_version != r.version),
                may_confirm(person),
            )
        )
        query = (
            sa.select(*COLUMNS)
            .where(r.id.in_(waiting))
            .order_by(r.changed_ms, r.id)
            .limit(WAITING_MAX)
        )
        async with transaction(self._engine) as connection:
            return tuple(await records(connection, query))

    async def of_company(self, company: str) -> tuple[Result, ...]:
        r = results.c
        theirs = sa.select(result_parties.c.result).where(result_parties.c.company == company)
        query = (
            sa.select(*COLUMNS)
            .where(r.id.in_(theirs), r.state != State.DRAFT.value)
            .order_by(r.created_ms.desc(), r.id)
            .limit(OF_COMPANY_MAX)
        )
        async with transaction(self._engine) as connection:
            return tuple(await records(connection, query))

    # --- the organiser's lists ---

    @staticmethod
    def _managed() -> sa.ColumnElement[bool]:
        """All but what is not the organiser's yet: drafts of talks, and those given up before
        anybody was asked."""
        r = results.c
        asked = sa.exists().where(
            result_parties.c.result == r.id, result_parties.c.asked_ms.is_not(None)
        )
        early = r.state.in_((State.DRAFT.value, State.WITHDRAWN.value))
        return sa.or_(r.room.is_(None), ~early, sa.and_(r.state == State.WITHDRAWN.value, asked))

    async def managed(
        self, states: Sequence[State], *, scheduled: bool | None = None, cursor: str | None,
        limit: int,
    ) -> tuple[tuple[Result, ...], str | None]:  # fmt: skip
        r, limit = results.c, max(1, min(limit, PAGE_MAX))
        query = sa.select(*COLUMNS).where(
            r.state.in_([state.value for state in states]), self._managed()
        )
        if scheduled is not None:
            query = query.where(r.release_ms.is_not(None) if scheduled else r.release_ms.is_(None))
        if cursor is not None:
            at, id = cursor_parts(cursor, int, str)
            query = query.where(sa.tuple_(r.changed_ms, r.id) < sa.tuple_(at, id))
        query = query.order_by(r.changed_ms.desc(), r.id.desc()).limit(limit + 1)
        async with transaction(self._engine) as connection:
            found = await records(connection, query)
        page = tuple(found[:limit])
        last = (page[-1].changed_ms, page[-1].id) if len(found) > limit else None
        return page, cursor_text(last)

    async def managed_counts(self) -> Mapping[str, int]:
        r = results.c
        scheduled = r.release_ms.is_not(None)
        query = (
            sa.select(r.state, scheduled.label("scheduled"), sa.func.count().label("n"))
            .where(self._managed())
            .group_by(r.state, scheduled)
        )
        names = ("draft", "confirming", "confirmed", "scheduled", "released", "withdrawn")
        found = dict.fromkeys(names, 0)
        async with transaction(self._engine) as connection:
            for row in await connection.execute(query):
                later = row.state == State.CONFIRMED.value and row.scheduled
                found["scheduled" if later else row.state] += row.n
        return found

    @property
    def feed(self) -> str:
        named = hmac.digest(self._keys.vault, b"pavilion results feed", hashlib.sha256)
        return str(uuid.UUID(bytes=named[:16], version=4))
