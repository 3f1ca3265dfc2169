"""Who belongs to a talk, and which talks somebody or a company has."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.tables import people, rooms, talk_members, talks
from hub.fair.talks.opening import Opening
from hub.fair.talks.rows import (
    hold,
    insert_into,
    need_people,
    need_room_for,
    note_act,
    record,
    role_on,
    select_talks,
)
from hub.ports.talks import (
    KEPT_MS,
    MEMBERS_MAX,
    Access,
    Belonging,
    Member,
    Talk,
    TalkRefused,
)
from rooms.model import Role

_LISTED: Final = 1_000


def _between(from_ms: int, to_ms: int) -> Any:
    ends = sa.func.coalesce(talks.c.ends_ms, talks.c.starts_ms)
    open_end = talks.c.ends_ms.is_(None) & talks.c.ended_ms.is_(None)
    return (talks.c.starts_ms < to_ms) & (open_end | (ends >= from_ms))


class Belongings(Opening):
    """Membership, as ``hub.ports.talks.Talks`` has it."""

    async def access(self, room: str, person: str, *, over: bool = False) -> Access | None:
        m = talk_members.c
        lives = talks.c.ended_ms.is_(None) & rooms.c.closed.is_(False)
        if over:
            lives = lives | (talks.c.ended_ms > self._now_ms() - KEPT_MS)
        query = (
            sa.select(m.side, m.role, m.lobby, talks.c.ended_ms)
            .join(talks, talks.c.room == m.room)
            .join(rooms, rooms.c.slug == m.room)
            .where(m.room == room, m.person == person, m.removed_ms.is_(None), lives)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return Access(room, row.side, Role(row.role), row.lobby, row.ended_ms is not None)

    async def get(self, room: str) -> Talk | None:
        async with transaction(self._engine) as connection:
            query = select_talks().where(talks.c.room == room)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else record(row)

    async def members(self, room: str) -> tuple[Member, ...]:
        m = talk_members.c
        query = (
            sa.select(m.person, people.c.name, m.side, m.role, m.lobby, m.removed_ms)
            .join(people, people.c.id == m.person)
            .where(m.room == room)
            .order_by(m.removed_ms.is_not(None), m.created_ms, m.person)
            .limit(2 * MEMBERS_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            Member(r.person, r.name, r.side, Role(r.role), r.lobby, r.removed_ms) for r in rows
        )

    async def add_member(self, room: str, one: Belonging, by: str) -> None:
        m = talk_members.c
        async with transaction(self._engine) as connection:
            talk = await hold(connection, room)
            await need_people(connection, {one.person})
            await need_room_for(connection, room, one.person, one.side)
            counted = sa.select(sa.func.count()).where(
                m.room == room, m.person != one.person, m.removed_ms.is_(None)
            )
            if (await connection.execute(counted)).scalar_one() >= MEMBERS_MAX:
                raise TalkRefused("too_many")
            values = {
                "side": one.side, "role": role_on(one.side, talk.company, one.role).value,
                "lobby": one.lobby, "by": by, "removed_ms": None,
            }  # fmt: skip
            await connection.execute(
                insert_into(connection, talk_members)
                .values(room=room, person=one.person, created_ms=self._now_ms(), **values)
                .on_conflict_do_update(index_elements=["room", "person"], set_=values)
            )

    async def remove_member(self, room: str, person: str, by: str) -> bool:
        m, now = talk_members.c, self._now_ms()
        gone = (
            sa.update(talk_members)
            .where(m.room == room, m.person == person, m.removed_ms.is_(None))
            .values(removed_ms=now)
            .returning(m.person)
        )
        async with transaction(self._engine) as connection:
            if (await connection.execute(gone)).one_or_none() is None:
                return False
            await note_act(connection, room, now, by, "removed", {"person": person})
        return True

    async def of_person(
        self, person: str, from_ms: int, to_ms: int
    ) -> tuple[tuple[Talk, Access], ...]:
        m = talk_members.c
        query = (
            select_talks(m.side, m.role, m.lobby)
            .join(talk_members, m.room == talks.c.room)
            .where(
                m.person == person, m.removed_ms.is_(None), talks.c.ended_ms.is_(None),
                rooms.c.closed.is_(False), _between(from_ms, to_ms),
            )
            .order_by(talks.c.starts_ms, talks.c.room)
            .limit(_LISTED)
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            (record(row), Access(row.room, row.side, Role(row.role), row.lobby)) for row in rows
        )

    async def of_company(self, company: str, from_ms: int, to_ms: int) -> tuple[Talk, ...]:
        m = talk_members.c
        theirs = sa.exists().where(
            m.room == talks.c.room, m.side == company, m.removed_ms.is_(None)
        )
        query = (
            select_talks()
            .where((talks.c.company == company) | theirs, _between(from_ms, to_ms))
            .order_by(talks.c.starts_ms, talks.c.room)
            .limit(_LISTED)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(record(row) for row in rows)
