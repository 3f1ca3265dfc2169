"""Stays are written once whoever hears of them, in whatever order, and read back merged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import load
from hub.fair.attendance import SqlAttendance
from hub.fair.base import FairKeys
from hub.fair.engine import make_engine
from hub.fair.tables import attendance, conferences, rooms
from hub.fair.visits import merged
from hub.fair.webhooks import SqlWebhooks
from hub.ports import DirectoryLost
from rooms.model import Identity, Role
from tests.databases import ready

KEYS = FairKeys(b"m" * 32, b"d" * 32, b"v" * 32)
ADA = Identity(id="u_ada", name="Ada", company="Acme", role=Role.SPEAKER)
BOB = Identity(id="u_bob", name="Bob")


class Rig:
    """Two hubs on one database."""

    def __init__(self, engine: AsyncEngine, clock: Any) -> None:
        made = (engine, load(None), KEYS, clock)
        self.engine, self.clock = engine, clock
        self.webhooks = SqlWebhooks(*made)
        self.one = SqlAttendance(*made, outbox=self.webhooks)
        self.two = SqlAttendance(*made, outbox=SqlWebhooks(*made))

    async def flush(self) -> None:
        await self.one.flush()
        await self.two.flush()

    async def stays(self) -> list[tuple[str, int, int | None]]:
        """(person, entered, left) in seconds of the test."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(sa.select(attendance).order_by(attendance.c.id))
            return [
                (row.person, (row.entered_ms - START) // 1000,
                 None if row.left_ms is None else (row.left_ms - START) // 1000)
                for row in rows
            ]  # fmt: skip

    def at(self, seconds: float) -> None:
        self.clock.ms = START + int(seconds * 1000)


START = 1_800_000_000_000


@pytest.fixture
async def rig(database_url: str, clock: Any) -> AsyncIterator[Rig]:
    await ready(database_url)
    engine = make_engine(database_url)
    yield Rig(engine, clock)
    await engine.dispose()


async def test_each_stay_is_written_once_by_whoever_hears_of_it(rig: Rig) -> None:
    endpoint, _ = await rig.webhooks.create("https://example.com/h", ["room.entered", "room.left"])
    rig.one.seated("hall", ADA, 1, True)
    rig.one.seated("hall", BOB, 2, True)
    rig.one.seated("hall", ADA, 3, False)  # a second tab, same seat
    await rig.flush()
    rig.at(30)
    rig.two.seated("hall", ADA, 4, False)  # resumed on the other hub
    await rig.flush()
    rig.at(60)
    rig.one.ended("hall", "u_ada", 4)  # both hear the notice
    rig.two.ended("hall", "u_ada", 4)
    rig.two.left("hall", "u_ada")
    await rig.flush()
    rig.at(64)
    await rig.flush()
    await rig.flush()
    assert await rig.stays() == [("u_ada", 0, 60), ("u_bob", 0, None)]
    rig.two.room_closed("hall")
    rig.one.room_closed("hall")
    await rig.flush()
    assert await rig.stays() == [("u_ada", 0, 60), ("u_bob", 0, 64)]
    told, _ = await rig.webhooks.deliveries(endpoint.id)
    assert [one.kind for one in told] == ["room.left"] * 2 + ["room.entered"] * 2
    assert '"left_at":"2027-01-15T08:01:00.000Z"' in told[1].body and '"Acme"' in told[1].body


async def test_word_may_come_late_and_in_another_order(rig: Rig) -> None:
    """Ada leaves on one hub and is in again on the other before either wrote."""
    rig.one.seated("hall", ADA, 1, True)
    await rig.flush()
    rig.at(10)
    rig.one.left("hall", "u_ada")
    rig.at(10.5)
    rig.two.seated("hall", ADA, 2, True)
    await rig.two.flush()
    await rig.one.flush()
    assert await rig.stays() == [("u_ada", 0, 10), ("u_ada", 10, None)]
    # The notice of the first seat's end, late: it does not end the second.
    rig.two.ended("hall", "u_ada", 1)
    await rig.flush()
    assert (await rig.stays())[1] == ("u_ada", 10, None)
    # In and out and in within one batch.
    rig.at(20)
    rig.two.left("hall", "u_ada")
    for gen in (5, 6, 7):
        rig.two.seated("hall", BOB, gen, True)
        rig.at(20 + gen)
        rig.two.ended("hall", "u_bob", gen)
    await rig.two.flush()
    bob = [stay for stay in await rig.stays() if stay[0] == "u_bob"]
    assert bob == [("u_bob", 20, 25), ("u_bob", 25, 26), ("u_bob", 26, 27)]
    # A take-over heard of after the end is no new stay.
    rig.at(28)
    rig.one.seated("hall", BOB, 7, False)
    await rig.one.flush()
    assert len(await rig.stays()) == 5


async def test_what_could_not_be_written_is_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    write = rig.one._write

    async def away(_batch: list[Any]) -> list[Any]:
        raise DirectoryLost("away")

    rig.one.seated("hall", ADA, 1, True)
    rig.at(5)
    rig.one.left("hall", "u_ada")
    monkeypatch.setattr(rig.one, "_write", away)
    with pytest.raises(DirectoryLost):
        await rig.one.flush()
    monkeypatch.setattr(rig.one, "_write", write)
    rig.at(9)
    await rig.one.flush()
    assert await rig.stays() == [("u_ada", 0, 5)]


def test_short_gaps_are_closed() -> None:
    assert merged([(0, 1_000), (60_000, 90_000), (150_000, 200_000), (260_001, None)]) == (
        (0, 90_000), (150_000, 200_000), (260_001, None)
    )  # fmt: skip
    assert merged([(0, None), (50_000, 60_000)]) == ((0, None),)


async def test_report_of_a_conference_counts_its_own_time(rig: Rig) -> None:
    minute = 60_000
    async with rig.engine.begin() as connection:
        await connection.execute(sa.insert(rooms), {
            "slug": "hall", "title": "Hall", "kind": "conference", "capacity": 9, "reserved": 0,
            "stage_capacity": 9, "locked": False, "guests": False, "waitlist": True, "chat": "on",
            "slow_mode_s": 0, "closed": False, "version": 1, "created_ms": 0,
        })  # fmt: skip
        await connection.execute(sa.insert(conferences), {
            "slug": "talk", "room": "hall", "title": "Talk", "titles": {}, "about": {},
            "sector": "finance", "languages": [], "starts_ms": START + 10 * minute,
            "ends_ms": START + 40 * minute, "cancelled": False, "created_ms": 0, "changed_ms": 0,
            "version": 1,
        })  # fmt: skip
    for who, entered, left in ((ADA, 0, 20), (BOB, 5, 9), (ADA, 20.5, 50), (BOB, 45, 50)):
        rig.at(60 * entered)
        rig.one.seated("hall", who, 1, True)
        await rig.one.flush()
        rig.at(60 * left)
        rig.one.left("hall", who.id)
        await rig.one.flush()
    (visit,), following = await rig.one.report(conference="talk")
    assert (visit.person, visit.name, visit.company, visit.role) == (
        "u_ada", "Ada", "Acme", "speaker")  # fmt: skip
    assert visit.stays == ((START, START + 50 * minute),) and following is None
    assert visit.minutes == 30.0
    page, following = await rig.one.report(room="hall", limit=1)
    assert [one.person for one in page] == ["u_ada"] and following == "hall/u_ada"
    page, following = await rig.one.report(room="hall", limit=1, cursor=following)
    assert [(one.person, len(one.stays), one.minutes) for one in page] == [("u_bob", 2, 9.0)]
    assert following is None
    with pytest.raises(LookupError):
        await rig.one.report(conference="none")


async def test_who_meets_whom_in_a_negotiation_room_is_told_to_nobody(rig: Rig) -> None:
    """Stays are written (an appointment asks who came); no webhook and no report has them."""
    endpoint, _ = await rig.webhooks.create("https://example.com/h", [])
    row = {
        "title": "Talk", "mode": None, "capacity": 2, "reserved": 0, "stage_capacity": 9,
        "locked": False, "guests": False, "waitlist": True, "chat": "on", "slow_mode_s": 0,
        "closed": False, "version": 1, "created_ms": 0,
    }  # fmt: skip
    async with rig.engine.begin() as connection:
        for slug, kind in (("n-private", "negotiation"), ("hall", "conference")):
            await connection.execute(sa.insert(rooms), {**row, "slug": slug, "kind": kind})
    for gen, room in enumerate(("n-private", "hall"), 1):
        rig.one.seated(room, ADA, gen, True)
        rig.one.refused(room, BOB, "room_full")
    await rig.flush()
    await rig.webhooks.flush()
    rig.at(10)
    for room in ("n-private", "hall"):
        rig.one.left(room, ADA.id)
    await rig.flush()
    assert len(await rig.stays()) == 2
    told, _ = await rig.webhooks.deliveries(endpoint.id, state=None, cursor=None, limit=50)
    assert {one.room for one in told} == {"hall"}
    assert {one.kind for one in told} == {"room.entered", "room.left", "room.refused"}
    for room in (None, "n-private"):
        people, _ = await rig.one.report(room=room)
        assert {one.room for one in people} <= {"hall"}
