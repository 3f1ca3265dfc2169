"""A real store server for the length of a fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hub.embedded import EmbeddedStore


def serve(binary: Path, directory: Path) -> Iterator[str]:
    """The URL of a server of ``binary`` in ``directory``, ended when the fixture is."""
    store = EmbeddedStore(directory, binary=binary, persist=False)
    store.start()
    try:
        yield store.url
    finally:
        store.kill()
