"""The on-site part over HTTP: booking, the pass, the gate, who may; and that a number in
clear is nowhere."""

from __future__ import annotations

import io
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis.asyncio as redis
import sqlalchemy as sa
from PIL import Image

from hub.fair.engine import make_engine, transaction
from hub.fair.tables import identities, people
from hub.web.auth import session_cookie
from hub.web.onsite import retention
from rooms.model import Identity, Role

RESIDENT = "11010519491231002X"
PASSPORT = {"kind": "passport", "country": "DE", "number": "C01X00T47", "consent": True}


class Someone:
    """A signed-in person with cookies of their own."""

    def __init__(self, hub: Any, person: str, csrf: str) -> None:
        self.hub, self.person, self.csrf = hub, person, csrf

    async def page(self, path: str, **form: str) -> Any:
        if not form:
            return await self.hub.call("GET", path, auth=None)
        return await self.hub.call("POST", path, auth=None, data={"csrf": self.csrf, **form})

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"X-CSRF-Token": self.csrf}
        return await self.hub.api(method, path, body, auth=None, headers=headers)


Join = Callable[..., Awaitable[Someone]]


@pytest.fixture
async def join(site: Any) -> Any:
    """Make an account and sign it in."""
    engine = make_engine(site.services.config.database_url)
    async with AsyncExitStack() as stack:

        async def make(
            name: str = "Ada", role: Role = Role.PARTICIPANT, gate: bool = False
        ) -> Someone:
            person = f"u_{secrets.token_hex(8)}"
            async with transaction(engine) as connection:
                await connection.execute(
                    sa.insert(people).values(
                        id=person, name=name, country="DE", sectors=[], languages=["en"],
                        language="en", role=role.value, gate=gate, listed=False, shows=[],
                        privacy_version=1, consent_ms=1, totp_on=role is not Role.PARTICIPANT,
                        totp_step=0, source="web",
                        blocked=False, created_ms=1, changed_ms=1, version=1,
                    )
                )  # fmt: skip
            identity = Identity(id=person, name=name, role=role)
            cookie, session = await site.services.directory.open_session(identity, 600)
            hub = await stack.enter_async_context(site.browser())
            hub.http.cookie_jar.update_cookies({session_cookie(site.services.config): cookie})
            return Someone(hub, person, session.csrf)

        yield make
    await engine.dispose()


async def slot(site: Any, hours: float = 0, capacity: int = 10) -> str:
    start = datetime.now(UTC) + timedelta(hours=hours) - timedelta(minutes=5)
    body = {
        "starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat(),
        "capacity": capacity,
    }  # fmt: skip
    answer = await site.api("POST", "/slots", body)
    assert answer.status == 201, await answer.text()
    return str((await answer.json())["id"])


async def test_a_form_keeps_the_slot_and_never_the_number(site: Any, join: Join) -> None:
    ada = await join()
    empty = await (await ada.page("/me/pass")).text()
    assert "There is no time to book yet" in empty
    chosen, full = await slot(site, 1), await slot(site, 2, capacity=0)
    page = await (await ada.page("/me/pass")).text()
    assert "10 places left" in page and re.search(rf'value="{full}"[^>]*disabled', page)
    wrong = RESIDENT[:-1] + "1"
    refused = await ada.page("/me/pass", slot=chosen, kind="resident_id", number=wrong)
    text = await refused.text()
    assert refused.status == 422 and "A digit is wrong or two have changed places" in text
    assert "Tick the box" in text and wrong not in text
    assert re.search(rf'value="{chosen}"[^>]*checked', text)
    assert 'name="csrf"' in text
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in RESIDENT)
    booked = await ada.page(
        "/me/pass", slot=chosen, kind="resident_id", number=full_width, consent="on"
    )
    assert booked.status == 303 and booked.headers["Location"] == "/me/pass"
    text = await (await ada.page("/me/pass")).text()
    assert "ending in 002X" in text and RESIDENT not in text and "qr-code" in text
    held = await (await ada.api("GET", "/me/pass")).json()
    assert "-".join(re.findall("....", held["code"])) in text

    picture = await ada.page("/me/pass.png")
    assert Image.open(io.BytesIO(await picture.read())).width > 600
    badge = await ada.page("/me/pass.pdf")
    assert (await badge.read()).startswith(b"%PDF-") and badge.content_type == "application/pdf"
    for answer in (picture, badge):
        assert "no-store" in answer.headers["Cache-Control"]
    read = await (await join(role=Role.ORGANISER)).hub.call(
        "POST", "/gate/frame", auth=None, data=await picture.read()
    )
    assert read.status == 403, "a frame needs the CSRF token"

    taken = await (await join("Bo")).page(
        "/me/pass", slot=chosen, kind="resident_id", number=RESIDENT, consent="on"
    )
    text = await taken.text()
    assert taken.status == 422 and "cannot be used with this account" in text and "Ada" not in text
    assert (await ada.page("/me/pass/cancel", why="")).status == 303
    assert (await ada.api("GET", "/me/pass")).status == 404
    assert (await ada.api("PUT", "/me/pass", {"slot": chosen})).status == 200
    assert (await ada.page("/me/pass/erase", why="")).status == 303
    assert "Your identity number" in await (await ada.page("/me/pass")).text()


