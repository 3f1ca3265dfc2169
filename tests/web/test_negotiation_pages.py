"""A talk's page: the same page for all outsiders, who is there and when for members."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from html import unescape
from typing import Any

import pytest

from hub.ports.talks import Belonging
from hub.web.talks import now_ms
from rooms.model import Mode, Role
from tests.web.talking import HOUR, MIN, Fair, Person


@pytest.fixture
async def made(site: Any) -> AsyncIterator[Fair]:
    async with AsyncExitStack() as stack:
        yield Fair(site, stack)


async def page(who: Person, room: str) -> tuple[int, str]:
    answer = await who.hub.call("GET", f"/negotiations/{room}", auth=None)
    return answer.status, await answer.text()


def told(text: str, name: str = "talk") -> Any:
    found = re.search(rf'data-{name}="([^"]*)"', text)
    assert found
    return json.loads(unescape(found[1])) if found[1] else None


async def test_to_outsiders_it_is_a_room_that_does_not_exist(made: Fair) -> None:
    host, guest, other, removed = [await made.person(n) for n in ("Hana", "Gil", "Ona", "Remi")]
    organiser, nobody = await made.organiser(), await made.nobody()
    await made.company("pearl", host)
    room = await made.talk("pearl", host, guest, removed, subject="Of nobody else's business")
    await made.talks.remove_member(room, removed.id, host.id)
    conference = await made.site.room()
    for who in (nobody, other, removed, organiser):
        pages = [await page(who, slug) for slug in (room, "n-" + "a" * 20, conference, "No_slug")]
        # What differs from visit to visit, and the address itself, say nothing.
        plain = {
            re.sub(r'data-csrf="[^"]*"|name="csrf" value="[^"]*"', "", text).replace(slug, "?")
            for (_, text), slug in zip(
                pages, (room, "n-" + "a" * 20, conference, "No_slug"), strict=True
            )
        }
        assert [status for status, _ in pages] == [404] * 4
        assert len(plain) == 1, "the pages differ"
        assert "nobody else" not in pages[0][1] and told(pages[0][1]) is None
    assert (await page(host, room))[0] == (await page(guest, room))[0] == 200


async def test_a_member_sees_subject_parties_and_times_in_the_fairs_zone(made: Fair) -> None:
    host, guest = await made.person("Hana Itō"), await made.person("Gil <b>Costa</b>")
    await made.company("pearl", host)
    room = await made.talk("pearl", host, guest, subject="Robots & <i>arms</i>", agenda="1. One")
    status, text = await page(guest, room)
    assert status == 200
    assert "Robots &amp; &lt;i&gt;arms&lt;/i&gt;" in text and "<i>arms</i>" not in text
    assert "Pearl" in text and "Hana Itō" in text and "Gil &lt;b&gt;Costa" in text
    facts = told(text)
    assert (facts["side"], facts["host"], facts["agenda"]) == ("guest", False, "1. One")
    assert (facts["over"], facts["opens_at"], facts["knocks"]) == (False, None, False)
    assert told(text, "me") == {"id": guest.id, "name": "Gil <b>Costa</b>", "role": "participant"}
    mine = told((await page(host, room))[1])
    assert (mine["side"], mine["host"]) == ("pearl", True)


async def test_who_must_knock_is_told_so_and_hosts_never_knock(made: Fair) -> None:
    host, guest, shy = [await made.person(name) for name in ("Hana", "Gil", "Shy")]
    await made.company("pearl", host)
    lobby = await made.talk("pearl", host, guest, lobby=True)
    assert [told((await page(who, lobby))[1])["knocks"] for who in (host, guest)] == [False, True]
    free = await made.talk("pearl", host, guest)
    await made.talks.add_member(free, Belonging(shy.id, "guest", lobby=True), host.id)
    assert [told((await page(who, free))[1])["knocks"] for who in (guest, shy)] == [False, True]


async def test_before_its_time_and_after_its_end(made: Fair) -> None:
    host, guest = await made.person("Hana"), await made.person("Gil")
    await made.company("pearl", host)
    now = now_ms()
    early = await made.talk(
        "pearl", host, guest, starts_ms=now + HOUR, ends_ms=now + 2 * HOUR,
        opens_ms=now + HOUR - 10 * MIN,
    )  # fmt: skip
    assert told((await page(guest, early))[1])["opens_at"] is not None
    await made.talks.end(early, host.id, "done")
    status, text = await page(guest, early)
    assert status == 200 and told(text)["over"] is True
    assert f'href="/negotiations/{early}/result"' in text
    assert re.search(r'id="lobby" *hidden', text)


async def test_many_people_of_a_side_are_counted(made: Fair) -> None:
    host = await made.person("Hana")
    guests = [await made.person(f"Guest {n:02}") for n in range(15)]
    await made.company("pearl", host)
    room = await made.talk("pearl", host, *guests, mode=Mode.ONE_TO_MANY, capacity=30)
    text = (await page(host, room))[1]
    assert "and 3 more" in text
    assert sum(f"Guest {n:02}" in text for n in range(15)) == 12
    assert told(text, "me")["role"] == Role.HOST
