"""Results on both databases: versions, confirmations, release, what leaks, what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import Config, Server
from hub.fair import FairKeys, FairParts, make_parts
from hub.fair.engine import make_engine
from hub.fair.tables import (
    companies,
    company_staff,
    mails,
    people,
    result_files,
    result_parties,
    rooms,
    talk_members,
    talks,
    webhook_endpoints,
    webhook_messages,
)
from hub.ports.results import (
    Money,
    PartyDraft,
    Result,
    ResultDraft,
    ResultFilter,
    ResultRefused,
    Standing,
    Upload,
)
from rooms.results import State
from tests.databases import ready
from tests.fair.conftest import Clock
from tests.fair.test_announcements import fill, person

PDF = b"%PDF-1.7\n" + b"x" * 50 + b"\n%%EOF\n"
ZONE = "Asia/Shanghai"
ROOM = "n-aaaaaaaaaaaaaaaaaaaa"
DRAFT = ResultDraft(
    kind="agreement",
    sector="finance",
    parties=(PartyDraft(company="acme"), PartyDraft("Visiting GmbH", "DE", person="u_guest")),
    titles={"en": "Joint lab", "zh-Hans": "联合实验室"},
    texts={"en": "Both build a lab."},
    signed_on="2027-01-15",
    money=Money(125_000_050, "EUR", 2),
)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    await ready(database_url)
    found = make_engine(database_url)
    await fill(
        found, people,
        *(person(one, email=f"{one}@example.org")
          for one in ("u_owner", "u_staff", "u_idle", "u_guest", "u_gone", "u_other")),
    )  # fmt: skip
    names = {"acme": "Acme", "beta": "Beta", "empty": "Empty"}
    for slug, name in names.items():
        row = {"slug": slug, "name": name, "country": "CN", "published": slug != "beta"}
        await fill(found, companies, {**row, "logo": None, "logo_small": None})
    await fill(
        found, company_staff,
        {"company": "acme", "person": "u_owner", "role": "owner"},
        {"company": "acme", "person": "u_staff", "role": "staff"},
        {"company": "acme", "person": "u_idle", "role": "staff"},
        {"company": "beta", "person": "u_other", "role": "editor"},
    )  # fmt: skip
    await fill(found, rooms, {"slug": ROOM, "title": "Talk"})
    await fill(found, talks, {"room": ROOM, "origin": "ring", "subject": "S"})
    await fill(
        found, talk_members,
        {"room": ROOM, "person": "u_staff", "side": "acme"},
        {"room": ROOM, "person": "u_guest", "side": "guest"},
    )  # fmt: skip
    gone = {"room": ROOM, "person": "u_gone", "side": "guest", "removed_ms": 5}
    await fill(found, talk_members, gone)
    yield found
    await found.dispose()


def parts(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> FairParts:
    config = Config(server=Server(data_dir=tmp_path))
    return make_parts(engine, config, FairKeys(b"m" * 32, b"d" * 32, b"v" * 32), clock)


@pytest.fixture
def fair(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> FairParts:
    return parts(engine, clock, tmp_path)


async def refused(awaitable: Any) -> str:
    with pytest.raises(ResultRefused) as fault:
        await awaitable
    return fault.value.code


async def asked(fair: FairParts, draft: ResultDraft = DRAFT, **more: Any) -> Result:
    made = await fair.results.create(draft, "u_staff", room=ROOM, **more)
    return await fair.results.submit(made.id, 1, "u_staff")


async def confirmed(fair: FairParts, draft: ResultDraft = DRAFT, **more: Any) -> Result:
    one = await asked(fair, draft, **more)
    await fair.results.confirm(one.id, one.version, one.digest, "u_staff")
    return await fair.results.confirm(one.id, one.version, one.digest, "u_guest")


async def kinds(engine: AsyncEngine, kind: str) -> list[str]:
    async with engine.connect() as connection:
        query = sa.select(mails.c.person).where(mails.c.kind == kind).order_by(mails.c.person)
        return [str(who) for who in (await connection.execute(query)).scalars()]


async def test_each_party_confirms_one_version_and_a_change_asks_again(
    fair: FairParts, engine: AsyncEngine, clock: Clock
) -> None:
    part = fair.results
    made = await part.create(DRAFT, "u_staff", room=ROOM)
    assert made.state is State.DRAFT and made.version == 1
    assert [(one.name, one.country) for one in made.parties] == [
        ("Acme", "CN"), ("Visiting GmbH", "DE")
    ]  # fmt: skip
    assert await part.to_confirm("u_owner") == () == await part.of_company("acme")
    assert await refused(part.confirm(made.id, 1, made.digest, "u_staff")) == "not_a_party"
    assert await refused(part.submit(made.id, 2, "u_staff")) == "changed"
    one = await part.submit(made.id, 1, "u_guest")
    assert one.state is State.CONFIRMING
    # Owners and editors, staff in the talk, and who stands for the other: not idle staff.
    assert await kinds(engine, "result_confirm") == ["u_guest", "u_owner", "u_staff"]
    for who in ("u_owner", "u_staff", "u_guest"):
        assert [waiting.id for waiting in await part.to_confirm(who)] == [one.id], who
    for who in ("u_idle", "u_gone", "u_other"):
        assert await part.to_confirm(who) == (), who
        assert await part.standing(one, who) == Standing(), who
        assert await refused(part.confirm(one.id, 1, one.digest, who)) == "unknown_result"
    assert await part.standing(one, "u_owner") == Standing(False, (0,))
    assert await part.standing(one, "u_guest") == Standing(True, (1,))
    half = await part.confirm(one.id, 1, one.digest, "u_owner")
    assert half.state is State.CONFIRMING and [p.name for p in half.missing] == ["Visiting GmbH"]
    assert await part.to_confirm("u_staff") == () and len(await part.to_confirm("u_guest")) == 1

    clock.ms += 1000
    other = replace(DRAFT, titles={**DRAFT.titles, "en": "Joint laboratory"})
    two = await part.change(one.id, 1, other, "u_staff")
    assert two.version == 2 and two.digest != one.digest and len(two.missing) == 2
    # Both who saw the first version are refused, whichever part of it they name.
    for version, said in ((1, one.digest), (2, one.digest), (1, two.digest)):
        assert await refused(part.confirm(one.id, version, said, "u_guest")) == "changed"
    assert await part.get(one.id) == two
    # The one who had confirmed is told again at once; who has not yet, was asked a second ago.
    assert await kinds(engine, "result_confirm") == [
        "u_guest", "u_owner", "u_owner", "u_staff", "u_staff"
    ]  # fmt: skip
    assert (await part.versions(one.id))[0].changed == ("titles.en",)
    assert await part.change(one.id, 2, other, "u_staff") == two  # nothing differs
    assert await refused(part.change(one.id, 1, DRAFT, "u_staff")) == "changed"
    for who in ("u_owner", "u_gone", "u_other", "u_nobody"):
        assert await refused(part.change(one.id, 2, DRAFT, who)) == "unknown_result"
    assert await refused(part.change(one.id, 2, DRAFT, "boss", organiser=True)) == "unknown_result"

    await part.confirm(one.id, 2, two.digest, "u_guest")
    done = await part.confirm(one.id, 2, two.digest, "u_staff")
    assert done.state is State.CONFIRMED and not done.missing
    assert await part.confirm(one.id, 2, two.digest, "u_staff") == done
    await part.schedule([one.id], clock.ms + 5)
    three = await part.change(one.id, 2, DRAFT, "u_guest")
    assert three.state is State.CONFIRMING and three.release_ms is None
    clock.ms += 10
    assert await part.release_due(ZONE) == ()
    assert await part.release([one.id], ZONE) == ()


async def test_two_confirmations_at_once_and_a_change_between(
    fair: FairParts, engine: AsyncEngine, clock: Clock, tmp_path: Path
) -> None:
    hubs = [parts(engine, clock, tmp_path).results for _ in range(2)]
    for _ in range(8):
        one = await asked(fair)
        await asyncio.gather(
            hubs[0].confirm(one.id, 1, one.digest, "u_staff"),
            hubs[1].confirm(one.id, 1, one.digest, "u_guest"),
        )
        done = await fair.results.get(one.id)
        assert done is not None and done.state is State.CONFIRMED and not done.missing
        await fair.results.withdraw_draft(one.id, "u_staff")
    for _ in range(8):
        one = await asked(fair)
        await hubs[0].confirm(one.id, 1, one.digest, "u_staff")
        answers = await asyncio.gather(
            hubs[0].change(one.id, 1, replace(DRAFT, kind="award"), "u_staff"),
            hubs[1].confirm(one.id, 1, one.digest, "u_guest"),
            return_exceptions=True,
        )
        after = await fair.results.get(one.id)
        assert after is not None and after.version == 2 and after.state is State.CONFIRMING
        assert len(after.missing) == 2, answers
        assert await fair.results.release([one.id], ZONE) == ()
        await fair.results.withdraw_draft(one.id, "u_staff")
    # Of two changes of one version one is made.
    one = await asked(fair)
    answers = await asyncio.gather(
        *(hub.change(one.id, 1, replace(DRAFT, kind=kind), "u_staff")
          for hub, kind in zip(hubs, ("award", "launch"), strict=True)),
        return_exceptions=True,
    )  # fmt: skip
    codes = [fault.code for fault in answers if isinstance(fault, ResultRefused)]
    assert codes == ["changed"] and len(await fair.results.versions(one.id)) == 2


async def test_due_at_the_same_moment_on_two_hubs(
    fair: FairParts, engine: AsyncEngine, clock: Clock, tmp_path: Path
) -> None:
    await fill(
        engine, webhook_endpoints,
        {"id": "e", "url": "https://example.org", "active": True, "kinds": ["result.released"],
         "secret_cipher": b"x"},
    )  # fmt: skip
    hubs = [parts(engine, clock, tmp_path).results for _ in range(2)]
    due = [await confirmed(fair) for _ in range(4)]
    at = clock.ms + 60_000
    assert await fair.results.schedule([one.id for one in due], at) == tuple(
        sorted(one.id for one in due)
    )
    clock.ms = at - 1
    assert await fair.results.release_due(ZONE) == ()
    assert (await fair.results.stamp()).number == 0
    clock.ms = at
    taken = await asyncio.gather(*(hub.release_due(ZONE) for hub in hubs))
    assert sorted(taken[0] + taken[1]) == sorted(one.id for one in due)
    assert await fair.results.release_due(ZONE) == ()
    # Each told once: three people of two parties, one message a result.
    assert len(await kinds(engine, "result_released")) == 3 * len(due)
    async with engine.connect() as connection:
        told = (await connection.execute(sa.select(webhook_messages.c.kind))).scalars().all()
    assert told == ["result.released"] * len(due)
    published = await fair.results.get(due[0].id)
    assert published is not None and published.released_ms == at
    assert published.released_on == "2027-01-15"  # 16:01 in Shanghai
    again = await asyncio.gather(*(hub.release([due[0].id], ZONE) for hub in hubs))
    assert again == [(), ()]


async def test_nothing_is_found_before_it_is_published_nor_after(fair: FairParts) -> None:
    part = fair.results
    where = [
        ResultFilter(), ResultFilter(q="lab"), ResultFilter(q="联合"), ResultFilter(q="Visiting"),
        ResultFilter(kind="agreement"), ResultFilter(sector="finance"), ResultFilter(country="DE"),
        ResultFilter(company="acme"), ResultFilter(q="实验"),
    ]  # fmt: skip

    async def found() -> list[int]:
        out = []
        for one in where:
            page, following = await part.find(one, None, 10)
            totals = await part.totals(one)
            assert following is None and totals.all.number == len(page)
            out.append(len(page))
        return out

    none = [0] * len(where)
    one = await asked(fair)
    assert await found() == none
    one = await part.confirm(one.id, 1, one.digest, "u_staff")
    assert await found() == none
    one = await part.confirm(one.id, 1, one.digest, "u_guest")
    assert await found() == none and (await part.stamp()).changed_ms == 0
    assert await part.release([one.id, "0" * 32], ZONE) == (one.id,)
    assert await found() == [1] * len(where)
    for missing in (ResultFilter(q="nowhere"), ResultFilter(q="!?"), ResultFilter(country="FR"),
                    ResultFilter(day="2020-01-01"), ResultFilter(company="beta")):  # fmt: skip
        assert await part.find(missing, None, 10) == ((), None), missing
        assert (await part.totals(missing)).all.number == 0
    before = await part.stamp()
    await part.withdraw(one.id, {"en": "A mistake."}, "boss")
    assert await found() == none
    assert await part.stamp() != before and (await part.stamp()).number == 0
    gone = await part.get(one.id)
    assert gone is not None and gone.withdrawn_notes == {"en": "A mistake."}
    assert await refused(part.withdraw(one.id, {}, "boss")) == "wrong_state"


async def test_totals_and_pages(fair: FairParts, clock: Clock) -> None:
    part = fair.results
    big = 2**53 - 1
    drafts = [
        replace(DRAFT, money=Money(big, "JPY", 0)),
        replace(DRAFT, money=Money(big, "JPY", 0), sector="law"),
        replace(DRAFT, money=Money(1_234, "KWD", 3)),
        replace(DRAFT, money=None),
        replace(DRAFT, parties=(*DRAFT.parties, PartyDraft(company="empty"))),
    ]
    day = 24 * 3_600_000
    ids = []
    for number, draft in enumerate(drafts):
        one = await confirmed(fair, draft) if number < 4 else await asked(fair, draft)
        if number == 4:
            assert await refused(part.paper(one.id, 1, one.digest, 0, "n", "b")) == "not_on_paper"
            assert await refused(part.paper(one.id, 1, one.digest, 3, "n", "b")) == "not_a_party"
            assert await refused(part.paper(one.id, 1, "0" * 64, 2, "n", "b")) == "changed"
            for position in (1, 2):  # no company of the fair; a company nobody works for
                one = await part.paper(one.id, 1, one.digest, position, "Signed in hall 3.", "boss")
            one = await part.confirm(one.id, 1, one.digest, "u_owner")
            assert one.state is State.CONFIRMED
            assert one.parties[1].on_paper and one.parties[2].paper_note == "Signed in hall 3."
            assert not one.parties[0].on_paper
            clock.ms += day
        ids.append(one.id)
        assert await part.release([one.id], ZONE) == (one.id,)
        clock.ms += 1
    totals = await part.totals(ResultFilter())
    assert (totals.all.number, totals.all.disclosed) == (5, 4)
    assert [(s.currency, s.decimals, s.amount) for s in totals.all.sums] == [
        ("EUR", 2, 125_000_050), ("JPY", 0, 2 * big), ("KWD", 3, 1_234)
    ]  # fmt: skip
    assert [(one.key, one.number) for one in totals.sectors] == [("finance", 4), ("law", 1)]
    # Two parties of one country: the result counts there once.
    assert [(one.key, one.number) for one in totals.countries] == [("CN", 5), ("DE", 5)]
    assert [(one.key, one.number) for one in totals.days] == [("2027-01-15", 4), ("2027-01-16", 1)]
    assert [one.number for one in totals.kinds] == [5]
    assert (await part.totals(ResultFilter(sector="law"))).all.sums[0].amount == big
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = await part.find(ResultFilter(), cursor, 2)
        seen += [one.id for one in page]
        if cursor is None:
            break
    assert seen == ids[::-1]
    with pytest.raises(ValueError):
        await part.find(ResultFilter(), "x", 2)


async def test_what_was_published_is_corrected_with_a_note(
    fair: FairParts, engine: AsyncEngine, clock: Clock
) -> None:
    part = fair.results
    one = await confirmed(fair)
    note = {"en": "The amount was wrong."}
    right = replace(DRAFT, money=Money(1_00, "EUR", 2), titles={"en": "Joint centre"})
    assert await refused(part.correct(one.id, 1, right, note, "boss")) == "wrong_state"
    await part.release([one.id], ZONE)
    clock.ms += 1000
    assert await refused(part.change(one.id, 1, right, "u_staff")) == "wrong_state"
    assert await refused(part.withdraw_draft(one.id, "u_staff")) == "wrong_state"
    assert await refused(part.correct(one.id, 7, right, note, "boss")) == "changed"
    async with engine.begin() as connection:
        await connection.execute(sa.update(companies).values(name="Renamed"))
    two = await part.correct(one.id, 1, right, note, "boss")
    assert two.state is State.RELEASED and two.version == 2 and two.titles == right.titles
    assert two.parties[0].name == "Acme" and two.parties[1].person == "u_guest"
    (kept,) = await part.corrections(one.id)
    assert kept.version == 2 and kept.notes == note
    assert kept.before["titles"] == DRAFT.titles and kept.before["amount"]["amount"] == 125_000_050
    assert await kinds(engine, "result_corrected") == ["u_guest", "u_owner", "u_staff"]
    assert len((await part.find(ResultFilter(q="centre"), None, 5))[0]) == 1
    assert len((await part.find(ResultFilter(q="lab"), None, 5))[0]) == 1  # still in the text
    assert (await part.find(ResultFilter(q="联合"), None, 5))[0] == ()
    assert await part.correct(one.id, 2, right, note, "boss") == two
    assert len(await part.corrections(one.id)) == 1


async def test_what_is_attached_is_corrected_with_a_note(
    fair: FairParts, engine: AsyncEngine
) -> None:
    part, note = fair.results, {"en": "A page was missing."}
    one = await confirmed(fair, upload=Upload("Contract.pdf", PDF))
    other = Upload("Contract.pdf", PDF.replace(b"x", b"y"))
    assert await refused(part.correct(one.id, 1, DRAFT, note, "b", upload=other)) == "wrong_state"
    await part.release([one.id], ZONE)
    fake = Upload("Contract.pdf", b"<html>")
    assert await refused(part.correct(one.id, 1, DRAFT, note, "b", upload=fake)) == "bad_file"
    assert await refused(part.correct(one.id, 9, DRAFT, note, "b", upload=other)) == "changed"
    assert await part.attachment(one.id) == (one.attachment, PDF)
    assert (await part.corrections(one.id), await kinds(engine, "result_corrected")) == ((), [])
    two = await part.correct(one.id, 1, DRAFT, note, "boss", upload=other)
    assert two.state is State.RELEASED and two.version == 2 and two.digest != one.digest
    assert one.attachment is not None and two.attachment is not None
    assert await part.attachment(one.id) == (two.attachment, other.body)
    (kept,) = await part.corrections(one.id)
    assert kept.notes == note and kept.before["attachment"]["sha256"] == one.attachment.sha256
    assert {party.confirmed_version for party in two.parties} == {1}
    assert await kinds(engine, "result_corrected") == ["u_guest", "u_owner", "u_staff"]
    # The same once more, or the text alone: what is attached stays.
    assert await part.correct(one.id, 2, DRAFT, note, "boss", upload=other) == two
    three = await part.correct(one.id, 2, replace(DRAFT, money=None), note, "boss")
    assert await part.attachment(one.id) == (three.attachment, other.body)
    four = await part.correct(one.id, 3, DRAFT, note, "boss", keep_attachment=False)
    assert four.attachment is None and await part.attachment(one.id) is None
    async with engine.connect() as connection:
        assert (await connection.execute(sa.select(result_files.c.result))).all() == []


async def test_who_writes_and_what_is_refused(
    fair: FairParts, engine: AsyncEngine, clock: Clock
) -> None:
    part = fair.results
    for who in ("u_owner", "u_gone", "u_other"):
        assert await refused(part.create(DRAFT, who, room=ROOM)) == "unknown_result"
        assert await part.place(ROOM, who) is None
    assert await refused(part.create(DRAFT, "u_staff", room="n-none")) == "unknown_result"
    cases = {
        "unknown_company": (PartyDraft(company="none"), DRAFT.parties[1]),
        "unknown_person": (DRAFT.parties[0], PartyDraft("X", "DE", person="u_gone")),
        "sides_missing": (DRAFT.parties[0], PartyDraft("X", "DE")),
    }
    for code, named in cases.items():
        draft = replace(DRAFT, parties=named)
        assert await refused(part.create(draft, "u_staff", room=ROOM)) == code
    hidden = replace(DRAFT, parties=(DRAFT.parties[0], PartyDraft(company="beta")))
    assert await refused(part.create(hidden, "u_staff", room=ROOM)) == "unknown_company"
    bad = {"a.pdf": b"<html>", "a.png": PDF, "a.docx": b"PK\x03\x04", "a.txt": b"hello"}
    for name, body in bad.items():
        upload = Upload(name, body)
        assert await refused(part.create(DRAFT, "u_staff", room=ROOM, upload=upload)) == "bad_file"
    large = Upload("a.pdf", PDF + b" " * (10 * 1024 * 1024))
    assert await refused(part.create(DRAFT, "u_staff", room=ROOM, upload=large)) == "too_large"
    assert await part.of_room(ROOM) == ()
    for _ in range(20):
        await part.create(DRAFT, "u_staff", room=ROOM)
    assert await refused(part.create(DRAFT, "u_staff", room=ROOM)) == "too_many"
    # Results are confirmed after the talk too, by who was not removed from it.
    async with engine.begin() as connection:
        await connection.execute(sa.update(talks).values(ended_ms=clock.ms))
    place = await part.place(ROOM, "u_guest")
    assert place is not None and place.sides == {"acme": ("u_staff",), "guest": ("u_guest",)}


async def test_by_the_organiser_without_a_talk(fair: FairParts, clock: Clock) -> None:
    part = fair.results
    draft = replace(DRAFT, parties=(PartyDraft(company="acme"), PartyDraft("City of X", "FR")))
    one = await part.create(draft, "boss")
    assert await refused(part.submit(one.id, 1, "u_owner")) == "unknown_result"
    theirs = await part.create(DRAFT, "u_staff", room=ROOM)
    listed, _ = await part.managed([State.DRAFT], cursor=None, limit=10)
    assert [found.id for found in listed] == [one.id]  # a talk's draft is its members' alone
    assert await refused(part.withdraw(theirs.id, {}, "boss")) == "unknown_result"
    paper = part.paper(theirs.id, 1, theirs.digest, 1, "n", "boss")
    assert await refused(paper) == "unknown_result"
    one = await part.submit(one.id, 1, "boss", organiser=True)
    await part.confirm(one.id, 1, one.digest, "u_owner")
    assert await part.standing(one, "u_staff") == Standing()  # no talk they are in
    await part.paper(one.id, 1, one.digest, 1, "By fax.", "boss")
    await part.schedule([one.id], clock.ms + 50)
    counts = await part.managed_counts()
    assert counts["scheduled"] == 1 and counts["confirmed"] == 0 and counts["draft"] == 0
    assert (await part.managed([State.CONFIRMED], scheduled=False, cursor=None, limit=9))[0] == ()
    await part.schedule([one.id], None)
    assert (await part.managed_counts())["confirmed"] == 1
    assert len((await part.managed([State.CONFIRMED], scheduled=False, cursor=None, limit=9))[0])


async def test_an_attachment_is_sealed_and_part_of_what_is_confirmed(
    fair: FairParts, engine: AsyncEngine
) -> None:
    part = fair.results
    one = await asked(fair, upload=Upload("../../Contract.pdf", PDF))
    assert one.attachment is not None and one.attachment.filename == "Contract.pdf"
    async with engine.connect() as connection:
        (sealed,) = (await connection.execute(sa.select(result_files.c.body))).scalars()
    assert b"PDF" not in sealed
    assert await part.attachment(one.id) == (one.attachment, PDF)
    same = await part.change(one.id, 1, DRAFT, "u_staff")
    assert same.version == 1
    other = Upload("Contract.pdf", PDF.replace(b"x", b"y"))
    two = await part.change(one.id, 1, DRAFT, "u_staff", upload=other)
    assert two.version == 2 and two.digest != one.digest
    assert await refused(part.confirm(one.id, 1, one.digest, "u_guest")) == "changed"
    three = await part.change(one.id, 2, DRAFT, "u_staff", keep_attachment=False)
    assert three.attachment is None and await part.attachment(one.id) is None
    assert (await part.versions(one.id))[0].changed == ("attachment",)


async def test_a_person_s_data_is_told_and_forgotten(fair: FairParts, engine: AsyncEngine) -> None:
    one = await confirmed(fair)
    await fair.results.release([one.id], ZONE)
    told = await fair.people.export("u_guest")
    assert told is not None and told["results_confirmed"][0]["result"] == one.id
    assert told["result_parties"][0]["name"] == "Visiting GmbH"
    told = await fair.people.export("u_staff")
    assert told is not None and told["results_recorded"][0]["id"] == one.id
    assert await fair.people.erase("u_guest")
    after = await fair.results.get(one.id)
    assert after is not None and len(after.parties) == 2 and not after.missing
    async with engine.connect() as connection:
        rows = (await connection.execute(sa.select(result_parties))).all()
    assert "u_guest" not in str(rows)