async def test_the_gate_says_yes_once_by_form_and_by_api(site: Any, join: Join) -> None:
    ada, staff = await join(), await join("Gate", gate=True)
    held = await (
        await ada.api("PUT", "/me/pass", {"slot": await slot(site), "identity": PASSPORT})
    ).json()
    assert (await (await staff.page("/gate")).text()).count("Ready") == 1
    said = await (
        await staff.api("POST", "/gate/scans", {"code": held["code"], "gate": "n"})
    ).json()
    assert (said["result"], said["admitted"], said["name"]) == ("admitted", True, "Ada")
    assert (said["last4"], said["today"]) == ("0T47", 1)
    page = await (await staff.page("/gate", code=held["code"].lower())).text()
    assert "Already used" in page and 'data-state="no"' in page and "Let in at" in page
    page = await (await staff.page("/gate", code="<script>alert(1)</script>")).text()
    assert "Unknown code" in page and "<script>alert" not in page
    for odd in ("%00", "a" * 40, "..", "%E2%80%AE"):
        for found in (f"/slots/{odd}", f"/people/{odd}/identity:reveal"):
            method, body = ("GET", None) if "slots" in found else ("POST", {"reason": "none"})
            assert (await site.api(method, found, body)).status in {404, 405}, found
    gone = await ada.api("DELETE", "/me/pass")
    assert (gone.status, (await gone.json())["code"]) == (409, "already_entered")

    picture = await (await ada.page("/me/pass.png")).read()
    headers = {"X-CSRF-Token": staff.csrf}
    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("L").resize((480, 480)).save(small, "JPEG")
    call = staff.hub.call
    read = await call("POST", "/gate/frame", auth=None, data=small.getvalue(), headers=headers)
    assert await read.json() == {"code": held["code"]}
    bomb = io.BytesIO()
    Image.new("L", (6000, 6000)).save(bomb, "PNG")
    for hostile in (b"", b"GIF89a" + bytes(50), bomb.getvalue(), small.getvalue()[:200]):
        answer = await call("POST", "/gate/frame", auth=None, data=hostile, headers=headers)
        assert answer.status == 422, hostile[:8]
    answer = await call("POST", "/gate/frame", auth=None, data=bytes(300_000), headers=headers)
    assert answer.status == 413


