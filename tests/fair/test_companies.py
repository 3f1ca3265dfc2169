"""Companies on both databases: directory, counts and pages; staff, invitations, interest."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import math
import zipfile
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image

from hub.config import Config
from hub.fair.base import FairKeys
from hub.fair.companies import SqlCompanies
from hub.fair.engine import make_engine, transaction
from hub.fair.tables import attendance, blobs, people
from hub.ports import StaleVersion
from hub.ports.companies import (
    FILES_MAX,
    BadUpload,
    CompanyDraft,
    CompanyExists,
    CompanyFilter,
)
from tests.databases import ready
from tests.fair.conftest import Clock

KEYS = FairKeys(bytes(32), bytes(32), bytes(32))
EVERYTHING = CompanyFilter()


def draft(slug: str, name: str = "", **fields: Any) -> CompanyDraft:
    given: dict[str, Any] = {"sector": "business", "country": "CN", **fields}
    return CompanyDraft(slug=slug, name=name or slug.title(), **given)


async def add_person(part: SqlCompanies, person: str, **fields: Any) -> str:
    row = {
        "id": person, "name": person, "email": f"{person}@example.org", "country": "DE",
        "organisation": "Org", "position": "Buyer", "sectors": [], "languages": [],
        "language": "en", "role": "participant", "gate": False, "listed": True,
        "shows": ["organisation"], "privacy_version": 1, "consent_ms": 0, "totp_on": False,
        "totp_step": 0, "source": "web", "blocked": False, "created_ms": 0, "changed_ms": 0,
        "version": 1, **fields,
    }  # fmt: skip
    async with transaction(part._engine) as connection:
        await connection.execute(sa.insert(people).values(**row))
    return person


@pytest.fixture
async def part(
    database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SqlCompanies]:
    # What a hub changed itself shows at once, however long this machine takes to read.
    monkeypatch.setattr("hub.fair.companies.directory._QUICK_S", math.inf)
    await ready(database_url)
    engine = make_engine(database_url)
    made = SqlCompanies(engine, Config(), KEYS, clock)
    yield made
    await engine.dispose()


async def slugs(part: SqlCompanies, limit: int = 50, **where: Any) -> list[str]:
    page = await part.search(CompanyFilter(**where), None, limit)
    return [item.slug for item in page.items]


async def test_directory_finds_filters_and_counts(part: SqlCompanies) -> None:
    await part.create(
        draft("pearl", "Pearl Robotics", names={"zh-Hans": "珠江机器人"}, sector="telecom")
    )
    await part.create(
        draft("lotus", "Lotus Trade", country="DE", on_site=True, online=False,
              about={"en": "We sell robots", "zh-Hant": "數字貿易"})
    )  # fmt: skip
    await part.create(draft("jade", "Jade Bank", sector="finance", country="DE"))
    await part.create(draft("hidden", "Hidden Robots", published=False))
    assert await slugs(part) == ["jade", "lotus", "pearl"]
    assert await slugs(part, q="robot") == ["pearl", "lotus"]  # the name counts more
    assert await slugs(part, q="贸易") == ["lotus"]
    assert await slugs(part, q="機器人") == ["pearl"]
    assert await slugs(part, country="DE", on_site=True) == ["lotus"]
    assert await slugs(part, sector="no-such") == []

    page = await part.search(CompanyFilter(country="DE", live=["pearl", "jade"]), None, 10)
    assert [item.slug for item in page.items] == ["jade"]
    assert page.total == 1
    # Each count leaves its own filter out and keeps the others.
    assert page.facets.countries == {"DE": 1, "CN": 1}
    assert page.facets.sectors == {"finance": 1}
    assert (page.facets.on_site, page.facets.online, page.facets.live) == (0, 1, 0)

    page = await part.search(CompanyFilter(q="Perl Robotiks"), None, 10)
    assert page.items == ()
    assert [item.slug for item in page.similar] == ["pearl"]
    assert (await part.search(CompanyFilter(q="《》 …"), None, 10)).total == 0

    # The organiser finds what is not published, and nothing else that way.
    await part.create(draft("attic", "阁楼公司", sector="finance", published=False))

    async def hidden(cursor: str | None = None, limit: int = 9, **where: Any) -> list[str]:
        found, following = await part.unpublished(CompanyFilter(**where), cursor, limit)
        return [one.slug for one in found] + ([f"next {following}"] if following else [])

    assert await hidden() == ["attic", "hidden"]
    assert await hidden(limit=1) == ["attic", "next attic"]
    assert await hidden("attic") == ["hidden"]
    assert await hidden(q="robot") == await hidden(q="IDDE") == ["hidden"]
    assert await hidden(q="閣樓") == await hidden(sector="finance") == ["attic"]
    assert await hidden(q="%_") == await hidden(country="DE") == []


async def test_pages_have_no_hole_and_no_repeat(part: SqlCompanies) -> None:
    # Equal names, so that only the slug orders them; half are found by text alone.
    for i in range(14):
        text = {"en": "robot"} if i % 2 else {}
        await part.create(draft(f"c-{i:02}", "Robot" if i % 2 == 0 else "Same", summary=text))
    whole = await slugs(part, q="robot")
    assert len(whole) == 14
    assert whole[:7] == [f"c-{i:02}" for i in range(0, 14, 2)]
    seen: list[str] = []
    cursor = None
    for turn in range(10):
        page = await part.search(CompanyFilter(q="robot"), cursor, 4)
        seen += [item.slug for item in page.items]
        cursor = page.next
        if turn == 1:  # the company the cursor names goes, others come before and after
            await part.delete(seen[-1])
            await part.create(draft("c-000", "Robot"))
            await part.create(draft("c-99", "Same", about={"en": "robot"}))
        if cursor is None:
            break
    assert seen == [*whole, "c-99"]
    for bad in ("x", "WzEsMl0", "WyJhIiwiYiIsImMiXQ", "é"):
        with pytest.raises(ValueError):
            await part.search(EVERYTHING, bad, 4)


async def test_other_hubs_changes_show(part: SqlCompanies, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SqlCompanies(part._engine, Config(), KEYS, part._now_ms)
    await part.create(draft("pearl"))
    assert await slugs(other) == ["pearl"]
    monkeypatch.setattr("hub.fair.companies.directory.LOOK_S", 0.0)
    company = await part.get("pearl")
    assert company is not None
    other._read_s = 0.0
    await part.change(1, dataclasses.replace(company.draft, sector="health"))  # in the same ms
    assert await slugs(other, sector="health") == ["pearl"]
    await part.delete("pearl")
    other._read_s = 0.0
    assert await slugs(other) == []


async def test_create_change_delete(part: SqlCompanies) -> None:
    await part.create(draft("pearl", external_key="k1"))
    with pytest.raises(CompanyExists):
        await part.create(draft("pearl"))
    with pytest.raises(CompanyExists):
        await part.create(draft("other", external_key="k1"))
    changes = (part.change(1, draft("pearl", f"Name {i}")) for i in range(3))
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(isinstance(result, StaleVersion) for result in results) == 2
    assert await slugs(part, q="pearl") == []  # found by the new name alone
    assert await slugs(part, q="name") == ["pearl"]
    with pytest.raises(LookupError):
        await part.change(1, draft("nobody"))
    assert await part.delete("pearl") and not await part.delete("pearl")
    assert await part.get("pearl") is None
    assert await slugs(part, q="name") == []


async def test_staff_never_leave_a_company_without_an_owner(part: SqlCompanies) -> None:
    await part.create(draft("pearl"))
    for person in ("u_a", "u_b", "u_c"):
        await add_person(part, person)
    assert await part.set_staff("pearl", "u_a", "owner", "Boss", True)
    assert await part.set_staff("pearl", "u_b", "owner", None, True)
    assert not await part.set_staff("pearl", "u_nobody", "staff", None, True)
    assert not await part.set_staff("nobody", "u_a", "staff", None, True)
    # Both step down at once: one of them may.
    downs = await asyncio.gather(
        part.set_staff("pearl", "u_a", "staff", None, True), part.remove_staff("pearl", "u_b")
    )
    assert sorted(map(bool, downs)) == [False, True]
    owners = [one.person for one in await part.staff("pearl") if one.role == "owner"]
    assert len(owners) == 1
    assert not await part.remove_staff("pearl", owners[0])
    assert await part.remove_staff("pearl", owners[0], force=True)


async def test_invitations_open_once(part: SqlCompanies, clock: Clock) -> None:
    await part.create(draft("pearl"))
    for person in ("u_a", "u_b"):
        await add_person(part, person)
    first = await part.invite("pearl", "Ann@example.org", "editor", "u_x")
    token = await part.invite("pearl", "ann@example.org", "editor", "u_x")
    assert first and token and await part.invited_to(first) is None  # the newer replaces it
    found = await part.invited_to(token)
    assert found is not None and (found[0].slug, found[1]) == ("pearl", "editor")
    assert await part.accept(token, "u_nobody") is None  # no account: not used up
    taken = await asyncio.gather(part.accept(token, "u_a"), part.accept(token, "u_b"))
    assert sorted(map(str, taken)) == ["None", "pearl"]
    assert await part.accept(token, "u_a") is None
    late = await part.invite("pearl", "late@example.org", "staff", "u_x")
    gone = await part.invite("pearl", "gone@example.org", "staff", "u_x")
    assert late and gone
    [wanted] = [one for one in await part.invites("pearl") if one.email == "gone@example.org"]
    assert await part.revoke_invite("pearl", wanted.id)
    assert await part.accept(gone, "u_b") is None
    clock.ms += 15 * 24 * 3600 * 1000
    assert await part.accept(late, "u_b") is None
    assert await part.invites("pearl") == ()


async def test_favourites_cards_and_visits(part: SqlCompanies, clock: Clock) -> None:
    for slug in ("pearl", "lotus"):
        await part.create(draft(slug))
    await part.create(draft("hidden", published=False))
    await add_person(part, "u_a")
    await add_person(part, "u_b", listed=False)
    await add_person(part, "u_gone", erased_ms=5, email=None)
    assert await part.favour("u_a", "pearl", True) and await part.favour("u_a", "pearl", True)
    assert not await part.favour("u_a", "hidden", True)
    assert not await part.favour("u_nobody", "pearl", True)
    clock.ms += 1
    assert await part.favour("u_a", "lotus", True)
    first, cursor = await part.favourites("u_a", None, 1)
    second, end = await part.favourites("u_a", cursor, 1)
    assert ([c.slug for c in (*first, *second)], end) == (["lotus", "pearl"], None)
    await part.favour("u_a", "lotus", False)
    assert await part.favoured("u_a", ["pearl", "lotus"]) == {"pearl"}

    assert await part.leave_card("u_b", "pearl", "call me")
    clock.ms += 1
    assert await part.leave_card("u_b", "pearl", "write to me")
    assert await part.leave_card("u_gone", "pearl", None)
    assert not await part.leave_card("u_b", "hidden", None)
    left, _ = await part.cards("pearl", None, 10)
    assert [(c.person, c.email, c.note) for c in left] == [
        ("u_b", "u_b@example.org", "write to me")  # once, the newer note, nobody erased
    ]
    assert [company.slug for company, _ in await part.cards_left("u_b")] == ["pearl"]
    assert await part.withdraw_card("u_b", "pearl")
    assert not await part.withdraw_card("u_b", "pearl")

    for person in ("u_a", "u_b", "u_gone", "u_nobody", "u_a"):
        await part.visited(person, "pearl")
    clock.ms += 31 * 60 * 1000
    await part.visited("u_a", "pearl")
    [seen], _ = await part.visitors("pearl", None, 10)
    assert (seen.person, seen.times, seen.organisation, seen.position) == ("u_a", 2, "Org", None)
    assert await part.visitor_counts("pearl") == (3, 1)
    for reader in (part.cards, part.visitors, part.favourites):
        with pytest.raises(ValueError):
            await reader("pearl", "bad!", 10)


async def test_live_while_somebody_is_in_a_room(part: SqlCompanies) -> None:
    await part.create(draft("pearl"))
    await part.create(draft("lotus"))
    for person, company in (("u_a", "pearl"), ("u_b", "lotus")):
        await add_person(part, person)
        await part.set_staff(company, person, "staff", None, False)
    stay = {"room": "r", "gen": 1, "name": "x", "role": "participant", "entered_ms": 1}
    async with transaction(part._engine) as connection:
        await connection.execute(
            sa.insert(attendance),
            [{**stay, "person": "u_a", "left_ms": None}, {**stay, "person": "u_b", "left_ms": 2}],
        )
    assert await part.live_now() == {"pearl"}


def picture(size: tuple[int, int] = (800, 400), kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "#0b4f8a").save(out, kind)
    return out.getvalue()


async def test_logo_is_made_anew_and_old_ones_go(part: SqlCompanies) -> None:
    await part.create(draft("pearl"))
    hidden = b"<script>alert(1)</script>"
    company = await part.set_logo("pearl", picture(kind="JPEG") + hidden)
    assert company.logo and company.logo_small
    for digest, width in ((company.logo, 512), (company.logo_small, 96)):
        blob = await part.blob(digest)
        assert blob is not None and hidden not in blob.body
        assert (blob.content_type, Image.open(io.BytesIO(blob.body)).width) == ("image/webp", width)
    await part.set_logo("pearl", None)
    async with transaction(part._engine) as connection:
        left = await connection.execute(sa.select(sa.func.count()).select_from(blobs))
        assert left.scalar_one() == 0


def office(main: str = "wordprocessingml.document", *, extra: str = "", size: int = 10) -> bytes:
    out = io.BytesIO()
    kind = f"application/vnd.openxmlformats-officedocument.{main}.main+xml"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", f'<Types><Override ContentType="{kind}"/></Types>')
        package.writestr("word/document.xml", b"0" * size)
        if extra:
            package.writestr(extra, b"x")
    return out.getvalue()


BAD_PICTURES = (
    (b"", "not_a_picture"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture"),
    (b"\x89PNG\r\n\x1a\n" + bytes(100), "not_a_picture"),
    (picture()[:300], "not_a_picture"),
    (picture((13_000, 20)), "too_many_pixels"),
    (picture((8, 8)), "too_small"),
    (bytes(5 * 1024 * 1024 + 1), "too_large"),
)


async def test_bad_pictures(part: SqlCompanies) -> None:
    await part.create(draft("pearl"))
    for raw, code in BAD_PICTURES:
        with pytest.raises(BadUpload) as refused:
            await part.set_logo("pearl", raw)
        assert refused.value.code == code
    # A header that promises 40,000 x 40,000 pixels, in a hundred bytes.
    bomb = bytearray(picture((20, 20)))
    bomb[16:24] = (40_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    with pytest.raises(BadUpload) as refused:
        await part.set_logo("pearl", bytes(bomb))
    assert refused.value.code == "too_many_pixels"


async def test_files_are_what_they_hold(part: SqlCompanies) -> None:
    await part.create(draft("pearl"))
    pdf = b"%PDF-1.7\n" + b"x" * 50 + b"\n%%EOF\n"
    kept = await part.add_file("pearl", "Brochure", "../../ev\u202eil<1>.exe", pdf)
    assert (kept.filename, kept.content_type) == ("evil_1.pdf", "application/pdf")
    word = await part.add_file("pearl", "Word", "价目表.zip", office())
    assert word.filename == "价目表.docx"
    for raw in (
        b"MZ" + bytes(100),
        b"<html><script>1</script>",
        office(extra="word/vbaProject.bin"),
        office("wordprocessingml.template"),
        office(size=201 * 1024 * 1024),
        b"PK\x03\x04" + bytes(50),
        b"GIF89a" + bytes(50),
    ):
        with pytest.raises(BadUpload) as refused:
            await part.add_file("pearl", "x", "x.pdf", raw)
        assert refused.value.code == "not_allowed"
    adds = (part.add_file("pearl", "x", "x", pdf + b"%%EOF" * i) for i in range(1, 12))
    results = await asyncio.gather(*adds, return_exceptions=True)
    assert sum(isinstance(result, BadUpload) for result in results) == 11 - (FILES_MAX - 2)
    assert await part.remove_file("pearl", kept.id) and not await part.remove_file("pearl", kept.id)
    assert await part.blob(kept.hash) is None
    assert len(await part.files("pearl")) == FILES_MAX - 1
