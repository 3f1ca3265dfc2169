"""The programme on SQL: no two conferences at once in one room, lists, agendas, feeds, hours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import Config, Programme
from hub.fair.base import FairKeys
from hub.fair.conferences import SqlConferences
from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine, transaction
from hub.fair.tables import calendar_feeds, people, rooms
from hub.ports import StaleVersion
from hub.ports.programme import (
    ConferenceExists,
    Draft,
    Filter,
    Hours,
    RoomTaken,
    Speaker,
    UnknownReference,
)
from rooms.model import Role, RoomSpec
from tests.databases import ready
from tests.fair.conftest import Clock

MIN = 60_000
HOUR = 60 * MIN
KEYS = FairKeys(b"m" * 32, b"d" * 32, b"v" * 32)


class Stand(NamedTuple):
    engine: AsyncEngine
    programme: SqlConferences
    directory: SqlDirectory
    clock: Clock

    async def room(self, slug: str, **more: Any) -> None:
        await self.directory.create_room(RoomSpec(slug=slug, title=f"Hall {slug}", **more))

    async def person(self, id: str, **more: Any) -> None:
        values: dict[str, Any] = {
            "id": id, "name": f"Name of {id}", "country": "CN", "sectors": [], "languages": ["zh"],
            "language": "zh-Hans", "role": "participant", "gate": False, "listed": True,
            "shows": ["organisation"], "privacy_version": 1, "consent_ms": 1, "totp_on": False,
            "totp_step": 0, "source": "web", "blocked": False, "created_ms": 1, "changed_ms": 1,
            "version": 1, **more,
        }  # fmt: skip
        async with transaction(self.engine) as connection:
            await connection.execute(sa.insert(people).values(values))

    def draft(self, slug: str, at: int = 0, minutes: int = 60, **more: Any) -> Draft:
        """``at``: minutes from now."""
        starts = self.clock.ms + at * MIN
        base = Draft(slug, "a", f"Talk {slug}", "telecom", starts, starts + minutes * MIN)
        return replace(base, **more)


@pytest.fixture
async def stand(database_url: str, clock: Clock) -> AsyncIterator[Stand]:
    await ready(database_url)
    engine = make_engine(database_url)
    config = Config(programme=Programme(open_before_s=600, close_after_s=300))
    found = Stand(engine, SqlConferences(engine, config, KEYS, clock), SqlDirectory(engine), clock)
    await found.room("a")
    await found.room("b")
    yield found
    await engine.dispose()


async def test_twenty_race_for_one_room_and_hour(stand: Stand) -> None:
    async def book(n: int) -> str:
        # Each overlaps every other, none begins or ends with another.
        try:
            await stand.programme.create(stand.draft(f"c{n}", at=n, minutes=60))
        except RoomTaken as taken:
            return str(taken.args[0])
        return f"c{n}"

    answers = await asyncio.gather(*map(book, range(20)))
    page, _ = await stand.programme.find(Filter(), None, 50)
    assert [one.slug for one in page] == [answers[0]] and set(answers) == {answers[0]}
    # One that begins when the other ends is welcome, and so is the same hour in another room.
    won = page[0].draft
    after = replace(won, slug="after", starts_ms=won.ends_ms, ends_ms=won.ends_ms + HOUR)
    await stand.programme.create(after)
    await stand.programme.create(replace(won, slug="beside", room="b"))


async def test_a_move_is_guarded_like_a_new_one(stand: Stand) -> None:
    made = [await stand.programme.create(stand.draft(f"c{n}", at=90 * n)) for n in range(2)]
    late = made[1].draft
    early = replace(late, starts_ms=made[0].draft.ends_ms - 1, ends_ms=late.ends_ms)
    with pytest.raises(RoomTaken, match="c0"):
        await stand.programme.change("c1", 1, early)
    assert await stand.programme.get("c1") == made[1]
    # What is cancelled takes no room, and takes it again only when it is free.
    off = await stand.programme.change("c0", 1, replace(made[0].draft, cancelled=True))
    moved = await stand.programme.change("c1", 1, early)
    with pytest.raises(RoomTaken):
        await stand.programme.change("c0", off.version, replace(off.draft, cancelled=False))
    with pytest.raises(StaleVersion):
        await stand.programme.change("c1", 1, late)
    with pytest.raises(LookupError):
        await stand.programme.change("none", 1, stand.draft("none", at=900))
    with pytest.raises(ConferenceExists):
        await stand.programme.create(stand.draft("c1", at=900))
    with pytest.raises(StaleVersion):
        await stand.programme.delete("c1", 1)
    assert (await stand.programme.delete("c1", moved.version)).draft == moved.draft
    assert await stand.programme.get("c1") is None


async def test_what_is_named_must_exist(stand: Stand) -> None:
    with pytest.raises(UnknownReference) as fault:
        await stand.programme.create(stand.draft("c", room="nowhere"))
    assert fault.value.args == ("room",)
    bad = (Speaker("A"), Speaker("B", "host", "u_nobody"))
    with pytest.raises(UnknownReference) as fault:
        await stand.programme.create(stand.draft("c", company="none", speakers=bad))
    assert fault.value.args == ("company", "speakers.1.person")
    assert await stand.programme.get("c") is None


async def test_lists_by_whatever(stand: Stand) -> None:
    await stand.person("u_1")
    spoken = (Speaker("Lin Yue 林悦", "host", "u_1", "Harbour Bank"),)
    await stand.programme.create(
        stand.draft("ports", at=0, languages=("zh-Hans", "en"), titles={"zh-Hans": "绿色港口"})
    )
    await stand.programme.create(stand.draft("rail", at=0, room="b", languages=("en-GB",)))
    await stand.programme.create(stand.draft("pay", at=60, sector="finance", speakers=spoken))
    off = stand.draft("off", at=120, cancelled=True)
    await stand.programme.create(off)

    async def listed(cursor: str | None = None, **wanted: Any) -> list[str]:
        page, _ = await stand.programme.find(Filter(**wanted), cursor, 10)
        return [one.slug for one in page]

    assert await listed() == ["ports", "rail", "pay", "off"]
    assert await listed(cancelled=False, from_ms=off.starts_ms - HOUR) == ["pay"]
    assert await listed(to_ms=stand.clock.ms + 1) == ["ports", "rail"]
    assert await listed(ends_after_ms=stand.clock.ms + HOUR) == ["pay", "off"]
    assert await listed(sector="finance") == await listed(speaker="u_1") == ["pay"]
    assert await listed(room="b") == ["rail"] and await listed(language="en") == ["ports"]
    assert await listed(q="港口") == ["ports"] and await listed(q="harbour lin") == ["pay"]
    assert await listed(q="*") == []
    page, following = await stand.programme.find(Filter(), None, 1)
    seen = [page[0].slug]
    while following:
        page, following = await stand.programme.find(Filter(), following, 1)
        seen += [one.slug for one in page]
    assert seen == ["ports", "rail", "pay", "off"]
    with pytest.raises(ValueError):
        await stand.programme.find(Filter(), "no cursor", 1)
    assert [count for _, count in await stand.programme.starts(Filter())] == [2, 1, 1]


async def test_now_and_next(stand: Stand) -> None:
    for slug, at in (("first", 0), ("second", 60), ("third", 120)):
        await stand.programme.create(stand.draft(slug, at=at))

    async def told() -> tuple[str | None, str | None]:
        found = (await stand.programme.now_next(["a", "b"])).get("a")
        if found is None:
            return None, None
        return (found.now and found.now.slug), (found.next and found.next.slug)

    stand.clock.ms -= 1
    assert await told() == (None, "first")
    stand.clock.ms += 1
    assert await told() == ("first", "second")
    stand.clock.ms += 3 * HOUR - 1
    assert await told() == ("third", None)
    stand.clock.ms += 1
    assert await told() == (None, None)


async def test_the_hours_of_a_room_follow_its_programme(stand: Stand) -> None:
    start = stand.clock.ms + 2 * HOUR
    first = await stand.programme.create(stand.draft("first", at=120))
    opens, closes = start - 10 * MIN, start + HOUR + 5 * MIN
    assert await stand.programme.hours() == (Hours("a", opens, closes, "first"),)

    async def obey(found: Hours) -> None:
        record = await stand.directory.room("a")
        assert record is not None
        spec = RoomSpec(slug="a", title="x", opens_at=found.opens_ms, closes_at=found.closes_ms)
        await stand.directory.change_room("a", record.version, spec)

    await obey((await stand.programme.hours())[0])
    assert await stand.programme.hours() == ()  # as wanted: nothing to do
    # The next one follows in 9 minutes: both share the gap as 5 to 10.
    second = stand.draft("second", at=120 + 69)
    await stand.programme.create(second)
    shared = first.draft.ends_ms + 3 * MIN
    assert await stand.programme.hours() == (Hours("a", opens, shared, "first"),)
    stand.clock.ms = shared
    (turn,) = await stand.programme.hours()
    assert turn == Hours("a", shared, second.ends_ms + 5 * MIN, "second")
    await obey(turn)
    # Called off while the room is open for it, with the other long over: it closes now.
    stand.clock.ms += 6 * MIN
    await stand.programme.change("second", 1, replace(second, cancelled=True))
    assert await stand.programme.hours() == (Hours("a", shared, stand.clock.ms, None),)
    # Closed for good stays closed.
    async with transaction(stand.engine) as connection:
        await connection.execute(sa.update(rooms).values(closed=True))
    assert await stand.programme.hours() == ()


async def test_speakers_have_their_role_while_the_room_is_open(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.fair.conferences.hours.FRESH_S", -1)  # look each time
    for one in ("u_host", "u_speaks"):
        await stand.person(one, organisation="Harbour Bank")
    on = (Speaker("H", "host", "u_host"), Speaker("S", "speaker", "u_speaks"), Speaker("N"))
    made = await stand.programme.create(stand.draft("talk", at=60, speakers=on))

    async def roles(room: str = "a") -> list[Role | None]:
        return [await stand.programme.role_in(room, who) for who in ("u_host", "u_speaks", "u_x")]

    stand.clock.ms = made.draft.starts_ms - 10 * MIN - 1
    assert await roles() == [None] * 3
    stand.clock.ms += 1
    assert await roles() == [Role.HOST, Role.SPEAKER, None] and await roles("b") == [None] * 3
    stand.clock.ms = made.draft.ends_ms + 5 * MIN
    assert await roles() == [None] * 3
    assert await stand.programme.affiliation("u_host") == "Harbour Bank"


async def test_an_agenda_says_what_clashes(stand: Stand) -> None:
    await stand.person("u_1")
    one = await stand.programme.create(stand.draft("one", at=60, titles={"zh-Hans": "一"}))
    two = await stand.programme.create(stand.draft("two", at=90, room="b"))
    await stand.programme.create(stand.draft("three", at=150, room="b"))
    add = stand.programme.add_to_agenda
    assert await add("u_1", "one", anyway=False) == ()
    assert await add("u_1", "two", anyway=False) == (one,)
    assert await add("u_1", "three", anyway=False) == ()
    mine = await stand.programme.agenda_slots("u_1")
    assert [slug for slug, *_ in mine] == ["one", "three"]  # two was told, not added
    chinese = await stand.programme.agenda_slots("u_1", "zh-Hans")
    assert [title for _, title, *_ in mine] == ["Talk one", "Talk three"]
    assert [title for _, title, *_ in chinese] == ["一", "Talk three"]
    assert await add("u_1", "two") == (one,)
    assert await add("u_1", "two") == (one,)  # once
    for person, slug in (("u_1", "none"), ("u_nobody", "one")):
        with pytest.raises(LookupError):
            await add(person, slug)
    page, _ = await stand.programme.find(Filter(agenda_of="u_1"), None, 10)
    assert [found.slug for found in page] == ["one", "two", "three"]

    await stand.person("u_2")
    await add("u_2", "one")
    starts = one.draft.starts_ms
    due = await stand.programme.reminders(starts, starts + 1)
    assert [(found.conference, found.person) for found in due] == [("one", "u_1"), ("one", "u_2")]
    rest = await stand.programme.reminders(starts, starts + 1, after=("one", "u_1"))
    assert [found.person for found in rest] == ["u_2"]
    assert await stand.programme.reminders(starts - 1, starts) == ()
    await stand.programme.change("two", 1, replace(two.draft, cancelled=True))
    assert await stand.programme.reminders(two.draft.starts_ms, two.draft.starts_ms + 1) == ()
    assert await stand.programme.remove_from_agenda("u_1", "one") is True
    assert await stand.programme.remove_from_agenda("u_1", "one") is False


async def test_a_feed_opens_by_its_newest_secret_alone(stand: Stand) -> None:
    await stand.person("u_1")
    programme = stand.programme
    assert await programme.feed("u_1") is None
    first = await programme.renew_feed("u_1")
    assert len(first) == 43 and await programme.feed("u_1") == first
    assert await programme.feed_owner(first) == ("u_1", "zh-Hans")
    second = await programme.renew_feed("u_1")  # within the same millisecond
    assert second != first and await programme.feed_owner(first) is None
    async with transaction(stand.engine) as connection:
        stored = (await connection.execute(sa.select(calendar_feeds))).one()
        assert second not in str(stored)
    assert await programme.revoke_feed("u_1") is True
    assert await programme.feed_owner(second) is None and await programme.feed("u_1") is None
    assert await programme.revoke_feed("u_1") is False
    with pytest.raises(LookupError):
        await programme.renew_feed("u_nobody")
    third = await programme.renew_feed("u_1")
    async with transaction(stand.engine) as connection:
        await connection.execute(sa.update(people).values(blocked=True))
    assert await programme.feed_owner(third) is None
