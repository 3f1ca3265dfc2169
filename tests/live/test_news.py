"""GET /news: who is told what, at once and after coming back, across two hubs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import sqlalchemy as sa
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hub.fair.tables import agenda, conferences, people
from hub.live import NEWS
from hub.live import reader as live_reader
from rooms.model import Identity, Role
from rooms.news import AnnouncedNotice, Audience, NewsNotice, WithdrawnNotice
from tests.live.driver import Client, Hub, narrow_socket, until

NEWS_V1: Any = "pavilion.news.v1"
HOUR_MS = 3_600_000
Two = tuple[Hub, Hub]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Page(Client):
    """A page's news socket."""

    def __init__(self, hub: Hub, person: str = "") -> None:
        super().__init__(hub, person, "", "participant")
        self.current: dict[str, Any] = {}

    async def open(self, **more: Any) -> Page:
        url = self.hub.url.replace("/live", "/news")
        self._ws = await connect(
            url, subprotocols=[NEWS_V1], compression=None, ping_interval=None,
            close_timeout=1, proxy=None, **more,
        )  # fmt: skip
        self.current = await self.expect("current")
        if self.person:
            role = Role.ORGANISER if self.person == "boss" else Role.PARTICIPANT
            identity = Identity(id=self.person, name=self.person, role=role)
            ticket, _ = await self.hub.services.vault.issue_ticket(identity)
            number = await self.send("hello", ticket=ticket)
            assert (await self.expect("welcome", re=number))["participant"] == self.person
            self.current = await self.expect("current")
        return self

    def holding(self) -> list[str]:
        """What the page had to show when it was opened."""
        return [one["id"] for one in self.current["announcements"]]


def person(id: str, **more: Any) -> dict[str, Any]:
    row = {
        "id": id, "name": id, "country": "CN", "sectors": ["finance"], "languages": [],
        "language": "en", "role": "participant", "gate": False, "listed": True, "shows": {},
        "privacy_version": 1, "consent_ms": 0, "totp_on": False, "totp_step": 0, "source": "web",
        "blocked": False, "created_ms": 0, "changed_ms": 0, "version": 1,
    }  # fmt: skip
    return {**row, **more}


async def stored(hub: Hub, table: sa.Table, *rows: dict[str, Any]) -> None:
    engine = hub.services.fair.announcements._engine  # type: ignore[attr-defined]
    async with engine.begin() as connection:
        await connection.execute(sa.insert(table), list(rows))


async def announce(hub: Hub, text: str, **audience: Any) -> str:
    """As the organiser's page does it."""
    part, to = hub.services.fair.announcements, Audience(**audience)
    made = await part.create({"en": text}, to, now_ms() + HOUR_MS, "boss")
    await hub.services.news.tell(
        AnnouncedNotice(made.id, dict(made.texts), to, made.created_ms, made.until_ms)
    )
    return made.id


async def withdraw(hub: Hub, id: str) -> None:
    gone = await hub.services.fair.announcements.withdraw(id)
    assert gone is not None
    await hub.services.news.tell(WithdrawnNotice(id, gone.audience))


async def test_everybody_on_every_hub_is_told_and_who_comes_gets_what_holds(two: Two) -> None:
    one, other = two
    pages = [await Page(one).open(), await Page(other).open(), await Page(other, "u_a").open()]
    id = await announce(one, "Doors open")
    for page in pages:
        told = await page.expect("announcement", id=id)
        assert told["texts"] == {"en": "Doors open"} and told["until"].endswith("Z")
    late = await Page(other).open()
    assert late.holding() == [id]
    await withdraw(other, id)
    for page in [*pages, late]:
        await page.expect("withdrawn", id=id)
    assert (await Page(one).open()).holding() == []


async def test_only_those_addressed_are_told(two: Two) -> None:
    one, other = two
    await stored(
        one, people, person("u_law", sectors=["law", "health"], country="DE"),
        person("u_fin"), person("u_blocked", sectors=["law"], country="DE", blocked=True),
    )  # fmt: skip
    law, fin = await Page(other, "u_law").open(), await Page(one, "u_fin").open()
    blocked, anyone = await Page(one, "u_blocked").open(), await Page(one).open()
    boss = await Page(other, "boss").open()
    lawyers = await announce(one, "Law", sectors=("law",), countries=("DE", "FR"))
    organisers = await announce(other, "Team", roles=("organiser",))
    await announce(one, "All")
    await law.expect("announcement", id=lawyers)
    await boss.expect("announcement", id=organisers)
    for page in (law, fin, blocked, anyone, boss):
        assert (await page.expect("announcement", texts={"en": "All"}))["id"]
    await withdraw(other, lawyers)
    await law.expect("withdrawn", id=lawyers)
    mark = await announce(one, "Mark")
    for page in (fin, blocked, anyone, boss):
        await page.none_of("withdrawn", until="announcement", id=mark)
        assert not page.kept("announcement"), page.failure("told what was for others")
    again = await Page(one, "u_law").open()
    assert {one["texts"]["en"] for one in again.current["announcements"]} == {"All", "Mark"}


