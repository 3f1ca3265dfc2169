"""Accounts on SQL, on both databases: races, one-use secrets, search, erasure."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa

from hub.config import Config, Limits
from hub.fair import FairKeys
from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine, transaction
from hub.fair.people import SqlPeople
from hub.fair.people.passwords import Passwords
from hub.fair.tables import favourites, mails, metadata, people
from hub.ports import StaleVersion
from hub.ports.people import Busy, PeopleFilter, Registration
from rooms.model import Identity, Role
from tests.databases import ready

CHEAP = Limits(password_memory_kib=8, password_passes=1)
KEYS = FairKeys(match=b"m" * 32, display=b"d" * 32, vault=b"v" * 32)
ANA = Registration(
    name="Ana", email="ana@example.org", password="seven purple boats", country="CN",
    privacy_version=1, organisation="Hai Trading", sectors=("finance",),
)  # fmt: skip


class Rig:
    def __init__(self, url: str, clock: Any, limits: Limits = CHEAP) -> None:
        self.engine = make_engine(url)
        self.people = SqlPeople(self.engine, Config(limits=limits), KEYS, clock)
        self.directory = SqlDirectory(self.engine, clock)
        self.clock = clock

    async def token(self) -> str:
        """The token of the newest mailed link."""
        newest = sa.select(mails.c.text).order_by(mails.c.id.desc()).limit(1)
        async with transaction(self.engine) as connection:
            text = (await connection.execute(newest)).scalar_one()
        link = next(line for line in text.splitlines() if "/verify/" in line or "/reset/" in line)
        return str(link.rpartition("/")[2])

    async def ana(self) -> Any:
        await self.people.register(ANA)
        person = await self.people.verify(await self.token())
        assert person is not None
        return person


@pytest.fixture
async def rig(database_url: str, clock: Any) -> AsyncIterator[Rig]:
    await ready(database_url)
    made = Rig(database_url, clock)
    yield made
    await made.engine.dispose()


async def test_of_many_at_once_one_succeeds(rig: Rig) -> None:
    same = [rig.people.register(dataclasses.replace(ANA, name=f"Ana {n}")) for n in range(6)]
    await asyncio.gather(*same)
    assert await rig.people.count() == 1
    token = await rig.token()
    used = await asyncio.gather(*(rig.people.verify(token) for _ in range(4)))
    assert len([person for person in used if person]) == 1
    me = next(person for person in used if person)
    totp = await rig.people.begin_totp(me.id, "Fair")
    assert totp is not None
    at = rig.clock.ms // 1000
    code = pyotp.TOTP(totp.secret).at(at)
    recovery = await rig.people.confirm_totp(me.id, code)
    assert recovery is not None and not await rig.people.second(me.id, code)
    for secret, expected in ((pyotp.TOTP(totp.secret).at(at + 30), 1), (recovery[3], 1)):
        tries = await asyncio.gather(*(rig.people.second(me.id, secret) for _ in range(4)))
        assert sum(tries) == expected
    assert not await rig.people.second(me.id, pyotp.TOTP(totp.secret).at(at - 90))


async def test_links_expire_and_addresses_change_hands_never(rig: Rig) -> None:
    me = await rig.ana()
    await rig.people.ask_reset("ANA@example.org")
    token = await rig.token()
    rig.clock.ms += 3_600_000
    assert await rig.people.reset(token, "eleven green doors") is None
    await rig.people.ask_change_email(me.id, "new@example.org")
    async with transaction(rig.engine) as connection:
        newest = sa.select(mails.c.text).where(mails.c.kind == "change")
        link = (await connection.execute(newest)).scalar_one()
    change = link.partition("/verify/")[2].split()[0]
    other = dataclasses.replace(ANA, email="new@example.org", name="Bo")
    assert await rig.people.create(other, verified=True) is not None
    assert await rig.people.verify(change) is None, "taken meanwhile"
    assert (await rig.people.get(me.id)).email == "ana@example.org"
    await rig.people.register(dataclasses.replace(ANA, email="late@example.org"))
    late = await rig.token()
    rig.clock.ms += 24 * 3_600_000
    assert await rig.people.verify(late) is None


async def test_an_account_with_a_role_is_not_taken_by_registering(rig: Rig) -> None:
    made = await rig.people.create(
        dataclasses.replace(ANA, password="", source="organiser"), role=Role.ORGANISER
    )
    await rig.people.register(dataclasses.replace(ANA, name="Mallory", password="x" * 12 + "yz"))
    left = await rig.people.get(made.id)
    assert left.name == "Ana" and left.role is Role.ORGANISER
    assert (await rig.people.sign_in(ANA.email, "x" * 12 + "yz")).outcome == "wrong"


async def test_a_hash_follows_the_parameters_and_the_queue_is_bounded(
    rig: Rig, database_url: str, clock: Any
) -> None:
    me = await rig.ana()

    async def stored() -> str:
        async with transaction(rig.engine) as connection:
            query = sa.select(people.c.password_hash).where(people.c.id == me.id)
            return str((await connection.execute(query)).scalar_one())

    assert "m=8,t=1" in await stored()
    dearer = Rig(database_url, clock, Limits(password_memory_kib=16, password_passes=1))
    assert (await dearer.people.sign_in(ANA.email, ANA.password)).outcome == "ok"
    assert "m=16,t=1" in await stored()
    assert (await rig.people.sign_in(ANA.email, ANA.password)).outcome == "ok"
    await dearer.engine.dispose()
    few = Passwords(CHEAP.model_copy(update={"password_at_once": 1, "password_waiting": 2}))
    answers = await asyncio.gather(
        *(few.check(None, "anything") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(answer, Busy) for answer in answers) == 2
    assert (await few.check(None, "anything")) == (False, None)


async def test_search_finds_by_name_address_and_organisation(rig: Rig) -> None:
    names = ("王小明", "Zoë Brandt", "Lin Hai", "José Silva", "王芳")
    made = []
    for at, name in enumerate(names):
        rig.clock.ms += 1
        new = dataclasses.replace(
            ANA, name=name, email=f"p{at}@fair{at}.example.org", organisation=f"Firm {at} 海贸",
            country="DE" if at % 2 else "CN", password="",
        )  # fmt: skip
        made.append(await rig.people.create(new, verified=at != 4))

    async def found(q: str, **where: Any) -> list[str]:
        rows, _ = await rig.people.search(q, PeopleFilter(**where), None, 50)
        return [row.name for row in rows]

    assert await found("王") == ["王芳", "王小明"], "newest first"
    assert await found("小明") == ["王小明"] and await found("zoe") == ["Zoë Brandt"]
    assert await found("p2@fair2.example.org") == ["Lin Hai"]
    assert len(await found("海贸")) == 5 and await found("海贸", country="DE") == [
        "José Silva", "Zoë Brandt",
    ]  # fmt: skip
    assert await found("", verified=False) == ["王芳"]
    assert await found("", sector="finance", role="participant") == list(reversed(names))
    assert await found("%") == [] and await found("' OR 1=1 --") == []
    first, cursor = await rig.people.search("海贸", PeopleFilter(), None, 3)
    rest, end = await rig.people.search("海贸", PeopleFilter(), cursor, 3)
    assert [row.name for row in (*first, *rest)] == list(reversed(names)) and end is None
    for bad in ("x", "1:", ":", "9" * 30 + ":u"):
        with pytest.raises(ValueError, match="cursor"):
            await rig.people.search("", PeopleFilter(), bad, 3)
    await rig.people.change(made[0].id, {"name": "陈晨"}, made[0].version)
    with pytest.raises(StaleVersion):
        await rig.people.change(made[0].id, {"name": "x"}, made[0].version)
    with pytest.raises(ValueError, match="role"):
        await rig.people.change(made[0].id, {"role": "organiser"})
    assert await found("小明") == [] and await found("陈晨") == ["陈晨"]


async def test_erasing_leaves_counts_and_nothing_that_names(rig: Rig) -> None:
    me = await rig.ana()
    cookie, _ = await rig.directory.open_session(Identity(id=me.id, name=me.name), 600)
    grant = await rig.people.open_device(me.id, "Ana's phone")
    assert (await rig.directory.session(cookie)).account
    exported = await rig.people.export(me.id)
    assert exported["person"]["email"] == ANA.email and exported["devices"][0]["name"]
    assert set(exported) >= {"attendance", "agenda", "favourites", "cards", "web_sessions", "mails"}
    assert "argon2" not in str(exported) and "/verify/" not in str(exported)
    assert await rig.people.erase(me.id) and not await rig.people.erase(me.id)
    assert await rig.people.export(me.id) is None
    assert await rig.directory.session(cookie) is None
    assert await rig.people.refresh_device(grant.refresh) is None
    assert await rig.people.device(me.id, grant.device) is None
    async with transaction(rig.engine) as connection:
        for table in metadata.sorted_tables:
            text = str((await connection.execute(sa.select(table))).all())
            for trace in ("Ana", "ana@example.org", "Hai Trading"):
                assert trace not in text, table.name
        row = (await connection.execute(sa.select(people))).one()
        assert row.country == "CN" and row.erased_ms is not None
        assert (await connection.execute(sa.select(favourites))).all() == []
    assert (await rig.ana()).id != me.id


async def test_an_app_that_is_copied_is_signed_out(rig: Rig) -> None:
    me = await rig.ana()
    grant = await rig.people.open_device(me.id, "phone")
    raced = await asyncio.gather(*(rig.people.refresh_device(grant.refresh) for _ in range(3)))
    assert len([one for one in raced if one]) == 1
    assert await rig.people.device(me.id, grant.device) is None, "the others were taken for a thief"
    fresh = await rig.people.open_device(me.id, "phone")
    one = await rig.people.refresh_device(fresh.refresh)
    two = await rig.people.refresh_device(one.refresh)
    assert await rig.people.device("u_somebody", fresh.device) is None
    assert (await rig.people.device(me.id, fresh.device))[0].id == me.id
    assert await rig.people.refresh_device(fresh.refresh) is None, "two uses ago"
    assert await rig.people.refresh_device(two.refresh) is None
    rows = await rig.people.sessions(me.id)
    assert rows == ()
