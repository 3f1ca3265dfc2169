"""The invented fair: the same from the same seed, plausible in its counts, brought in once."""

from __future__ import annotations

import re

import sqlalchemy as sa

from hub.config import Config, Database
from hub.demo_full import places, write
from hub.demo_full.invent import SECTORS, Invention
from hub.fair import defaults, search
from hub.fair.engine import make_engine
from hub.fair.tables import agenda, companies, company_staff, conferences, people
from tests.databases import ready

TINY = write.Size(people=400, companies=160, conferences=30, rooms=6, days=2)


def test_there_are_148_countries_and_the_fairs_sectors() -> None:
    assert len(set(places.COUNTRIES)) == 148
    assert set(SECTORS) == {sector.slug for sector in defaults.SECTORS}


def test_the_same_seed_gives_the_same_fair() -> None:
    def drawn(seed: int) -> list[object]:
        invention = Invention(seed)
        firms = list(invention.companies(500))
        rooms = list(invention.rooms(60))
        return [*firms, *invention.people(500, firms),
                *invention.conferences([0, 86_400_000], rooms, firms, 100)]  # fmt: skip

    assert drawn(3) == drawn(3) != drawn(4)
    firms = list(Invention(3).companies(500))
    assert {firm["country"] for firm in firms} == set(places.COUNTRIES)
    assert len({firm["slug"] for firm in firms}) == 500
    assert all(re.fullmatch(r"[a-z0-9-]{1,64}", firm["slug"]) for firm in firms)


async def test_a_fair_is_brought_in_once(database_url: str) -> None:
    await ready(database_url)
    config = Config(database=Database(url=database_url))
    steps: list[str] = []
    for _ in range(2):
        await write.furnish(config, 7, TINY, lambda step, done, total: steps.append(step))
    assert steps == ["companies", "people", "rooms", "conferences"]
    engine = make_engine(database_url)
    async with engine.connect() as connection:
        for table, wanted in ((people, 404), (companies, 160), (conferences, 30), (agenda, 4)):
            count = await connection.execute(sa.select(sa.func.count()).select_from(table))
            assert count.scalar_one() == wanted, table.name
        now = write.wall_clock_ms()
        on = sa.select(conferences.c.slug).where(
            conferences.c.starts_ms <= now, conferences.c.ends_ms > now
        )
        assert (await connection.execute(on)).first() is not None, "nothing is on"
        roles = dict(
            (row.email, (row.role, row.password_hash is not None))
            for row in await connection.execute(
                sa.select(people).where(people.c.password_hash.is_not(None))
            )
        )
        assert roles["organiser@example.com"] == ("organiser", True) and len(roles) == 4
        assert (await connection.execute(sa.select(company_staff).limit(1))).first() is not None
        name = (await connection.execute(sa.select(companies.c.name).limit(1))).scalar_one()
        found = search.ids(connection, "company", name)
        assert found is not None and (await connection.execute(found)).first() is not None
    await engine.dispose()
