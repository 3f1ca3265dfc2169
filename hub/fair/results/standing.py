"""Who belongs to a talk, and who may confirm for which party: asked in SQL where an act is done.

A company's party is confirmed by its owners and editors, and by whoever of its staff belongs
to the talk; another party by the member of the talk who stands for it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import company_staff, people, result_parties, results, talk_members
from hub.ports.results import Place
from rooms.results import State


def member(room: Any, person: Any) -> sa.Exists:
    """Whether ``person`` belongs to the talk ``room`` and was not removed."""
    m = talk_members.alias().c
    there = sa.exists().where(m.room == room, m.person == person, m.removed_ms.is_(None))
    return there.correlate(results, people)


def may_confirm(person: Any) -> sa.ColumnElement[bool]:
    """The condition on a row of ``result_parties``, joined with its row of ``results``.
    ``person`` is an id, or the column of ``people``."""
    p, s, r = result_parties.c, company_staff.c, results.c
    in_talk = member(r.room, person)
    staff = (
        sa.exists()
        .where(
            s.company == p.company,
            s.person == person,
            sa.or_(s.role.in_(("owner", "editor")), in_talk),
        )
        .correlate(results, result_parties, people)
    )
    return sa.or_(
        sa.and_(p.company.is_not(None), staff),
        sa.and_(p.company.is_(None), p.person == person, in_talk),
    )


async def positions(connection: AsyncConnection, id: str, person: str) -> tuple[int, ...]:
    """The parties of a result that ``person`` may confirm for."""
    query = (
        sa.select(result_parties.c.position)
        .join(results, results.c.id == result_parties.c.result)
        .where(results.c.id == id, results.c.state != State.DRAFT, may_confirm(person))
        .order_by(result_parties.c.position)
    )
    return tuple((await connection.execute(query)).scalars())


async def place(connection: AsyncConnection, room: str, person: str) -> Place | None:
    """One query whatever the reason: all members when ``person`` is one of them, else none."""
    m = talk_members.c
    query = (
        sa.select(m.person, m.side)
        .where(m.room == room, m.removed_ms.is_(None), member(room, person))
        .order_by(m.side, m.person)
    )
    sides: dict[str, list[str]] = {}
    mine = None
    for row in await connection.execute(query):
        sides.setdefault(row.side, []).append(row.person)
        if row.person == person:
            mine = row.side
    if mine is None:
        return None
    return Place(room, mine, {side: tuple(people) for side, people in sides.items()})
