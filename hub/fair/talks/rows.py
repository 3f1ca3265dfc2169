"""Talks between rows and records, and the small things all of their parts share."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import companies, company_staff, people, rooms, talk_log, talk_members, talks
from hub.ports.talks import GUEST_SIDE, Talk, TalkRefused
from rooms.model import Mode, Role

_CHUNK: Final = 500  # ids asked for in one statement
#: What a ``Talk`` is made of.
COLUMNS: Final = (
    talks.c.room, talks.c.origin, talks.c.origin_id, talks.c.company, rooms.c.mode,
    talks.c.subject, talks.c.agenda, talks.c.starts_ms, talks.c.ends_ms, rooms.c.relay_only,
    talks.c.created_by, talks.c.created_ms, talks.c.ended_ms, talks.c.ended_why,
    rooms.c.opens_at.label("opens_ms"),
)  # fmt: skip


def new_slug() -> str:
    """``n-`` and 20 characters of base32: 100 random bits, so that nobody finds a room."""
    return "n-" + base64.b32encode(secrets.token_bytes(15)).decode()[:20].lower()


def new_id() -> str:
    return secrets.token_hex(10)


def select_talks(*more: Any) -> Any:
    """COLUMNS (and ``more``) of talks with their rooms."""
    return sa.select(*COLUMNS, *more).join(rooms, rooms.c.slug == talks.c.room)


def record(row: sa.Row[Any]) -> Talk:
    values = {column.name: row._mapping[column.name] for column in COLUMNS}
    values["mode"] = None if values["mode"] is None else Mode(values["mode"])
    return Talk(**values)


def insert_into(connection: AsyncConnection, table: sa.Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the connection's database."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def alive() -> Any:
    return people.c.erased_ms.is_(None) & people.c.blocked.is_(False)


async def hold(connection: AsyncConnection, room: str) -> sa.Row[Any]:
    """The talk that is not over, held until the transaction ends: what is counted of it is
    changed by one after another. Raises TalkRefused: unknown_room, talk_over."""
    held = (
        sa.update(talks)
        .where(talks.c.room == room)
        .values(room=talks.c.room)
        .returning(talks.c.company, talks.c.starts_ms, talks.c.ends_ms, talks.c.ended_ms)
    )
    row = (await connection.execute(held)).one_or_none()
    if row is None:
        raise TalkRefused("unknown_room")
    if row.ended_ms is not None:
        raise TalkRefused("talk_over")
    return row


async def note_act(
    connection: AsyncConnection, room: str, now_ms: int, by: str, act: str,
    detail: Mapping[str, object],
) -> None:  # fmt: skip
    await connection.execute(
        sa.insert(talk_log).values(
            id=new_id(), room=room, at_ms=now_ms, by=by, act=act, detail=dict(detail)
        )
    )


async def need_people(connection: AsyncConnection, ids: set[str]) -> None:
    """Raises TalkRefused(unknown_person) unless all of them have an account in use."""
    await _need(connection, people.c.id, ids, "unknown_person", alive())


async def need_companies(connection: AsyncConnection, slugs: set[str]) -> None:
    """Raises TalkRefused(unknown_company) unless all of them exist."""
    await _need(connection, companies.c.slug, slugs, "unknown_company")


async def _need(
    connection: AsyncConnection, column: Any, wanted: set[str], code: Any, *where: Any
) -> None:
    ids = sorted(wanted)
    for first in range(0, len(ids), _CHUNK):
        part = ids[first : first + _CHUNK]
        counted = sa.select(sa.func.count()).where(column.in_(part), *where)
        if (await connection.execute(counted)).scalar_one() != len(part):
            raise TalkRefused(code)


async def need_room_for(
    connection: AsyncConnection, room: str, person: str | None, side: str
) -> None:
    """Whether the room's mode has a place for one more on ``side`` (``person`` not counted).
    Called while the talk is held. Raises TalkRefused: unknown_company, wrong_mode."""
    found = await connection.execute(
        sa.select(rooms.c.mode, rooms.c.sides).where(rooms.c.slug == room)
    )
    mode, sides = found.one()
    if sides and side not in sides:
        raise TalkRefused("wrong_mode")
    if side != GUEST_SIDE:
        await need_companies(connection, {side})
    if mode == Mode.ONE_TO_ONE.value:
        m = talk_members.c
        there = sa.select(m.side).where(m.room == room, m.removed_ms.is_(None))
        if person is not None:
            there = there.where(m.person != person)
        taken = [row.side for row in await connection.execute(there)]
        if len(taken) >= 2 or (sides and taken.count(side) >= sides[side]):
            raise TalkRefused("wrong_mode")


def role_on(side: str, company: str | None, role: Role = Role.PARTICIPANT) -> Role:
    """``role``, but whoever is on the side of the company whose talk it is is a host."""
    return Role.HOST if company is not None and side == company else role


def works_for(person: Any, company: Any) -> Any:
    """SQL: ``person`` is of the staff of ``company``."""
    return sa.exists().where(company_staff.c.person == person, company_staff.c.company == company)
