"""Sign-in links work once, sessions end on time, and the database holds no secret."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa

from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine
from hub.fair.tables import metadata
from rooms.model import Identity, Role

SOMEONE = Identity(id="u_1", name="王小明", role=Role.MODERATOR, company="Ming & Co")
HOSTILE = ("", "x", "\x00", "\udcff", "a" * 100_000, "' OR 1=1 --")


async def test_a_link_signs_in_once_even_when_used_at_once(
    directory: SqlDirectory, clock: Any
) -> None:
    link = await directory.create_signin_link(Role.ORGANISER)
    used = await asyncio.gather(*(directory.use_signin_link(link) for _ in range(10)))
    assert sorted(map(str, used)) == ["None"] * 9 + ["organiser"]

    late = await directory.create_signin_link(Role.MODERATOR, ttl_s=60)
    clock.ms += 60_000
    assert await directory.use_signin_link(late) is None
    for token in HOSTILE:
        assert await directory.use_signin_link(token) is None


async def test_a_session_lasts_its_time_or_until_closed(
    directory: SqlDirectory, clock: Any
) -> None:
    first, session = await directory.open_session(SOMEONE, ttl_s=60)
    second, other = await directory.open_session(SOMEONE, ttl_s=600)
    assert session.identity == SOMEONE and session.csrf != other.csrf and first != second
    assert await directory.session(first) == session
    for cookie in (*HOSTILE, first + "x", session.csrf):
        assert await directory.session(cookie) is None
    clock.ms += 60_000
    assert await directory.session(first) is None
    assert await directory.session(second) == other
    await directory.close_session(second)
    assert await directory.session(second) is None


async def test_a_copy_of_the_database_opens_nothing(
    directory: SqlDirectory, database_url: str
) -> None:
    link = await directory.create_signin_link(Role.ORGANISER)
    cookie, _ = await directory.open_session(SOMEONE, ttl_s=60)
    engine = make_engine(database_url)
    try:
        async with engine.connect() as connection:
            for table in metadata.sorted_tables:
                rows = (await connection.execute(sa.select(table))).all()
                assert link not in repr(rows) and cookie not in repr(rows)
    finally:
        await engine.dispose()


async def test_old_sessions_are_cleared(
    directory: SqlDirectory, database_url: str, clock: Any
) -> None:
    for _ in range(5):
        await directory.open_session(SOMEONE, ttl_s=60)
    clock.ms += 61_000
    await directory.open_session(SOMEONE, ttl_s=60)
    engine = make_engine(database_url)
    try:
        async with engine.connect() as connection:
            table = metadata.tables["web_sessions"]
            count = await connection.scalar(sa.select(sa.func.count()).select_from(table))
            assert count == 1
    finally:
        await engine.dispose()
