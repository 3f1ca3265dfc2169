"""The board: what is kept from one second to the next never outlives what it says."""

from __future__ import annotations

import math

from hub.ports import BoardRow
from hub.store import Store
from hub.store.board import row
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


def test_a_line_says_how_long_it_stays_true() -> None:
    line = "0,0,0,0,5,0,0,0,0,0,1000,2000,0,-1"
    states = {at: row("r", line, at) for at in (999, 1000, 1999, 2000)}
    assert [found.state for found, _ in states.values()] == [
        RoomState.SCHEDULED, RoomState.OPEN, RoomState.OPEN, RoomState.CLOSED,
    ]  # fmt: skip
    assert [until for _, until in states.values()] == [1000, 2000, 2000, math.inf]
    waited, until = row("r", "1,0,0,1,1,0,0,0,0,400,,,0,-1", 1000)
    assert waited.oldest_wait_ms == 600 and until == 1000  # it grows with the clock


async def test_a_room_opens_on_the_board_by_itself(store: Store, slug: str) -> None:
    opens_at = (await store.board.sum()).at_ms + 500
    await store.admission.load(RoomSpec(slug=slug, title="", capacity=1, opens_at=opens_at))
    while (await _row(store, slug)).state is RoomState.SCHEDULED:
        assert (await store.board.sum()).at_ms < opens_at + 500_000
    assert (await _row(store, slug)).state is RoomState.OPEN
    assert (await store.board.sum()).at_ms >= opens_at