async def test_who_may(site: Any, join: Join) -> None:
    ada, staff = await join(), await join("Gate", gate=True)
    moderator = await join("Mo", role=Role.MODERATOR)
    place = await slot(site)
    for path in ("/gate", "/gate/desk", f"/gate/people/{ada.person}/pass.pdf"):
        assert (await ada.page(path)).status == 404
        assert (await site.call("GET", path, auth=None)).status == 303
    for path in ("/gate", "/gate/desk"):
        assert (await staff.page(path)).status == (await moderator.page(path)).status == 200
    assert (await ada.api("POST", "/gate/scans", {"code": "x"})).status == 403
    desk = {"name": "X", "country": "DE", "identity": PASSPORT}
    assert (await ada.api("POST", "/gate/people", desk)).status == 403
    for someone in (ada, staff, moderator):
        made = {
            "starts_at": "2030-01-01T08:00:00Z",
            "ends_at": "2030-01-01T09:00:00Z",
            "capacity": 1,
        }
        assert (await someone.api("POST", "/slots", made)).status == 403
        assert (await someone.api("PATCH", f"/slots/{place}", {"capacity": 1})).status == 403
        assert (await someone.api("DELETE", f"/slots/{place}")).status == 403
        for person in (ada.person, "u_nobody"):
            body = {"reason": "lost passport"}
            answer = await someone.api("POST", f"/people/{person}/identity:reveal", body)
            assert answer.status == 403
    assert (await site.api("GET", "/me/pass")).status == 403
    assert (await site.api("GET", "/slots", auth=None)).status == 200


async def test_the_desk_registers_a_visitor_and_finds_one_who_is_known(
    site: Any, join: Join
) -> None:
    ada, staff = await join(), await join("Gate", gate=True)
    place = await slot(site)
    form = {"country": "DE", "kind": "passport", "issued": "DE", "consent": "on", "slot": place}
    page = await staff.page("/gate/desk", name="Lena", number="X9", **form)
    text = await page.text()
    assert page.status == 422 and 'value="Lena"' in text and "X9" not in text
    text = await (await staff.page("/gate/desk", name="Lena", number="L8898029", **form)).text()
    assert "Lena is registered." in text
    person = re.search(r"/gate/people/(u_[0-9a-f]{16})/pass.pdf", text)
    assert person is not None
    badge = await staff.page(f"/gate/people/{person[1]}/pass.pdf")
    assert (await badge.read()).startswith(b"%PDF-")
    await ada.api("PUT", "/me/pass", {"slot": place, "identity": PASSPORT})
    body = {"name": "Someone", "country": "DE", "identity": PASSPORT, "slot": place}
    again = await (await staff.api("POST", "/gate/people", body)).json()
    assert (again["person"], again["new"]) == (ada.person, False)
    assert again["pass"]["name"] == "Ada" and again["pass"]["identity"]["last4"] == "0T47"
    taken = await (await site.api("GET", f"/slots/{place}")).json()
    assert taken["taken"] == 2


def variants(number: str) -> list[bytes]:
    """The number as somebody might have kept it: any case, grouped, full width, escaped."""
    forms = {number, number.lower(), number[::-1]}
    forms |= {" ".join(re.findall(f".{{1,{size}}}", number)) for size in (3, 4, 6)}
    forms |= {"-".join(re.findall(f".{{1,{size}}}", number)) for size in (3, 4, 6)}
    forms |= {number[:14], number[4:], "".join(chr(ord(c) + 0xFEE0) for c in number)}
    found = [form.encode(code) for form in forms for code in ("utf-8", "utf-16-le")]
    escaped = "".join(f"\\u{ord(c) + 0xFEE0:04x}" for c in number).encode()
    percent = "".join(f"%{byte:02X}" for c in number for byte in chr(ord(c) + 0xFEE0).encode())
    return [*found, number.encode().hex().encode(), escaped, percent.encode()]


def database_bytes(site: Any) -> list[bytes]:
    """The file and its write-ahead log."""
    kept = site.services.config.server.data_dir
    return [path.read_bytes() for path in kept.rglob("pavilion.sqlite*")]


async def redis_dump(url: str) -> bytes:
    client = redis.from_url(url)
    try:
        kept = [key async for key in client.scan_iter(count=1000)]
        values = [await client.dump(key) or b"" for key in kept]
        texts = [
            await client.get(key) or b"" for key in kept if await client.type(key) == b"string"
        ]
        return b"\0".join([*kept, *values, *texts])
    finally:
        await client.aclose()


