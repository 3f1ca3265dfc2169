"""Fixtures every test may use: real servers, never fakes of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.embedded import EmbeddedStore, find_server


def _serve(binary: Path, directory: Path) -> Iterator[str]:
    store = EmbeddedStore(directory, binary=binary, persist=False)
    store.start()
    try:
        yield store.url
    finally:
        store.kill()


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded Valkey, one for the whole run; tests use room names of their own."""
    yield from _serve(find_server(), tmp_path_factory.mktemp("valkey"))


@pytest.fixture(scope="session")
def redis7_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian's Redis 7, for what must hold on both servers."""
    binary = shutil.which("redis-server")
    assert binary, "redis-server is missing: `make setup` installs it"
    yield from _serve(Path(binary), tmp_path_factory.mktemp("redis7"))
