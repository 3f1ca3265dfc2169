"""The organiser's pages of negotiations: numbers and states alone, rooms in bulk, complaints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from hub.web.organise.common import local
from hub.web.talks import now_ms
from rooms.model import Mode, Role
from tests.web.talking import HOUR, Fair, Person

PATH = "/organise/negotiations"


@dataclass
class Cast:
    fair: Fair
    host: Person
    guest: Person
    organiser: Person


@pytest.fixture
async def cast(site: Any) -> AsyncIterator[Cast]:
    async with AsyncExitStack() as stack:
        fair = Fair(site, stack)
        host, guest = await fair.person("Hana Host"), await fair.person("Gil Guest")
        await fair.company("pearl", host)
        yield Cast(fair, host, guest, await fair.organiser())


async def test_numbers_and_states_and_nobody_s_name(cast: Cast) -> None:
    fair = cast.fair
    empty = await (await cast.organiser.get(PATH)).text()
    assert "No negotiations yet" in empty
    room = await fair.talk("pearl", cast.host, cast.guest, subject="Top secret")
    pair = await fair.talk("pearl", cast.host, cast.guest, mode=Mode.ONE_TO_ONE)
    await fair.talks.end(pair, cast.host.id, "done")
    await fair.talks.keep_notes(room, 1, "Very private")
    pages = {}
    found = (f"?q={room[2:9]}", "?mode=one_to_one", "?state=ended", "?q=pearl&state=running")
    for query in ("", *found, "?q=nobody"):
        answer = await cast.organiser.get(PATH + query)
        assert answer.status == 200
        pages[query] = await answer.text()
    assert room in pages[""] and pair in pages[""]
    assert room in pages[f"?q={room[2:9]}"] and pair not in pages[f"?q={room[2:9]}"]
    assert room not in pages["?mode=one_to_one"] and pair in pages["?state=ended"]
    assert room in pages["?q=pearl&state=running"] and pair not in pages["?q=pearl&state=running"]
    assert "No negotiation is like that" in pages["?q=nobody"]
    pages["one"] = await (await cast.organiser.get(f"{PATH}/{room}")).text()
    for page in pages.values():
        for private in ("Top secret", "Hana", "Gil", cast.guest.id, cast.host.id, "Very private"):
            assert private not in page
    assert (await cast.organiser.get(f"{PATH}?cursor=x")).status == 400
    assert (await cast.organiser.get(f"{PATH}/n-none")).status == 404


async def test_for_others_none_of_it_exists(cast: Cast) -> None:
    room = await cast.fair.talk("pearl", cast.host, cast.guest)
    moderator = await cast.fair.person("Mo", Role.MODERATOR)
    for who in (cast.host, cast.guest, moderator, await cast.fair.nobody()):
        for path in (PATH, f"{PATH}/new", f"{PATH}/{room}"):
            assert (await who.get(path)).status == 404, path
        for path in (f"{PATH}/new", f"{PATH}/sheet", f"{PATH}/{room}"):
            assert (await who.post(path, reason="A good reason")).status == 404, path
    forged = Person(cast.organiser.hub, "o", "wrong")
    assert (await forged.post(f"{PATH}/{room}", reason="A good reason")).status == 403
    assert (await cast.fair.talks.counts()).running == 1


async def test_a_complaint_ends_a_talk_with_a_reason(cast: Cast) -> None:
    room = await cast.fair.talk("pearl", cast.host, cast.guest)
    path = f"{PATH}/{room}"
    for reason in ("", "no"):
        refused = await cast.organiser.post(path, reason=reason)
        assert refused.status == 422 and 'aria-invalid="true"' in await refused.text()
    assert (await cast.fair.talks.counts()).running == 1
    done = await cast.organiser.post(path, reason="Fraud was reported")
    assert (done.status, done.headers["Location"]) == (303, f"{path}?done=ended")
    page = await (await cast.organiser.get(f"{path}?done=ended")).text()
    assert "Ended on a complaint" in page and "End the talk" not in page
    await cast.organiser.post(path, reason="Fraud was reported")  # again: nothing more happens
    rows, _ = await cast.fair.parts.audit.list(limit=10)
    assert [(r.act, r.detail) for r in rows] == [("talk.end", {"note": "Fraud was reported"})]
    assert await cast.fair.talks.access(room, cast.host.id) is None


async def test_rooms_for_a_company_are_opened_by_a_form(cast: Cast) -> None:
    fair, zone = cast.fair, (await cast.fair.parts.settings.current()).time_zone
    day = (local(now_ms(), zone) + timedelta(days=2)).date()
    good = {"mode": "one_to_many", "subject": "Round table", "company": "pearl", "count": "3",
            "seats": "8", "day": day.isoformat(), "starts": "14:30", "minutes": "45",
            "lobby": "on"}  # fmt: skip
    await fair.company("empty")
    for field, value, message in (
        ("company", "nobody", "no company with this address"), ("company", "empty", "Nobody works"),
        ("day", "2001-01-01", "in the past"), ("count", "1001", "outside"),
        ("seats", "1", "outside"), ("mode", "any", "Choose one"),
        ("starts", "25:00", "form that is expected"), ("minutes", "", "Fill this in"),
        ("minutes", "4", "outside"),
    ):  # fmt: skip
        refused = await cast.organiser.post(f"{PATH}/new", **{**good, field: value})
        text = await refused.text()
        assert refused.status == 422 and message in text, (field, value)
        assert 'value="45"' in text or field == "minutes"  # what was typed is kept
    assert (await fair.talks.counts()).by_mode == {}
    done = await cast.organiser.post(f"{PATH}/new", **good)
    assert (done.status, done.headers["Location"]) == (303, f"{PATH}?made=3&done=made")
    assert "3 rooms opened." in await (await cast.organiser.get(done.headers["Location"])).text()
    page, _ = await fair.talks.list(state=None, mode=None, cursor=None, limit=9)
    assert sorted(talk.subject for talk in page) == [f"Round table {n}" for n in (1, 2, 3)]
    talk = page[0]
    assert local(talk.starts_ms, zone).strftime("%H:%M") == "14:30"
    assert (talk.ends_ms or 0) - talk.starts_ms == 45 * 60_000
    access = await fair.talks.access(talk.room, cast.host.id)
    assert access is not None and access.host and access.side == "pearl"
    record = await fair.site.services.directory.room(talk.room)
    assert record is not None and record.spec.lobby and record.spec.capacity == 8
    rows, _ = await fair.parts.audit.list(limit=10)
    assert [(r.act, r.detail["made"]) for r in rows] == [("talks.open", 3)]
    pair = await cast.organiser.post(f"{PATH}/new", **{**good, "mode": "one_to_one", "count": "1"})
    assert pair.status == 303


async def test_talks_are_opened_from_a_sheet_all_or_none(cast: Cast) -> None:
    fair = cast.fair
    ends = local(now_ms() + 26 * HOUR, "UTC").strftime("%Y-%m-%d %H:%M")
    starts = local(now_ms() + 25 * HOUR, "UTC").isoformat(timespec="minutes")
    both = f"{cast.host.email} {cast.guest.id}"
    head = "模式,主题,Company,People,begins,ends,seats\n"
    bad = head + "".join(
        (
            f"any,A,pearl,{both},,,\n", f"one_to_one,,pearl,{both},,,\n",
            "one_to_one,A,pearl,nobody@example.org,,,\n", f"one_to_one,A,nobody,{both},,,\n",
            f"one_to_many,A,,{both},,,5\n", f"one_to_many,A,pearl,{both},tomorrow,,5\n",
            f"one_to_many,A,pearl,{both},2001-01-01 10:00,,5\n",
            f"one_to_many,A,pearl,{both},,2001-01-01 10:00,5\n",
            f"one_to_many,A,pearl,{both},,,x\n", "one_to_one,A,pearl,,,,\n",
        )
    )  # fmt: skip
    refused = await cast.organiser.upload(f"{PATH}/sheet", "talks.csv", bad.encode())
    text = await refused.text()
    assert refused.status == 422
    for row, said in ((2, "Mode is none"), (3, "Subject is missing"), (7, "Begins is no date"),
                      (8, "Begins is in the past"), (9, "Ends is before"),
                      (10, "Seats is outside"), (11, "People is missing")):  # fmt: skip
        assert f"Row {row}: {said}" in text, said
    lookups = head + bad.splitlines()[3] + "\n" + "\n".join(bad.splitlines()[4:6])
    text = await (
        await cast.organiser.upload(f"{PATH}/sheet", "talks.csv", lookups.encode())
    ).text()
    for row, said in ((2, "People is not known"), (3, "Company is not known"),
                      (4, "Company is missing")):  # fmt: skip
        assert f"Row {row}: {said}" in text, said
    crowd = " ".join(p.id for p in (cast.host, cast.guest, await fair.person("Third")))
    for raw, said in (
        (b"", "Choose a CSV"), (b"PK\x03\x04x", "cannot be read"), (head.encode(), "no rows"),
        (b"a,b\n1,2\n", "Mode is missing"),
        ((head + f"one_to_one,A,pearl,{both},,,\n" * 1_001).encode(), "more than 1,000"),
        ((head + f"one_to_one,A,pearl,{crowd},,,\n").encode(), "more people than the mode"),
    ):  # fmt: skip
        answer = await cast.organiser.upload(f"{PATH}/sheet", "talks.csv", raw)
        assert answer.status == 422 and said in await answer.text(), raw[:40]
    assert (await fair.talks.counts()).by_mode == {}

    good = head + "".join(
        (
            f"一对一,Contract,pearl,{both},{starts},{ends},\n",
            f"one_to_many,Demo,pearl,{cast.host.email};{cast.guest.email},,,20\n",
            f"Many_To_Many,Round,,{both},,,\n",
        )
    )
    done = await cast.organiser.upload(f"{PATH}/sheet", "talks.csv", good.encode())
    assert (done.status, done.headers["Location"]) == (303, f"{PATH}?made=3&done=made")
    talks, _ = await fair.talks.list(state=None, mode=None, cursor=None, limit=9)
    by_subject = {talk.subject: talk for talk in talks}
    assert by_subject.keys() == {"Contract", "Demo", "Round"}
    assert by_subject["Contract"].mode is Mode.ONE_TO_ONE
    for subject in by_subject:
        members = {m.person: m.side for m in await fair.talks.members(by_subject[subject].room)}
        assert members == {cast.host.id: "pearl", cast.guest.id: "guest"}, subject