async def test_a_number_in_clear_is_nowhere(
    site: Any, join: Join, valkey_url: str, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    """A whole journey; then the database file and its log, Redis, logs and every answer."""
    caplog.set_level(logging.DEBUG)
    bodies: list[bytes] = []

    async def keep(answer: Any) -> Any:
        bodies.append(await answer.read())
        bodies.append(repr([str(answer.url), *answer.headers.items()]).encode())
        return answer

    ada, bo, staff = await join(), await join("Bo"), await join("Gate", gate=True)
    boss = await join("Boss", role=Role.ORGANISER)
    place, later = await slot(site), await slot(site, 1)
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in RESIDENT)
    typed = {"slot": place, "kind": "resident_id", "consent": "on"}
    await keep(await ada.page("/me/pass", **{**typed, "number": RESIDENT + "0"}))
    await keep(await ada.page("/me/pass", **{**typed, "number": RESIDENT, "consent": ""}))
    await keep(await ada.page("/me/pass", **{**typed, "number": RESIDENT, "slot": "x" * 40}))
    await keep(await ada.page("/me/pass", **{**typed, "number": full_width}))
    await keep(await bo.page("/me/pass", **{**typed, "number": RESIDENT}))
    identity = {"kind": "resident_id", "country": "CN", "number": RESIDENT, "consent": True}
    await keep(await bo.api("PUT", "/me/pass", {"slot": place, "identity": identity}))
    for broken in ({"kind": "licence"}, {"number": [RESIDENT]}, {"country": RESIDENT}, {"x": 1}):
        wrong = {"slot": place, "identity": {**identity, **broken}}
        assert (await keep(await bo.api("PUT", "/me/pass", wrong))).status == 422
    held = await (await keep(await ada.api("GET", "/me/pass"))).json()
    for path in ("/me/pass", "/me/pass.pdf", "/me/pass.png"):
        await keep(await ada.page(path))
    await keep(await ada.api("PUT", "/me/pass", {"slot": later}))
    await keep(await ada.api("PUT", "/me/pass", {"slot": place}))
    desk = {"country": "CN", "kind": "resident_id", "issued": "CN", "name": "Ada", "consent": "on"}
    await keep(await staff.page("/gate/desk", **desk, number=RESIDENT, slot=place))
    await keep(await staff.page("/gate/desk", **{**desk, "country": "XX"}, number=RESIDENT))
    await keep(await staff.api("POST", "/gate/scans", {"code": held["code"]}))
    assert (
        b"Already used" in await (await keep(await staff.page("/gate", code=held["code"]))).read()
    )

    # The one place it may be read, and that is written down, without it.
    reveal = f"/people/{ada.person}/identity:reveal"
    shown = await boss.api("POST", reveal, {"reason": "lost wallet"})
    assert (await shown.json())["number"] == RESIDENT
    rows, _ = await site.services.fair.audit.list(act="identity.reveal")
    assert [(row.actor, row.target) for row in rows] == [(boss.person, f"person:{ada.person}")]
    assert rows[0].detail == {"reason": "lost wallet"}

    files = database_bytes(site)
    assert len(files) >= 2 and any(b"002X" in file for file in files), "the last four are there"
    logs = repr([record.__dict__ for record in caplog.records]).encode()
    logs += "".join(capfd.readouterr()).encode() + caplog.text.encode()
    assert b"/me/pass" in logs
    places = {"database": b"".join(files), "redis": await redis_dump(valkey_url), "logs": logs,
              "answers": b"\0".join(bodies)}  # fmt: skip
    for variant in variants(RESIDENT):
        for name, content in places.items():
            assert variant not in content, f"{variant!r} is in the {name}"


async def test_numbers_go_when_the_fair_is_over(site: Any, join: Join) -> None:
    ada = await join()
    await ada.api("PUT", "/me/pass", {"slot": await slot(site), "identity": PASSPORT})
    job = retention(site.services)
    await job()
    shown = await site.services.fair.passes.identity(ada.person)
    assert shown is not None and not shown.erased
    engine = make_engine(site.services.config.database_url)
    async with transaction(engine) as connection:
        await connection.execute(sa.update(identities).values(created_ms=1))
    await job()
    shown = await site.services.fair.passes.identity(ada.person)
    assert shown is not None and shown.erased
    await engine.dispose()
