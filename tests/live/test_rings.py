"""A ring on every open page of a company's staff, across two hubs, and how it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from hub.fair.tables import companies, company_staff, people, rings
from hub.live import NEWS
from hub.live import ringing as live_ringing
from hub.store import keys
from rooms.rings import Happening, Ring, State, Why, begun, declined, ended
from tests.live.driver import Hub, until
from tests.live.test_news import Page, announce, now_ms, person, stored

Two = tuple[Hub, Hub]
STAFF = ("u_a", "u_b", "u_c")


async def tell(hub: Hub, notices: Sequence[Any]) -> None:
    for notice in notices:
        await hub.services.news.tell(notice)


async def ring(hub: Hub, visitor: str = "u_v", online: Sequence[str] = STAFF) -> Ring:
    """As the API does it."""
    made = await hub.services.fair.rings.ring(visitor, "pearl", "Robots", online)
    if made.state is State.RINGING:
        await tell(hub, [begun(made)])
    return made


@pytest.fixture
async def booth(two: Two) -> Two:
    hub = two[0]
    await stored(hub, people, *(person(id) for id in (*STAFF, "u_v", "u_w")))
    await stored(hub, companies, {
        "slug": "pearl", "name": "Pearl", "names": {}, "sector": "finance", "country": "CN",
        "summary": {}, "about": {}, "links": [], "on_site": False, "online": True,
        "published": True, "sort_key": "pearl", "created_ms": 0, "changed_ms": 0, "version": 1,
    })  # fmt: skip
    await stored(hub, company_staff, *(
        {"company": "pearl", "person": id, "role": "staff", "title": None, "shown": True,
         "created_ms": 0}
        for id in STAFF
    ))  # fmt: skip
    return two


async def test_all_pages_ring_and_stop_when_one_takes_it(booth: Two) -> None:
    one, other = booth
    pages = {
        name: await Page(hub, id).open()
        for name, hub, id in (
            ("a1", one, "u_a"), ("a2", other, "u_a"), ("b", other, "u_b"), ("c", one, "u_c"),
            ("visitor", other, "u_v"), ("nobody", one, ""), ("stranger", other, "u_w"),
        )
    }  # fmt: skip
    staff = [pages[name] for name in ("a1", "a2", "b", "c")]
    made = await ring(one)
    for page in staff:
        told = await page.expect("ring", id=made.id)
        assert told["caller"] == {"name": "u_v", "organisation": None}
        assert (told["company_name"], told["subject"]) == ("Pearl", "Robots")
    # A page that is opened while it rings.
    late = await Page(other, "u_c").open()
    await late.expect("ring", id=made.id)
    # One declines: on both of their pages, and on no other.
    after = await other.services.fair.rings.decline(made.id, "u_a")
    assert after.state is State.RINGING
    await tell(other, [declined(after, "u_a")])
    for name in ("a1", "a2"):
        over = await pages[name].expect("ring_over", id=made.id)
        assert (over["state"], over["why"]) == ("refused", "declined")
    assert not (await Page(one, "u_a").open()).kept("ring")
    taken = await one.services.fair.rings.answer(made.id, "u_b")
    await tell(one, ended(taken))
    for name in ("visitor", "b"):
        assert (await pages[name].expect("call", id=made.id))["room"] == taken.room
    for page in (*staff, late, pages["visitor"]):
        over = await page.expect("ring_over", id=made.id, state="answered")
        assert over["by"] == "u_b"
    mark = await announce(one, "Mark")
    for page in (pages["a1"], pages["c"], pages["nobody"], pages["stranger"]):
        await page.none_of("call", until="announcement", id=mark)
    for name in ("nobody", "stranger", "visitor"):
        assert not pages[name].kept("ring"), "told what was for others"
    assert not one.app[NEWS].ringing._known and not other.app[NEWS].ringing._known


async def test_a_visitor_whose_last_page_is_gone_is_missed(
    booth: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = booth
    graces: list[Any] = []  # run out when the test says so

    def later(seconds: float, do: Any, who: Any) -> None:
        if seconds == live_ringing.GRACE_S:
            graces.append((do, who))

    for hub in booth:
        monkeypatch.setattr(hub.app[NEWS], "later", later)

    async def grace_is_over(count: int) -> None:
        await until(lambda: len(graces) == count, what="the hub sees the socket end")
        do, who = graces[-1]
        do(who)

    staff = await Page(one, "u_a").open()
    first, second = await Page(one, "u_v").open(), await Page(other, "u_v").open()
    made = await ring(other)
    await staff.expect("ring", id=made.id)
    redis: Any = one.services.news

    async def at(hubs: int) -> bool:
        count = await redis._submitter.call("SCARD", keys.pages("u_v"))
        return int(count) == hubs

    await until(lambda: at(2), what="both hubs have a page of the visitor")
    first.cut()  # one of two pages: it goes on ringing
    await grace_is_over(1)
    await until(lambda: at(1), what="one hub has none any more")
    found = await one.services.fair.rings.get(made.id)
    assert found is not None and found.state is State.RINGING
    # The page changes: gone, and here again within the grace.
    second.cut()
    await until(lambda: len(graces) == 2, what="the hub sees the socket end")
    third = await Page(one, "u_v").open()
    await grace_is_over(2)
    await until(lambda: at(1), what="the hub of the new page alone")
    mark = await announce(one, "Mark")
    await staff.none_of("ring_over", until="announcement", id=mark)
    third.cut()  # killed
    await grace_is_over(3)
    over = await staff.expect("ring_over", id=made.id)
    assert (over["state"], over["why"], over["by"]) == ("missed", "dropped", None)
    found = await other.services.fair.rings.get(made.id)
    assert found is not None and (found.state, found.why) == (State.MISSED, Why.DROPPED)
    again = await ring(one)
    assert again.staff == STAFF and again.state is State.RINGING, "everyone is free again"


async def test_a_visitor_gone_before_any_hub_greeted_their_page_is_missed(
    booth: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = booth
    due: list[Any] = []  # what is to be done GREETED_S after each ring began, by each hub

    def later(seconds: float, do: Any, what: Any) -> None:
        if seconds == live_ringing.GREETED_S:
            due.append(lambda: do(what))

    for hub in booth:
        monkeypatch.setattr(hub.app[NEWS], "later", later)

    async def time_passes(rings: int) -> None:
        await until(lambda: len(due) == 2 * rings, what="both hubs know that it rings")
        for look in due[-2:]:
            look()

    staff = await Page(one, "u_a").open()
    lost = await ring(other)
    await staff.expect("ring", id=lost.id)
    await time_passes(1)
    over = await staff.expect("ring_over", id=lost.id)
    assert (over["state"], over["why"]) == ("missed", "dropped")
    # Greeted by one hub while it rings: the other one finds out, and it rings on.
    made = await ring(one)
    await staff.expect("ring", id=made.id)
    redis: Any = one.services.news

    async def here() -> bool:
        return int(await redis._submitter.call("SCARD", keys.pages("u_v"))) == 1

    visitor = await Page(other, "u_v").open()
    await until(here, what="a hub says that it has a page of the visitor")
    for look in due[:2]:
        look()  # of a ring that is over: no word about this one
    await time_passes(2)
    mark = await announce(one, "Mark")
    await visitor.none_of("ring_over", until="announcement", id=mark)
    hung = await one.services.fair.rings.end(made.id, Happening.HANG_UP, "u_v")
    assert hung is not None and hung.staff == STAFF, "all were free again"
    # An app has no page to lose.
    await tell(one, ended(hung))
    await visitor.expect("ring_over", id=made.id)
    app = await one.services.fair.rings.ring("u_w", "pearl", "", STAFF)
    await tell(one, [begun(app, page=False)])
    await staff.expect("ring", id=app.id)
    mark = await announce(one, "Another mark")
    await visitor.none_of("ring", until="announcement", id=mark)
    assert len(due) == 4


async def test_time_ends_it_once_whichever_hub_looks(booth: Two) -> None:
    one, other = booth
    staff, visitor = await Page(one, "u_a").open(), await Page(other, "u_v").open()
    made = await ring(one)
    await staff.expect("ring", id=made.id)
    engine: Any = one.services.fair.rings._engine  # type: ignore[attr-defined]
    async with engine.begin() as connection:
        await connection.execute(sa.update(rings).values(expires_ms=now_ms() - 1))
    assert not (await Page(other, "u_a").open()).kept("ring"), "its time is over"
    await asyncio.gather(*(hub.app[NEWS].ringing.look() for hub in booth))
    for page in (staff, visitor):
        over = await page.expect("ring_over", id=made.id)
        assert (over["state"], over["why"]) == ("missed", "no_answer")
    mark = await announce(one, "Mark")
    await visitor.none_of("ring_over", until="announcement", id=mark)
    hung = await ring(other)
    await staff.expect("ring", id=hung.id)
    gone = await other.services.fair.rings.end(hung.id, Happening.HANG_UP, "u_v")
    assert gone is not None
    await tell(other, ended(gone))
    assert (await staff.expect("ring_over", id=hung.id))["state"] == "cancelled"


async def test_who_is_online_is_who_has_a_page(booth: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_ringing, "GRACE_S", 0.05)
    one, other = booth
    news = other.services.news
    names = [f"u_on{now_ms()}", f"u_off{now_ms()}"]
    page = await Page(one, names[0]).open()
    assert await news.online_of([*names, "", "u_none"]) == {names[0]}
    assert await news.online_of([]) == frozenset()
    redis: Any = news

    async def score() -> float:
        return float(await redis._submitter.call("ZSCORE", keys.ONLINE, names[0]))

    before = await score()
    page.cut()

    async def lowered() -> bool:
        return await score() < before

    await until(lowered, what="online no longer than other hubs need to see them")
    await news.went("u_none")
    assert await news.online_of(["u_none"]) == frozenset(), "going brings nobody in"
