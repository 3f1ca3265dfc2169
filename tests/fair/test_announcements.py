"""Announcements and whom they are for, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import Config, Server
from hub.fair import FairKeys, FairParts, make_parts
from hub.fair.engine import make_engine
from hub.fair.tables import (
    agenda,
    company_staff,
    conferences,
    entry_slots,
    passes,
    people,
    rooms,
    speakers,
)
from hub.fair.tables import companies as companies_table
from rooms.news import EVERYBODY, Audience
from tests.databases import ready
from tests.fair.conftest import Clock

HOUR = 3_600_000


def person(id: str, **more: Any) -> dict[str, Any]:
    row = {
        "id": id, "name": id, "country": "CN", "sectors": [], "languages": [], "language": "en",
        "role": "participant", "gate": False, "listed": True, "shows": {}, "privacy_version": 1,
        "consent_ms": 0, "totp_on": False, "totp_step": 0, "source": "web", "blocked": False,
        "created_ms": 0, "changed_ms": 0, "version": 1, "erased_ms": None,
    }  # fmt: skip
    return {**row, **more}


async def fill(engine: AsyncEngine, table: sa.Table, *rows: dict[str, Any]) -> None:
    """Rows of a table; columns that must have something and are not named get 0, "", [] or {}."""
    made = []
    for row in rows:
        blank: dict[str, Any] = {}
        for column in table.columns:
            needed = not column.nullable and column.autoincrement is not True
            if needed and column.name not in row and column.server_default is None:
                kind = column.type
                blank[column.name] = (
                    {} if isinstance(kind, sa.JSON) else False if isinstance(kind, sa.Boolean)
                    else 0 if isinstance(kind, sa.Integer) else ""
                )  # fmt: skip
        made.append({**blank, **row})
    async with engine.begin() as connection:
        await connection.execute(sa.insert(table), made)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    await ready(database_url)
    found = make_engine(database_url)
    yield found
    await found.dispose()


@pytest.fixture
def fair(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> FairParts:
    config = Config(server=Server(data_dir=tmp_path))
    return make_parts(engine, config, FairKeys(b"m" * 32, b"d" * 32, b"v" * 32), clock)


async def test_an_announcement_holds_until_its_end_or_its_withdrawal(
    fair: FairParts, clock: Clock
) -> None:
    part = fair.announcements
    made = []
    for number in range(5):
        clock.ms += 1
        made.append(await part.create({"en": f"n{number}"}, EVERYBODY, clock.ms + HOUR, "boss"))
    audience = Audience(roles=("speaker",), sectors=("law",), on_site=False)
    some = await part.create({"en": "a", "zh-Hans": "甲"}, audience, clock.ms + 2 * HOUR, "boss")
    assert await part.get(some.id) == some and await part.get("0") is None
    assert await part.get("\0") is None and await part.withdraw("\0") is None
    holding = [one.id for one in await part.current()]
    assert holding[:4] == [one.id for one in made[:4]]
    assert set(holding[4:]) == {made[4].id, some.id}  # of the same millisecond: in any order
    gone = await part.withdraw(made[2].id)
    assert gone is not None and gone.withdrawn_ms == clock.ms
    clock.ms += 5
    assert await part.withdraw(made[2].id) == gone and await part.withdraw("0") is None
    assert made[2].id not in {one.id for one in await part.current()}
    clock.ms += HOUR
    assert [one.id for one in await part.current()] == [some.id]
    seen, cursor = [], None
    while True:
        page, cursor = await part.list(cursor, 2)
        seen += [one.id for one in page]
        if cursor is None:
            break
    assert sorted(seen) == sorted([some.id, *(one.id for one in made)]) and len(seen) == 6
    with pytest.raises(ValueError):
        await part.list("x", 2)


async def test_whom_it_is_for(fair: FairParts, engine: AsyncEngine, clock: Clock) -> None:
    await fill(
        engine, people,
        person("u_law", sectors=["law", "health"], country="DE"),
        person("u_lawful", sectors=["lawful"]),
        person("u_speaker", sectors=["law"]),
        person("u_staff"), person("u_boss", role="organiser"), person("u_there"),
        person("u_left"), person("u_agenda", country="FR"),
        person("u_gone", sectors=["law"], erased_ms=1),
        person("u_out", sectors=["law"], blocked=True),
    )  # fmt: skip
    await fill(engine, rooms, *({"slug": slug, "title": slug} for slug in ("hall", "other")))
    await fill(
        engine, conferences,
        {"slug": "c1", "room": "hall", "title": "C1", "sector": "law"},
        {"slug": "c2", "room": "hall", "title": "C2", "sector": "law", "cancelled": True},
        {"slug": "c3", "room": "other", "title": "C3", "sector": "law"},
    )  # fmt: skip
    await fill(engine, speakers, {"conference": "c1", "ordinal": 0, "person": "u_speaker"})
    await fill(
        engine, agenda, {"person": "u_agenda", "conference": "c1"},
        {"person": "u_staff", "conference": "c2"}, {"person": "u_law", "conference": "c3"},
    )  # fmt: skip
    await fill(engine, companies_table, {"slug": "acme", "name": "Acme", "logo": None})
    await fill(engine, company_staff, {"company": "acme", "person": "u_staff"})
    await fill(
        engine, entry_slots, {"id": "now", "ends_ms": clock.ms + HOUR, "capacity": 9},
        {"id": "past", "ends_ms": clock.ms - HOUR, "capacity": 9},
    )  # fmt: skip
    await fill(
        engine, passes,
        {"id": "p1", "person": "u_there", "slot": "now", "code_hash": "1", "entered_ms": 5},
        {"id": "p2", "person": "u_left", "slot": "past", "code_hash": "2", "entered_ms": 5},
        {"id": "p3", "person": "u_staff", "slot": "now", "code_hash": "3", "entered_ms": None},
    )  # fmt: skip
    every = {
        "u_law", "u_lawful", "u_speaker", "u_staff", "u_boss", "u_there", "u_left", "u_agenda",
    }  # fmt: skip
    cases: list[tuple[Audience, set[str]]] = [
        (EVERYBODY, every),
        (Audience(roles=("participant",)), every),
        (Audience(roles=("organiser", "speaker")), {"u_boss", "u_speaker"}),
        (Audience(roles=("exhibitor",)), {"u_staff"}),
        (Audience(sectors=("law",)), {"u_law", "u_speaker"}),
        (Audience(sectors=("law",), countries=("DE", "FR")), {"u_law"}),
        (Audience(countries=("FR",)), {"u_agenda"}),
        (Audience(rooms=("hall",)), {"u_agenda", "u_speaker"}),
        (Audience(rooms=("hall", "other")), {"u_agenda", "u_speaker", "u_law"}),
        (Audience(on_site=True), {"u_there"}),
        (Audience(on_site=False, sectors=("health",)), {"u_law"}),
        (Audience(roles=("exhibitor",), countries=("DE",)), set()),
    ]
    everyone = [*sorted(every), "u_gone", "u_out", "g_guest"]
    for audience, wanted in cases:
        found = await fair.announcements.addressed(audience, everyone)
        assert found == wanted, audience
        assert await fair.announcements.reach(audience) == len(wanted), audience
    assert await fair.announcements.addressed(EVERYBODY, ["u_law"]) == {"u_law"}


async def test_what_begins_soon(fair: FairParts, engine: AsyncEngine, clock: Clock) -> None:
    now = clock.ms
    await fill(engine, people, person("u_a"), person("u_b"))
    await fill(engine, rooms, {"slug": "hall", "title": "Hall"})
    await fill(
        engine, conferences,
        {"slug": "soon", "room": "hall", "title": "S", "starts_ms": now + 60_000, "changed_ms": 1},
        {"slug": "later", "room": "hall", "title": "L", "starts_ms": now + HOUR, "changed_ms": 1},
        {"slug": "off", "room": "hall", "title": "O", "starts_ms": now + 60_000, "cancelled": True},
    )  # fmt: skip
    await fill(
        engine, agenda,
        *({"person": "u_a", "conference": one, "added_ms": 5} for one in ("soon", "later", "off")),
        {"person": "u_b", "conference": "soon", "added_ms": now},
    )  # fmt: skip

    async def due(**more: Any) -> list[tuple[str, str]]:
        rows = await fair.announcements.due(now, now + 600_000, **more)
        return [(row.conference, row.person) for row in rows]

    assert await due() == [("soon", "u_a"), ("soon", "u_b")]
    assert await due(person="u_a") == [("soon", "u_a")]
    assert await due(touched_ms=now - 1) == [("soon", "u_b")]
    assert await due(after=("soon", "u_a")) == [("soon", "u_b")]
    async with engine.begin() as connection:
        await connection.execute(sa.update(conferences).values(changed_ms=now))
    assert len(await due(touched_ms=now - 1)) == 2
