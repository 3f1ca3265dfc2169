"""What is in a talk, on both databases: invitations, files, notes; what stays and what goes."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from PIL import Image

from hub.fair.engine import transaction
from hub.fair.tables import company_staff, talk_files, talk_invites, talk_notes
from hub.fair.talks import content
from hub.ports.talks import (
    FILE_BYTES_MAX,
    FILES_MAX,
    INVITES_MAX,
    KEPT_MS,
    Access,
    Belonging,
    TalkRefused,
)
from rooms.model import Role
from tests.fair.rig import HOUR, MANY, ROUND, Rig, outcome

# --- invitations ----------------------------------------------------------------------------


async def uses(rig: Rig) -> list[int]:
    async with transaction(rig.engine) as connection:
        i = talk_invites.c
        return list((await connection.execute(sa.select(i.uses).order_by(i.uses))).scalars())


async def test_an_invitation_makes_a_member_once(rig: Rig) -> None:
    room = await rig.wide()
    invite, secret = await rig.talks.invite(room, "u_pearl1", side="guest", lobby=True)
    seen = await rig.talks.look_at_invite(secret, None)
    assert seen is not None and seen[0] == invite and seen[1].room == room
    assert await rig.talks.look_at_invite(secret, "u_v2") == seen
    assert await rig.talks.use_invite(secret, "u_v2") == Access(
        room, "guest", Role.PARTICIPANT, True
    )
    assert await rig.talks.access(room, "u_v2") == Access(room, "guest", Role.PARTICIPANT, True)
    # The same person again uses nothing up; nobody else gets in by it.
    assert (await rig.talks.use_invite(secret, "u_v2")).room == room
    assert await rig.talks.look_at_invite(secret, "u_v2") is not None
    assert await outcome(rig.talks.use_invite(secret, "u_v3")) == "unknown_invite"
    assert await rig.talks.look_at_invite(secret, "u_v3") is None
    assert await rig.talks.look_at_invite(secret, None) is None
    assert await uses(rig) == [1] and await rig.talks.invites(room) == ()


async def test_the_last_use_goes_to_exactly_so_many(rig: Rig) -> None:
    room = await rig.wide()
    _, secret = await rig.talks.invite(room, "u_pearl1", side="guest", uses=2)
    people = ["u_v2", "u_v3", "u_v4", "u_lotus1", "u_lotus2", "u_jade1"]
    codes = await asyncio.gather(*(outcome(rig.talks.use_invite(secret, p)) for p in people))
    assert sorted(codes) == ["", "", *["unknown_invite"] * 4]
    members = {one.person for one in await rig.talks.members(room)}
    won = {person for person, got in zip(people, codes, strict=True) if not got}
    assert members == {"u_pearl1", "u_v1"} | won and await uses(rig) == [2]
    # One person on four pages at once uses it once.
    _, again = await rig.talks.invite(room, "u_pearl1", side="guest", uses=2)
    late = next(person for person in people if person not in won)
    codes = await asyncio.gather(*(outcome(rig.talks.use_invite(again, late)) for _ in range(4)))
    assert codes == [""] * 4 and await uses(rig) == [1, 2]


async def test_every_bad_invitation_has_the_same_answer(rig: Rig) -> None:
    room, pair = await rig.wide(), await rig.talk()
    invite = rig.talks.invite
    _, other = await invite(room, "u_pearl1", side="guest", person="u_v3")
    _, staff = await invite(room, "u_pearl1", side="guest", company="lotus")
    _, short = await invite(room, "u_pearl1", side="guest", ttl_s=1)
    revoked, taken_back = await invite(room, "u_pearl1", side="guest")
    assert await rig.talks.revoke(room, revoked.id)
    assert not await rig.talks.revoke(room, revoked.id)
    assert not await rig.talks.revoke(pair, revoked.id)
    _, old = await invite(room, "u_pearl1", side="guest", uses=9)
    ended = await rig.wide()
    _, over = await invite(ended, "u_pearl1", side="guest")
    await rig.talks.end(ended, "u_pearl1", "done")
    await rig.talks.use_invite(old, "u_v2")
    rig.clock.ms += 1_000
    await rig.talks.remove_member(room, "u_v2", "u_pearl1")
    # One that anybody might use, but for its signature.
    open_to_all = (await invite(room, "u_pearl1", side="guest"))[1].partition(".")
    good = other.partition(".")
    forged = [
        "", ".", "x", "é" * 20 + ".x", good[0], f"{good[0]}.", f"{good[0]}.{'A' * 32}",
        f"{open_to_all[0]}.{good[2]}", open_to_all[0] + ".", f"{'0' * 20}.{good[2]}",
        other + "A", other[:-1] + "\udcff", "a" * 5_000,
    ]  # fmt: skip
    asked: list[str] = []
    sa.event.listen(
        rig.engine.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2])
    )
    for secret in (other, staff, short, taken_back, old, over, *forged):
        asked.clear()
        assert await outcome(rig.talks.use_invite(secret, "u_v2")) == "unknown_invite", secret
        # One look for each, and no write that waits for others: the time tells nothing either.
        assert len(asked) == 1 and asked[0].startswith("SELECT"), secret
        assert await rig.talks.look_at_invite(secret, "u_v2") is None
    assert await outcome(rig.talks.use_invite(old, "u_nobody")) == "unknown_invite"
    assert await rig.talks.access(room, "u_v2") is None
    assert await uses(rig) == [0, 0, 0, 0, 0, 0, 1]
    # Those they are for come in; whoever was removed comes back by a new one alone.
    assert (await rig.talks.use_invite(other, "u_v3")).side == "guest"
    assert (await rig.talks.use_invite(staff, "u_lotus2")).side == "guest"
    rig.clock.ms += 1
    _, new = await invite(room, "u_pearl1", side="guest")
    assert (await rig.talks.use_invite(new, "u_v2")).room == room


async def test_a_company_s_seats_are_for_its_people(rig: Rig) -> None:
    room = await rig.talk(
        mode=ROUND, capacity=4, sides={"pearl": 2, "lotus": 2},
        members=(Belonging("u_pearl1", "pearl", Role.HOST),),
    )  # fmt: skip
    made, secret = await rig.talks.invite(room, "u_pearl1", side="lotus", uses=2)
    assert made.company == "lotus"
    assert await outcome(rig.talks.use_invite(secret, "u_v1")) == "unknown_invite"
    assert (await rig.talks.use_invite(secret, "u_lotus1")).role is Role.PARTICIPANT
    async with transaction(rig.engine) as connection:
        await connection.execute(sa.delete(company_staff).where(company_staff.c.company == "lotus"))
    assert await outcome(rig.talks.use_invite(secret, "u_lotus2")) == "unknown_invite"
    _, host = await rig.talks.invite(room, "u_pearl1", side="pearl")
    assert (await rig.talks.use_invite(host, "u_pearl2")).role is Role.HOST

    pair = await rig.talk(members=(Belonging("u_pearl1", "pearl", Role.HOST),))
    links = [(await rig.talks.invite(pair, "u_pearl1", side="guest"))[1] for _ in range(2)]
    codes = await asyncio.gather(
        *(outcome(rig.talks.use_invite(link, f"u_v{n}")) for n, link in enumerate(links, 1))
    )
    assert sorted(codes) == ["", "unknown_invite"] and sorted(await uses(rig))[:1] == [0]
    for fields, expected in (
        ({"side": "guest"}, "wrong_mode"),  # two are in it
        ({"side": "jade", "company": "lotus"}, "unknown_company"),
        ({"side": "nowhere"}, "unknown_company"),
        ({"side": "guest", "person": "u_nobody"}, "unknown_person"),
        ({"side": "guest", "uses": 0}, "too_many"),
        ({"side": "guest", "ttl_s": 0}, "too_many"),
    ):
        assert await outcome(rig.talks.invite(pair, "u_pearl1", **fields)) == expected, fields
    assert await outcome(rig.talks.invite(room, "u_pearl1", side="guest")) == "wrong_mode"
    assert await outcome(rig.talks.invite("n-none", "u_pearl1", side="guest")) == "unknown_room"


async def test_invitations_are_bounded(rig: Rig) -> None:
    room = await rig.wide()
    made = [await rig.talks.invite(room, "u_pearl1", side="guest") for _ in range(INVITES_MAX)]
    assert await outcome(rig.talks.invite(room, "u_pearl1", side="guest")) == "too_many"
    assert len(await rig.talks.invites(room)) == INVITES_MAX
    await rig.talks.revoke(room, made[0][0].id)
    assert await outcome(rig.talks.invite(room, "u_pearl1", side="guest")) == ""


# --- files ----------------------------------------------------------------------------------


def picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(out, form)
    return out.getvalue()


def cut_off() -> bytes:
    """A picture whose header is whole and whose pixels are not."""
    out = io.BytesIO()
    Image.effect_noise((128, 128), 80).save(out, "JPEG")
    return out.getvalue()[:-2_000]


def package(main: str, **entries: bytes) -> bytes:
    """An Office file whose main part has this type."""
    types = f'<Types><Override PartName="/m.xml" ContentType="{main}.main+xml"/></Types>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", types)
        packed.writestr("_rels/.rels", "<Relationships/>")
        for name, body in entries.items():
            packed.writestr(name, body)
    return out.getvalue()


OOXML = "application/vnd.openxmlformats-officedocument."
WORD, SHEET = OOXML + "wordprocessingml.document", OOXML + "spreadsheetml.sheet"
PDF = b"%PDF-1.7\nx\n%%EOF\n"
TAKEN: list[tuple[str, bytes, str, str]] = [
    ("offer.pdf", PDF, "offer.pdf", "application/pdf"),
    ("Offer", PDF, "Offer.pdf", "application/pdf"),
    ("报价 2027.PDF", PDF, "报价 2027.pdf", "application/pdf"),
    ("../../etc/passwd", b"root", "passwd.txt", "text/plain"),
    ("C:\\temp\\..\\a.txt", b"a", "a.txt", "text/plain"),
    ("\u202etxt.fdp\x00.txt", b"a", "txt.fdp.txt", "text/plain"),
    ("..", b"a", "file.txt", "text/plain"),
    ("", b"a", "file.txt", "text/plain"),
    ("a\r\nX-Evil: 1.txt", b"a", "aX-Evil_1.txt", "text/plain"),
    ('x";y=<b>.txt', b"a", "x_y_b.txt", "text/plain"),
    ("n" * 300 + ".txt", b"a", "n" * 100 + ".txt", "text/plain"),
    ("prices.csv", "\ufeff价,1\n".encode(), "prices.csv", "text/csv"),
    ("p.jpeg", picture("JPEG"), "p.jpeg", "image/jpeg"),
    ("p.png", picture("PNG"), "p.png", "image/png"),
    ("p.webp", picture("WEBP"), "p.webp", "image/webp"),
    ("p.gif", picture("GIF"), "p.gif", "image/gif"),
    ("c.docx", package(WORD), "c.docx", WORD),
    ("c.xlsx", package(SHEET), "c.xlsx", SHEET),
]
NOT_TAKEN: list[tuple[str, bytes]] = [
    ("a.pdf", picture("PNG")), ("a.png", PDF), ("a.png", b"\x89PNG\r\n\x1a\nrest"),
    ("a.exe", b"MZ\x90\x00"), ("a.exe", b"echo"), ("a.html", b"<script>alert(1)</script>"),
    ("a.svg", b"<svg/>"), ("a.js", b"x"), ("a.txt", b"\xff\xfe\x00"), ("a.txt", b"a\x00b"),
    ("a.txt", b"\x1b[31m"), ("a.txt", b"  \n"), ("a.txt", b""), ("a.csv", PDF), ("a", b"\x00"),
    ("a.docx", b"PK\x03\x04broken"), ("a.docx", package(SHEET)), ("a.zip", package(WORD)),
    ("a.docx", package(WORD, **{"word/vbaProject.bin": b"x"})),
    ("a.docx", package("text/plain")), ("a.pdf", b"%PDF-1.7 cut off"),
    ("a.gif", picture("GIF")[:20]), ("a.jpg", cut_off()),
]  # fmt: skip


def test_a_file_is_what_its_content_is() -> None:
    for name, body, shown, content_type in TAKEN:
        assert content.judge(name, body) == (shown, content_type), name
    for name, body in NOT_TAKEN:
        with pytest.raises(TalkRefused, match="bad_file"):
            content.judge(name, body)


def test_a_bomb_is_not_unpacked() -> None:
    """250 MB of zeros in a quarter of one, and a picture that would take 400 MB."""
    zeros = bytes(50 * 1024 * 1024)
    bomb = package(WORD, **{f"word/{n}.xml": zeros for n in range(5)})
    assert len(bomb) < 500_000
    out = io.BytesIO()
    Image.new("1", (11_999, 11_999)).save(out, "PNG")
    for name, body in (("a.docx", bomb), ("a.png", out.getvalue())):
        with pytest.raises(TalkRefused, match="bad_file"):
            content.judge(name, body)


async def test_files_are_sealed_bounded_and_taken_away(rig: Rig) -> None:
    room, other = await rig.wide(), await rig.wide()
    keep = rig.talks.keep_file
    kept = await keep(room, "offer.pdf", PDF, "u_v1")
    assert await rig.talks.files(room) == (kept,) and kept.size == len(PDF)
    assert await rig.talks.file(room, kept.id) == (kept, PDF)
    assert await rig.talks.file(other, kept.id) is None
    async with transaction(rig.engine) as connection:
        stored = (await connection.execute(sa.select(talk_files.c.body))).scalar_one()
        assert b"PDF" not in stored
        # A row that is moved to another room does not open there.
        await connection.execute(sa.update(talk_files).values(room=other))
    with pytest.raises(InvalidTag):
        await rig.talks.file(other, kept.id)
    async with transaction(rig.engine) as connection:
        await connection.execute(sa.update(talk_files).values(room=room))

    assert not await rig.talks.remove_file(other, kept.id, "u_v1")
    assert await rig.talks.remove_file(room, kept.id, "u_v1")
    assert not await rig.talks.remove_file(room, kept.id, "u_v1")
    assert await rig.talks.file(room, kept.id) is None and await rig.talks.files(room) == ()
    async with transaction(rig.engine) as connection:
        assert (await connection.execute(sa.select(talk_files.c.body))).scalar_one() == b""

    for where, name, body, expected in (
        (room, "a.exe", b"MZ", "bad_file"),
        (room, "a.txt", b"a" * (FILE_BYTES_MAX + 1), "too_large"),
        ("n-none", "a.txt", b"a", "unknown_room"),
    ):
        assert await outcome(keep(where, name, body, "u_v1")) == expected
    await asyncio.gather(*(keep(room, f"{n}.txt", b"a", "u_v1") for n in range(FILES_MAX - 1)))
    codes = await asyncio.gather(*(outcome(keep(room, "last.txt", b"a", "u_v1")) for _ in range(3)))
    assert sorted(codes) == ["", "too_many", "too_many"]
    assert len(await rig.talks.files(room)) == FILES_MAX
    await rig.talks.end(room, "u_pearl1", "done")
    assert await outcome(keep(room, "late.txt", b"a", "u_v1")) == "talk_over"


async def test_files_of_one_talk_are_bounded_together(rig: Rig) -> None:
    room = await rig.wide()
    for n in range(3):
        kept = await rig.talks.keep_file(room, f"{n}.txt", b"a" * FILE_BYTES_MAX, "u_v1")
    assert await outcome(rig.talks.keep_file(room, "x.txt", b"a", "u_v1")) == "too_large"
    await rig.talks.remove_file(room, kept.id, "u_v1")
    assert await outcome(rig.talks.keep_file(room, "x.txt", b"a", "u_v1")) == ""


# --- notes ----------------------------------------------------------------------------------


async def test_notes_are_sealed_and_only_grow_newer(rig: Rig) -> None:
    room = await rig.talk()
    assert await rig.talks.notes(room) == (0, "")
    await rig.talks.keep_notes(room, 5, "Price: 5 万")
    await rig.talks.keep_notes(room, 4, "older")
    await rig.talks.keep_notes(room, 5, "same")
    assert await rig.talks.notes(room) == (5, "Price: 5 万")
    revisions = range(6, 12)
    await asyncio.gather(*(rig.talks.keep_notes(room, rev, f"rev {rev}") for rev in revisions))
    assert await rig.talks.notes(room) == (11, "rev 11")
    assert await outcome(rig.talks.keep_notes(room, 12, "x" * 20_001)) == "too_large"
    async with transaction(rig.engine) as connection:
        assert b"rev" not in (await connection.execute(sa.select(talk_notes.c.body))).scalar_one()
    await rig.talks.end(room, "u_v1", "done")
    await rig.talks.keep_notes(room, 12, "the last word")  # what is written at the end
    assert await rig.talks.notes(room) == (12, "the last word")
    await rig.talks.keep_notes("n-none", 1, "of a room that is no talk")
    assert await rig.talks.notes("n-none") == (0, "")


async def test_what_was_put_in_is_gone_a_week_after_the_end(rig: Rig) -> None:
    over, going = await rig.wide(), await rig.wide()
    for room in (over, going):
        await rig.talks.keep_file(room, "a.txt", b"a", "u_v1")
        await rig.talks.keep_notes(room, 1, "notes")
    await rig.talks.end(over, "u_pearl1", "done")
    rig.clock.ms += KEPT_MS - 1
    assert await rig.talks.forget_old(10) == 0
    rig.clock.ms += 1
    assert await rig.talks.forget_old(10) == 1 and await rig.talks.forget_old(10) == 0
    assert await rig.talks.files(over) == () and await rig.talks.notes(over) == (0, "")
    assert len(await rig.talks.files(going)) == 1 and await rig.talks.notes(going) == (1, "notes")


# --- the organiser, and whoever wants to be gone ----------------------------------------------


async def test_talks_are_counted_and_listed_by_mode_and_state(rig: Rig) -> None:
    now = rig.clock.ms
    pair = await rig.talk(starts_ms=now - HOUR)
    later = await rig.wide(starts_ms=now + HOUR, ends_ms=None, opens_ms=now + HOUR - 1)
    over = await rig.wide(company="lotus", starts_ms=now - 1, origin_id="batch-1")
    await rig.talks.end(over, "u_pearl1", "done")
    counts = await rig.talks.counts()
    assert (counts.scheduled, counts.running, counts.ended) == (1, 1, 1)
    assert dict(counts.by_mode) == {"one_to_one": 1, "one_to_many": 2}
    assert counts.by_mode_and_state["one_to_many", "ended"] == 1

    async def listed(**where: Any) -> list[str]:
        given = {"state": None, "mode": None, "cursor": None, "limit": 50, **where}
        return [talk.room for talk in (await rig.talks.list(**given))[0]]

    assert await listed() == [later, over, pair]
    assert await listed(state="running") == [pair] and await listed(state="ended") == [over]
    assert await listed(state="scheduled") == await listed(mode="one_to_many", state="scheduled")
    assert await listed(q="LOT") == await listed(q="batch-1") == await listed(q=over[2:]) == [over]
    assert await listed(q="%") == [] and await listed(mode="many_to_many") == []
    page, cursor = await rig.talks.list(state=None, mode=None, cursor=None, limit=2)
    assert [t.room for t in page] == [later, over] and cursor is not None
    rest, end = await rig.talks.list(state=None, mode=None, cursor=cursor, limit=2)
    assert [t.room for t in rest] == [pair] and end is None
    for bad in ("", "x", "1", ":n", "1:", "x:n", "1:\x00"):
        with pytest.raises(ValueError, match="cursor"):
            await rig.talks.list(state=None, mode=None, cursor=bad, limit=2)


async def test_a_person_takes_along_and_takes_away_what_is_theirs(rig: Rig) -> None:
    room = await rig.talk(mode=MANY, capacity=9, by="u_v1", agenda="Prices")
    mine = await rig.talks.keep_file(room, "mine.txt", b"mine", "u_v1")
    theirs = await rig.talks.keep_file(room, "theirs.txt", b"theirs", "u_pearl1")
    await rig.talks.invite(room, "u_pearl1", side="guest", person="u_v1")
    _, given = await rig.talks.invite(room, "u_v1", side="guest")
    copy = await rig.people.export("u_v1")
    assert copy is not None
    assert [m["room"] for m in copy["talk_members"]] == [room]
    assert [f["filename"] for f in copy["talk_files"]] == ["mine.txt"]
    assert copy["talks_opened"][0]["agenda"] == "Prices"
    assert len(copy["talk_invitations_given"]) == len(copy["talk_invites"]) == 1
    assert given.partition(".")[2] not in str(copy)

    assert await rig.people.erase("u_v1")
    assert await rig.talks.access(room, "u_v1") is None
    assert [m.person for m in await rig.talks.members(room)] == ["u_pearl1"]
    assert await rig.talks.files(room) == (theirs,)
    assert await rig.talks.file(room, mine.id) is None
    assert await rig.talks.invites(room) == ()
    assert await outcome(rig.talks.use_invite(given, "u_v2")) == "unknown_invite"
    async with transaction(rig.engine) as connection:
        rows = (await connection.execute(sa.select(talk_files).order_by(talk_files.c.size))).all()
    assert (rows[0].filename, rows[0].body) == ("", b"")