async def test_a_hub_that_was_deaf_tells_what_it_missed(two: Two) -> None:
    one, other = two
    page = await Page(other).open()
    news = other.app[NEWS]
    unheard: list[NewsNotice] = []
    other.services.news.listen(unheard.append, news.lost)
    id = await announce(one, "Unheard")
    await until(lambda: unheard, what="the notice came by while nobody listened")
    other.services.news.listen(news.notice, news.lost)
    news.lost()
    assert [one["id"] for one in (await page.expect("current"))["announcements"]] == [id]


async def test_a_reminder_comes_once_a_page_and_to_pages_opened_later(two: Two) -> None:
    one, other = two
    room = await one.room()
    soon, base = (
        now_ms() + 5 * 60_000,
        {"titles": {"zh-Hans": "贸易"}, "about": {}, "languages": []},
    )
    talk = {
        "slug": "trade", "room": room, "title": "Trade", "sector": "finance", "starts_ms": soon,
        "ends_ms": soon + HOUR_MS, "cancelled": False, "created_ms": 0, "changed_ms": 0,
        "version": 1, **base,
    }  # fmt: skip
    await stored(one, people, person("u_a"), person("u_b"))
    await stored(one, conferences, talk)
    await stored(one, agenda, {"person": "u_a", "conference": "trade", "added_ms": 0})
    page, unconcerned = await Page(one, "u_a").open(), await Page(other, "u_b").open()
    told = await page.expect("reminder")
    assert (told["conference"], told["room"], told["title"]) == ("trade", room, "Trade")
    assert told["titles"] == {"zh-Hans": "贸易"} and told["starts_at"].endswith("Z")
    for hub in two:
        for _ in range(2):
            await hub.app[NEWS].reminders.look()
    await stored(one, agenda, {"person": "u_b", "conference": "trade", "added_ms": now_ms()})
    await other.app[NEWS].reminders.look()
    assert (await unconcerned.expect("reminder"))["id"] == told["id"]
    mark = await announce(one, "Mark")
    for client in (page, unconcerned):
        await client.none_of("reminder", until="announcement", id=mark)
    second = await Page(other, "u_a").open()
    assert (await second.expect("reminder"))["id"] == told["id"]


async def test_a_conference_that_comes_within_ten_minutes_is_told(hub: Hub) -> None:
    room = await hub.room()
    starts = now_ms() + 11 * 60_000
    await stored(hub, people, person("u_a"))
    await stored(hub, conferences, {
        "slug": "late", "room": room, "title": "Late", "sector": "law", "starts_ms": starts,
        "ends_ms": starts + 1, "cancelled": False, "created_ms": 0, "changed_ms": 0, "version": 1,
        "titles": {}, "about": {}, "languages": [],
    })  # fmt: skip
    await stored(hub, agenda, {"person": "u_a", "conference": "late", "added_ms": 0})
    page = await Page(hub, "u_a").open()
    reminders = hub.app[NEWS].reminders
    await reminders.look()
    assert not page.kept("reminder")
    reminders.now_ms = lambda: now_ms() + 2 * 60_000
    await reminders.look()
    assert (await page.expect("reminder"))["conference"] == "late"


async def test_a_reader_that_reads_nothing_is_cut(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_reader, "QUEUE_MAX", 64 * 1024)
    deaf, well = await Page(hub).open(sock=await narrow_socket(hub)), await Page(hub).open()
    deaf.ws.transport.pause_reading()
    news = hub.app[NEWS]
    text = "x" * 20_000
    sent = 0
    while not any(one.closing for one in news.readers):
        news.notice(AnnouncedNotice(f"n{sent}", {"en": text}, Audience(), 0, now_ms() + HOUR_MS))
        await well.expect("announcement", id=f"n{sent}")
        sent += 1
        assert sent < 2_000
    (cut,) = (one for one in news.readers if one.closing is not None)
    assert int(cut.closing or 0) == 4008
    deaf.ws.transport.abort()  # it would not hear that it is to close


async def test_the_door(hub: Hub) -> None:
    url = hub.url.replace("/live", "/news")
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, origin="https://elsewhere.example", proxy=None)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, subprotocols=["pavilion.v1"], proxy=None)  # type: ignore[list-item]
    assert refused.value.response.status_code == 400
    for text, code in (
        (json.dumps({"type": "hello", "id": 1, "ticket": "guessed"}), 4501),
        (json.dumps({"type": "say", "id": 1, "text": "hi"}), 4500),
        ("{", 4500),
    ):
        page = await Page(hub).open()
        await page.raw(text)
        closed, bye = await page.closed()
        assert closed == code and bye is not None and not bye["reconnect"]
    await until(lambda: not hub.app[NEWS].readers, what="nobody is left")


async def test_online_counts_people_not_pages(two: Two) -> None:
    one, other = two
    room = await one.room()
    await one.inside(room, "ada")
    pages = [await Page(hub, "u_a").open() for hub in two] + [await Page(one).open()]
    for hub in two:
        await hub.app[NEWS].count()
    found = await one.services.news.online()
    assert found >= 2  # the store is shared by the session's tests: names of others may linger
    await one.services.news.seen(["u_a", "ada"])
    assert await other.services.news.online() == found
    assert len(pages) == 3
