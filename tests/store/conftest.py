"""Each test of the contract runs on Valkey and on Debian's Redis 7, in a room of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from hub.embedded import find_server
from hub.store import Store
from rooms.notices import Notice
from tests.servers import serve
from tests.store.servers import connected

_rooms: Iterator[int] = count()


# Servers of this package's own: a sweeper of another test that has gone would be an outage here.
@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(find_server(), tmp_path_factory.mktemp("store-valkey"))


@pytest.fixture(scope="session")
def redis7_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    redis7 = shutil.which("redis-server")
    assert redis7, "redis-server is missing: `make setup` installs it"
    yield from serve(Path(redis7), tmp_path_factory.mktemp("store-redis7"))


@pytest.fixture(params=["valkey_url", "redis7_url"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """Connected, no background tasks: what happens is what the test does."""
    store = await connected(url)
    yield store
    await store.close()


@pytest.fixture
def slug() -> str:
    return f"store-{next(_rooms)}"


@pytest.fixture
async def heard(store: Store, slug: str) -> AsyncIterator[list[Notice]]:
    """Notices of the test's room, in order."""
    found: list[Notice] = []
    store.bus.listen(found.append, lambda rooms: None)
    await store.bus.start()
    await store.bus.follow(slug)
    yield found
