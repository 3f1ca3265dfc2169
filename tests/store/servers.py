"""Stores on real servers, for tests: whole ones, one whose rooms keep a test's clock, and rooms."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from hub.config import Config, Limits, Redis
from hub.store import Store
from hub.store.keys import room_keys
from rooms.errors import Refusal
from rooms.model import Attachment, AttachmentKind, Identity, Role, RoomSpec
from rooms.notices import Notice

SOCKET, PUBLISH, SUBSCRIBE = AttachmentKind

MODERATOR = Identity(id="mod", name="Name of mod", role=Role.MODERATOR)


def config(url: str, **limits: Any) -> Config:
    return Config(redis=Redis(url=url), limits=Limits(**limits))


def person(name: str, role: Role = Role.PARTICIPANT, *, reserved: bool = False) -> Identity:
    return Identity(id=name, name=f"Name of {name}", role=role, reserved=reserved)


def socket(name: str) -> Attachment:
    return Attachment(SOCKET, name, "hub-1")


async def connected(
    url: str, hub_id: str = "hub-1", *, clock: Callable[[], int] | None = None, **limits: Any
) -> Store:
    """A store that has connected, without its background tasks."""
    store = Store(config(url, **limits), hub_id, clock=clock)
    await store.submitter.start()
    return store


async def clocked_room(store: Store, spec: RoomSpec) -> None:
    """Load ``spec`` as a room that heeds the store's clock."""
    assert await store.admission.load(spec)
    await store.submitter.call("HSET", room_keys(spec.slug)[0], "testclock", "1")


async def refused(act: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await act
    return caught.value


async def make(store: Store, slug: str, **settings: Any) -> None:
    assert await store.admission.load(RoomSpec(slug=slug, title="T", **settings))


async def until(found: list[Notice], kind: type[Any], number: int = 1) -> list[Any]:
    deadline = time.monotonic() + 5
    while sum(isinstance(n, kind) for n in found) < number:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.005)
    return [n for n in found if isinstance(n, kind)]
