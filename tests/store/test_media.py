"""What a media session leaves behind when it ends, on both servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from hub.store import Store
from rooms.model import Attachment, Role, RoomSpec, SeatState, Source
from tests.store.servers import PUBLISH, person, socket

End = Callable[[Store, str], Awaitable[None]]


async def dropped(store: Store, slug: str) -> None:
    await store.admission.drop(slug, "h", PUBLISH, "p1", 1000)


async def detached(store: Store, slug: str) -> None:
    await store.admission.detach(slug, "h", PUBLISH, "p1")


@pytest.mark.parametrize("end", [dropped, detached])
async def test_an_ended_publish_session_takes_its_sources_with_it(
    store: Store, slug: str, end: End
) -> None:
    admission = store.admission
    await admission.load(RoomSpec(slug=slug, title="T"))
    await admission.enter(slug, person("h", Role.HOST), socket("1"), wait=True)
    await admission.attach(slug, "h", Attachment(PUBLISH, "p1", "hub-1"))
    await admission.sources(slug, "h", {Source.CAMERA: False})
    assert (await admission.view(slug)).stage[0].sources
    await end(store, slug)
    (member,) = (await admission.view(slug)).stage
    assert (member.id, member.sources) == ("h", ())
    host = await admission.person(slug, "h")
    assert host is not None and host.state is SeatState.LIVE
