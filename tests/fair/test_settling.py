"""PostgreSQL after thousands of new rows: it knows what they hold, and their search entries are
where searches look; each search is planned for its own words. On SQLite there is nothing to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from hub.fair import search
from hub.fair.engine import SETTLE_ROWS, transaction
from tests.databases import ready
from tests.fair.test_imports import HEAD, Fair, csv_of, person

#: Pages of search entries that wait to be sorted into the index; each search reads them all.
LATE = "SELECT gin_clean_pending_list('gin_search_person_terms')"
KNOWN = "SELECT reltuples FROM pg_class WHERE relname IN ('people', 'search_person')"
PLANS = (
    "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements "
    "WHERE statement LIKE 'SELECT search_person.no%'"
)


@pytest.fixture
async def fair(database_url: str, clock: Any) -> AsyncIterator[Fair]:
    await ready(database_url)
    found = Fair(database_url, clock)
    yield found
    await found.engine.dispose()


async def test_a_large_import_leaves_nothing_for_searches_to_wade_through(fair: Fair) -> None:
    on_postgresql = fair.engine.dialect.name == "postgresql"
    few = await fair.take("people", csv_of([HEAD, *(person(n) for n in range(20))]))
    assert few.created == 20
    if on_postgresql:  # so few are autovacuum's, and this shows that the questions tell
        assert {row[0] for row in await fair.rows(sa.text(KNOWN))} == {-1.0}
    many = await fair.take("people", csv_of([HEAD, *(person(n) for n in range(SETTLE_ROWS))]))
    assert (many.state, many.created) == ("done", SETTLE_ROWS - 20)
    if not on_postgresql:
        return
    assert {row[0] for row in await fair.rows(sa.text(KNOWN))} == {float(SETTLE_ROWS)}
    assert (await fair.rows(sa.text(LATE)))[0][0] == 0
    async with transaction(fair.engine) as connection:
        for n in range(8):  # the server would begin to think of one plan for all at the sixth
            found = search.newest(connection, "person", f"p{n}")
            assert found is not None
            await connection.execute(found[0].order_by(found[1].desc()).limit(50))
        generic, custom = (await connection.execute(sa.text(PLANS))).one()
    assert (generic, custom) == (0, 8)
