"""Entry slots, identity numbers, passes and the gate, on both databases."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import Config
from hub.fair.base import FairKeys
from hub.fair.engine import make_engine, transaction
from hub.fair.passes import SqlPasses
from hub.fair.passes.numbers import normalise
from hub.fair.passes.secrets import NumberUnreadable, read_code, unseal
from hub.fair.people import SqlPeople
from hub.fair.tables import entry_slots, gate_events, identities, passes, people
from hub.ports.onsite import BadDocument, Document, OnsiteRefused
from rooms.errors import Refusal
from rooms.model import Identity, Role
from tests.databases import ready
from tests.fair.conftest import Clock

ZONE = ZoneInfo("Asia/Shanghai")
HOUR = 3_600_000
KEYS = FairKeys(b"m" * 32, b"d" * 32, b"v" * 32)
ORGANISER = Identity(id="u_boss", name="Boss", role=Role.ORGANISER)


def passport(number: str, consent: bool = True) -> Document:
    return Document("passport", "DE", number, consent)


@dataclasses.dataclass
class Site:
    passes: SqlPasses
    engine: AsyncEngine
    clock: Clock

    async def person(self, *ids: str) -> None:
        rows = [
            {
                "id": id, "name": f"Name of {id}", "country": "DE", "sectors": [],
                "languages": ["en"], "language": "en", "role": "participant", "gate": False,
                "listed": False, "shows": [], "privacy_version": 1, "consent_ms": 1,
                "totp_on": False, "totp_step": 0, "source": "web", "blocked": False,
                "created_ms": 1, "changed_ms": 1, "version": 1,
            }
            for id in ids
        ]  # fmt: skip
        async with transaction(self.engine) as connection:
            await connection.execute(sa.insert(people), rows)

    async def rows(self, query: sa.Select[Any]) -> Any:
        async with transaction(self.engine) as connection:
            return (await connection.execute(query)).all()

    async def slot(self, hours: float = 0, capacity: int = 10) -> str:
        start = self.clock.ms + int(hours * HOUR)
        return (await self.passes.create_slot(start, start + HOUR, capacity)).id

    async def taken(self, slot: str) -> int:
        found = await self.passes.slot(slot)
        assert found is not None
        return found.taken


@pytest.fixture
async def site(database_url: str, clock: Clock) -> AsyncIterator[Site]:
    await ready(database_url)
    engine = make_engine(database_url)
    yield Site(SqlPasses(engine, Config(), KEYS, clock), engine, clock)
    await engine.dispose()


async def refusal(promise: Any) -> str:
    with pytest.raises(OnsiteRefused) as refused:
        await promise
    return refused.value.code


async def test_three_hundred_race_for_the_last_fifty_places(site: Site) -> None:
    ids = [f"u_{n:016x}" for n in range(300)]
    await site.person(*ids)
    slot = await site.slot(1, capacity=60)
    for id in ids[:10]:
        await site.passes.book(id, slot, ZONE, passport(f"A{id[-8:]}"))

    async def book(id: str) -> str:
        try:
            return (await site.passes.book(id, slot, ZONE, passport(f"B{id[-8:]}"))).code
        except OnsiteRefused as refused:
            return refused.code

    said = await asyncio.gather(*(book(id) for id in ids[10:]), book(ids[10]))
    assert sum(len(answer) == 20 for answer in said[:-1]) == 50, "the person twice is one of them"
    assert {answer for answer in said if len(answer) != 20} == {"slot_full"}
    assert await site.taken(slot) == 60
    assert len(await site.rows(sa.select(passes.c.holder))) == 60
    # A refused booking keeps no number either.
    assert len(await site.rows(sa.select(identities.c.person))) == 60
    assert await refusal(site.passes.change_slot(slot, 59)) == "below_taken"
    assert (await site.passes.change_slot(slot, 61)).left == 1


async def test_a_pass_moves_and_is_given_back_without_losing_a_place(site: Site) -> None:
    ids = [f"u_{n:x}" for n in range(12)]
    await site.person(*ids)
    one, two = await site.slot(1, capacity=12), await site.slot(2, capacity=12)
    first = {
        id: await site.passes.book(id, (one, two)[n % 2], ZONE, passport(f"A{n:07}"))
        for n, id in enumerate(ids)
    }
    # Both ways at once, twice each: nobody deadlocks, every place is counted once.
    await asyncio.gather(
        *(site.passes.book(id, (two, one)[n % 2], ZONE) for n, id in enumerate(ids)),
        *(site.passes.book(id, (two, one)[n % 2], ZONE) for n, id in enumerate(ids)),
    )
    assert (await site.taken(one), await site.taken(two)) == (6, 6)
    moved = await site.passes.mine(ids[0])
    assert moved is not None and moved.slot.id == two
    assert moved.code == first[ids[0]].code, "what was printed stays good"
    assert await refusal(site.passes.delete_slot(one)) == "slot_taken"
    await site.passes.change_slot(one, 6)
    assert await refusal(site.passes.book(ids[0], one, ZONE)) == "slot_full"
    assert (await site.taken(one), await site.taken(two)) == (6, 6)

    await asyncio.gather(*(site.passes.cancel(ids[0]) for _ in range(3)), return_exceptions=True)
    assert await site.taken(two) == 5 and await site.passes.mine(ids[0]) is None
    again = await site.passes.book(ids[0], two, ZONE)
    assert again.code != moved.code and await site.taken(two) == 6
    site.clock.ms += int(1.2 * HOUR)
    verdict = await site.passes.admit(moved.code, "u_gate", ZONE)
    assert (verdict.result, verdict.yes) == ("cancelled", False)
    site.clock.ms += 5 * HOUR
    assert await refusal(site.passes.book(ids[1], two, ZONE)) == "slot_over"
    assert await refusal(site.passes.book(ids[1], "nowhere", ZONE)) == "unknown_slot"
    assert await refusal(site.passes.book("u_nobody", two, ZONE)) == "unknown_person"


async def test_two_gates_race_for_one_pass_and_say_yes_once(site: Site) -> None:
    await site.person("u_1", "u_2")
    booked = await site.passes.book("u_1", await site.slot(), ZONE, passport("C0190001"))
    said = await asyncio.gather(
        *(site.passes.admit(booked.code, "u_gate", ZONE, gate=f"g{n}") for n in range(12))
    )
    yes = [verdict for verdict in said if verdict.yes]
    assert len(yes) == 1 and yes[0].name == "Name of u_1" and yes[0].last4 == "0001"
    assert {v.result for v in said if not v.yes} == {"second_entry"}
    assert all(v.first_ms == site.clock.ms for v in said if not v.yes)
    assert await site.passes.entered_since(site.clock.ms - HOUR) == 1

    # The same gate reading the same code again: one scan. Later, or elsewhere: a second entry.
    other = await site.passes.book("u_2", booked.slot.id, ZONE, passport("C0190002"))
    typed = f" {other.code[:4].lower()}-{other.code[4:].replace('0', 'o').replace('1', 'l')} "
    assert read_code(typed) == other.code
    first = await site.passes.admit(typed, "u_gate", ZONE, gate="north", scan="s1")
    before = len(await site.rows(sa.select(gate_events.c.id)))
    again = await site.passes.admit(other.code, "u_gate", ZONE, gate="north", scan="s2")
    assert (first.result, again.result, again.repeated) == ("admitted", "admitted", True)
    assert not (await site.passes.admit(other.code, "u_x", ZONE, gate="north", scan="s1")).yes
    site.clock.ms += 4_000
    assert (await site.passes.admit(other.code, "u_gate", ZONE, gate="north", scan="s1")).repeated
    late = await site.passes.admit(other.code, "u_gate", ZONE, gate="north", scan="s3")
    assert (late.result, late.same_gate, late.repeated) == ("second_entry", True, False)
    assert len(await site.rows(sa.select(gate_events.c.id))) == before + 2
    assert [line.result for line in await site.passes.lines(2)] == ["second_entry"] * 2
    for hostile in ("", "x" * 20, "\0" * 20, "UUUU" * 5, "9" * 20, "'; --", "Ａ" * 20, "7" * 5000):
        assert (await site.passes.admit(hostile, "u_gate", ZONE)).result == "unknown"
    counts = await site.passes.counts(ZONE)
    assert (counts.good, counts.entered_today, counts.people_entered) == (2, 2, 2)
    assert counts.slots[0].taken == 2


async def test_the_gate_tells_early_late_and_another_day(site: Site) -> None:
    await site.person("u_1")
    site.clock.ms = 1_800_000_000_000  # 16:00 in Shanghai
    today, tomorrow = await site.slot(2), await site.slot(24)
    booked = await site.passes.book("u_1", today, ZONE, passport("C0190001"))

    async def at(hours: float) -> str:
        site.clock.ms = 1_800_000_000_000 + int(hours * HOUR)
        return (await site.passes.admit(booked.code, "u_gate", ZONE)).result

    assert await at(-20) == "wrong_day"
    assert await at(1.7) == "too_early"
    assert await at(3.3) == "too_late"
    assert await at(9) == "wrong_day"  # 01:00 of the next day
    assert await at(1.8) == "admitted"  # within the grace
    assert await refusal(site.passes.cancel("u_1")) == "already_entered"
    assert await refusal(site.passes.book("u_1", await site.slot(0.5), ZONE)) == "already_entered"
    # The next day is another visit, and the person is still one person.
    next_day = await site.passes.book("u_1", tomorrow, ZONE)
    assert next_day.code != booked.code
    assert await at(24.5) == "second_entry"
    booked = next_day
    assert await at(24.5) == "admitted"
    counts = await site.passes.counts(ZONE)
    assert (counts.entered_today, counts.people_entered) == (1, 1)


async def test_a_number_is_one_person_s_and_opens_only_for_its_own_row(site: Site) -> None:
    await site.person("u_1", "u_2")
    slot = await site.slot(1)
    assert await refusal(site.passes.book("u_1", slot, ZONE)) == "identity_needed"
    with pytest.raises(BadDocument) as bad:
        await site.passes.book("u_1", slot, ZONE, passport("C0190001", consent=False))
    assert (bad.value.field, bad.value.code) == ("consent", "missing")
    await site.passes.book("u_1", slot, ZONE, passport("c01 90-001"))
    same = passport("Ｃ０１９０００１")  # full-width, as a Chinese keyboard writes it
    assert await refusal(site.passes.book("u_2", slot, ZONE, same)) == "number_taken"
    assert await refusal(site.passes.keep_identity("u_2", same)) == "number_taken"
    assert await site.taken(slot) == 1
    both = await asyncio.gather(
        *(site.passes.keep_identity(id, passport("X5550001")) for id in ("u_1", "u_2")),
        return_exceptions=True,
    )
    assert sum(isinstance(one, OnsiteRefused) for one in both) == 1

    await site.passes.keep_identity("u_1", passport("K5550001"))
    await site.passes.keep_identity("u_2", passport("K5550002"))
    shown = await site.passes.identity("u_1")
    assert shown is not None and (shown.last4, shown.erased) == ("0001", False)
    assert await site.passes.reveal("u_1", ORGANISER) == "K5550001"
    for role in (Role.MODERATOR, Role.HOST, Role.PARTICIPANT):
        with pytest.raises(Refusal):
            await site.passes.reveal("u_1", Identity(id="u_3", name="M", role=role))
    sealed = dict(await site.rows(sa.select(identities.c.person, identities.c.cipher)))
    assert b"K5550001" not in sealed["u_1"]
    with pytest.raises(NumberUnreadable):  # another person's row: the AAD is the person
        unseal(KEYS, "u_2", sealed["u_1"])
    with pytest.raises(NumberUnreadable):
        unseal(dataclasses.replace(KEYS, display=b"e" * 32), "u_1", sealed["u_1"])
    nonce = sealed["u_1"][:12]
    await site.passes.keep_identity("u_1", passport("K5550001"))
    assert (
        dict(await site.rows(sa.select(identities.c.person, identities.c.cipher)))["u_1"][:12]
        != nonce
    )


async def test_numbers_are_erased_when_their_time_has_passed(site: Site) -> None:
    await site.person("u_1", "u_2", "u_3")
    slot = await site.slot(1)
    await site.passes.book("u_1", slot, ZONE, passport("C0190001"))
    site.clock.ms += 1000
    await site.passes.keep_identity("u_2", passport("C0190002"))
    assert await site.passes.erase_old(site.clock.ms) == 1
    assert await site.passes.erase_old(site.clock.ms) == 0
    row = (await site.rows(sa.select(identities).where(identities.c.person == "u_1")))[0]
    assert (row.match, row.cipher, row.last4) == (None, None, "")
    shown = await site.passes.identity("u_1")
    assert shown is not None and shown.erased
    assert await refusal(site.passes.reveal("u_1", ORGANISER)) == "no_number"
    await site.passes.keep_identity("u_3", passport("C0190001"))  # nobody's any more
    await site.passes.forget("u_1")
    assert await site.taken(slot) == 0 and await site.passes.identity("u_1") is None
    assert await site.passes.forget_number("u_2") and not await site.passes.forget_number("u_2")

    # Whoever is erased leaves no good pass behind.
    pass_3 = await site.passes.book("u_3", slot, ZONE)
    assert await SqlPeople(site.engine, Config(), KEYS, site.clock).erase("u_3")
    assert await site.taken(slot) == 0 and await site.passes.identity("u_3") is None
    assert not (await site.passes.admit(pass_3.code, "u_gate", ZONE)).yes


async def test_the_desk_finds_the_person_whose_number_it_is(site: Site) -> None:
    await site.person("u_1")
    await site.passes.keep_identity("u_1", passport("C0190001"))
    desk = site.passes.register_at_desk
    assert await desk("Someone", "DE", "en", 1, passport("C 0190001")) == ("u_1", False)
    made = await asyncio.gather(
        *(desk("李小明", "CN", "zh-Hans", 3, passport("D7770001")) for _ in range(6))
    )
    assert len({person for person, _ in made}) == 1 and sum(new for _, new in made) == 1
    rows = await site.rows(sa.select(people).where(people.c.source == "onsite"))
    assert [(row.name, row.country, row.email) for row in rows] == [("李小明", "CN", None)]
    with pytest.raises(ValueError):
        await desk("\u202egnirts", "DE", "en", 1, passport("E7770001"))


async def test_slots_page_and_go_when_empty(site: Site) -> None:
    made = [await site.slot(n // 2) for n in range(5)]
    listed, cursor = [], None
    while True:
        page, cursor = await site.passes.slots(cursor=cursor, limit=2)
        listed += [slot.id for slot in page]
        if cursor is None:
            break
    assert sorted(listed) == sorted(made) and len(listed) == 5
    with pytest.raises(ValueError):
        await site.passes.slots(cursor="1.x';--")
    await site.passes.delete_slot(made[0])
    assert await refusal(site.passes.delete_slot(made[0])) == "unknown_slot"
    assert await refusal(site.passes.change_slot(made[0], 3)) == "unknown_slot"
    assert len(await site.rows(sa.select(entry_slots.c.id))) == 4


@pytest.mark.parametrize(
    ("kind", "number", "fault"),
    [
        ("resident_id", "11010519491231002X", None),  # the example of GB 11643
        ("resident_id", " 440524 １８８０ 0101 001 4", "bad_date"),
        ("resident_id", "11010519491231002x", None),
        ("resident_id", "110105194912310021", "bad_checksum"),
        ("resident_id", "11010591491231002X", "bad_checksum"),
        ("resident_id", "110105491231002", "bad_format"),
        ("passport", "E12 345-678", None),
        ("passport", "ABCDEFGH", "bad_format"),
        ("passport", "12", "bad_format"),
        ("passport", "١٢٣٤٥٦٧٨", "bad_format"),
        ("passport", "<b>12345</b>", "bad_format"),
        ("passport", "7" * 5000, "too_long"),
        ("permit", "H12345678", None),
        ("permit", "07654321", None),
        ("permit", "HOME", "bad_format"),
        ("permit", "  ", "missing"),
        ("licence", "12345678", "not_allowed"),
    ],
)
def test_numbers_are_read_as_people_write_them(kind: str, number: str, fault: str | None) -> None:
    document = Document(kind, "HK", number, True)
    assert number.strip() not in repr(document) or not number.strip()
    if fault is None:
        good = normalise(document, date(2026, 11, 1))
        assert good.digits.isascii() and good.digits == good.digits.upper()
        assert good.country == ("CN" if kind == "resident_id" else "HK")
        return
    with pytest.raises(BadDocument) as bad:
        normalise(document, date(2026, 11, 1))
    assert bad.value.code == fault and (not number.strip() or number not in str(bad.value))
