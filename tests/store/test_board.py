"""The board: what is kept from one second to the next never outlives what it says."""

from __future__ import annotations

from hub.ports import BoardRow
from hub.store import Store
from rooms.model import RoomSpec, RoomState
from tests.store.servers import person, socket


async def _row(store: Store, slug: str) -> BoardRow:
    found: BoardRow = {row.room: row for row in (await store.board.sum()).rows}[slug]
    return found


async def test_a_row_is_kept_while_nothing_changes_and_no_longer(store: Store, slug: str) -> None:
    await store.admission.load(RoomSpec(slug=slug, title="", capacity=1))
    first = await _row(store, slug)
    assert await _row(store, slug) is first  # not parsed again
    await store.admission.enter(slug, person("a"), socket("1"), wait=True)
    assert (await _row(store, slug)).live == 1
    await store.admission.enter(slug, person("b"), socket("2"), wait=True)
    waited = (await _row(store, slug)).oldest_wait_ms
    again = await _row(store, slug)
    while again.oldest_wait_ms == waited:  # the clock runs on, the line in Redis does not change
        again = await _row(store, slug)
    assert waited is not None and again.oldest_wait_ms is not None
    assert again.waiting == 1 and again.oldest_wait_ms > waited


async def test_a_room_opens_and_closes_on_the_board_by_itself(store: Store, slug: str) -> None:
    now = (await store.board.sum()).at_ms
    spec = RoomSpec(slug=slug, title="", capacity=1, opens_at=now + 150, closes_at=now + 300)
    await store.admission.load(spec)
    seen: list[RoomState] = []
    while RoomState.CLOSED not in seen:
        state = (await _row(store, slug)).state
        if not seen or seen[-1] is not state:
            seen.append(state)
    assert seen == [RoomState.SCHEDULED, RoomState.OPEN, RoomState.CLOSED]
