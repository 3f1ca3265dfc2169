"""Accounts through the pages and the API: from registering to being gone."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import unquote

import pyotp
import pytest

from hub.config import Limits
from hub.web.auth import safe_next
from rooms.model import Role

#: Argon2 at its cheapest: what is tested here is not how long it takes.
CHEAP = Limits(password_memory_kib=8, password_passes=1)
PASSWORD = "seven purple boats"
FORM = {
    "name": "李 Ana", "email": "Ana@Example.org", "password": PASSWORD, "country": "CN",
    "organisation": "Hai Trading", "position": "Buyer", "sectors": ["finance", "health"],
    "languages": ["zh", "en"], "agree": "on",
}  # fmt: skip


@pytest.fixture
async def fair(start: Any) -> Any:
    """A hub; what earlier tests counted in the Redis they share is forgotten."""
    site = await start(limits=CHEAP)
    for email in ("ana@example.org", "new@example.org", "nobody@example.org"):
        for what in ("mail", "signin"):
            await site.services.vault.uncount(what, email)
        await site.services.vault.uncount("signin-from", f"{email} 127.0.0.1")
    for what in ("failures", "register", "reset"):
        await site.services.vault.uncount(what, "127.0.0.1")
    return site


def flat(fields: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, item)
        for name, value in fields.items()
        for item in (value if isinstance(value, list) else [value])
    ]


async def post(site: Any, path: str, fields: dict[str, Any], **more: Any) -> Any:
    """Send a form as its page would: with the hidden fields the page carries."""
    if more.pop("hidden", True):
        text = await (await site.call("GET", more.pop("page", path), auth=None)).text()
        main = text.partition('<main id="main"')[2]
        found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', main))
        fields = {**found, **fields}
    return await site.call("POST", path, auth=None, data=flat(fields), **more)


async def mails_to(site: Any, address: str) -> list[Any]:
    found, _ = await site.services.fair.mails.outbox(None, 200)
    return [mail for mail in found if mail.address.lower() == address.lower()]


async def link_to(site: Any, address: str) -> str:
    """The path of the newest link mailed there."""
    newest = (await mails_to(site, address))[0]
    return re.search(r"https?://[^/]+(/(?:verify|reset)/\S+)", newest.text)[1]


async def join(site: Any, email: str = "ana@example.org", **fields: Any) -> Any:
    """Register and verify; the account."""
    answer = await post(site, "/register", {**FORM, "email": email, **fields})
    assert answer.status == 303, await answer.text()
    answer = await post(site, await link_to(site, email), {}, hidden=False)
    assert answer.status == 200
    return await site.services.fair.people.by_email(email)


async def login(
    site: Any, email: str = "ana@example.org", password: str = PASSWORD, to: str = ""
) -> Any:
    path = "/login" + (f"?next={to}" if to else "")
    return await post(site, "/login", {"email": email, "password": password}, page=path)


async def test_from_registering_to_my_page_by_form(fair: Any) -> None:
    answer = await post(fair, "/register", FORM)
    assert answer.status == 303, re.findall(r"f-\w+-fault.*?</span>", await answer.text())
    assert answer.headers["Location"] == "/register/done"
    link = await link_to(fair, "ana@example.org")
    refused = await login(fair)
    assert refused.status == 403 and "not confirmed" in await refused.text()
    first, link = link, await link_to(fair, "ana@example.org")
    assert first != link, "a right password before the confirmation sends a new link"
    assert (await fair.call("POST", first, auth=None)).status == 403
    for _ in range(2):  # a preview that follows the link does not use it up
        assert "Confirm my address" in await (await fair.call("GET", link, auth=None)).text()
    assert (await fair.call("POST", link, auth=None)).status == 200
    assert (await fair.call("POST", link, auth=None)).status == 403
    asked = await fair.call("GET", "/me", auth=None)
    assert unquote(asked.headers["Location"]) == "/login?next=/me"
    answer = await login(fair, to="/me/privacy")
    assert answer.status == 303 and answer.headers["Location"] == "/me/privacy"
    page = await (await fair.call("GET", "/me", auth=None)).text()
    assert 'value="李 Ana"' in page and 'value="Hai Trading"' in page
    answer = await post(fair, "/me", {**FORM, "name": "Ana Li", "language": "en"}, page="/me")
    assert answer.status == 303, await answer.text()
    assert "Ana Li" in await (await fair.call("GET", "/me", auth=None)).text()


async def test_a_refused_form_says_why_and_keeps_what_was_typed(fair: Any) -> None:
    hostile = {**FORM, "name": "Eve\u202e<b>", "email": "no", "password": "short", "country": "ZZ",
               "sectors": ["nonsense"], "organisation": "<script>alert(1)</script>"}  # fmt: skip
    del hostile["agree"]
    answer = await post(fair, "/register", hostile)
    text = await answer.text()
    assert answer.status == 422
    for field in ("name", "email", "password", "country", "agree"):
        assert f'id="f-{field}-fault"' in text and f'href="#f-{field}"' in text, field
    assert 'value="&lt;script&gt;alert(1)&lt;/script&gt;"' in text and "<script>alert" not in text
    assert "short" not in text.partition('<main id="main"')[2].replace("too short", "")
    assert (await fair.services.fair.people.count()) == 0
    for name in ("x" * 10_000, "a\u200bb", "\x00", " "):
        assert (await post(fair, "/register", {**FORM, "name": name})).status == 422
    other = await post(fair, "/register", {**FORM, "sectors": ["nonsense"]})
    assert other.status == 422 and 'id="f-sectors-fault"' in await other.text()
    stale = await post(fair, "/register", {**FORM, "privacy_version": "999"})
    assert stale.status == 422 and "has changed" in await stale.text()


async def test_nobody_learns_who_has_an_account(fair: Any) -> None:
    await join(fair)
    answers = {}
    for email in ("ana@example.org", "new@example.org"):
        seen = []
        for path, fields in (
            ("/register", {**FORM, "email": email}), ("/reset", {"email": email}),
            ("/login", {"email": email, "password": "not the password"}),
        ):  # fmt: skip
            answer = await post(fair, path, fields)
            body = (await answer.text()).replace(email, "")
            seen.append((answer.status, answer.headers.get("Location"), body))
        body = {k: v for k, v in FORM.items() if k != "agree"}
        answer = await fair.api(
            "POST", "/people", {**body, "email": email, "privacy_version": 1}, auth=None
        )
        seen.append((answer.status, await answer.text(), ""))
        device = {"email": email, "password": "not the password", "name": "phone"}
        answer = await fair.api("POST", "/devices", device, auth=None)
        seen.append((answer.status, (await answer.json())["code"], ""))
        answers[email] = seen
    assert answers["ana@example.org"] == answers["new@example.org"]
    known = await mails_to(fair, "ana@example.org")
    assert "known" in {mail.kind for mail in known}, "its owner is told"
    assert (await fair.services.fair.people.by_email("ana@example.org")).name == FORM["name"]


async def test_an_account_made_ahead_of_its_owner_is_worth_nothing(fair: Any) -> None:
    await post(fair, "/register", {**FORM, "name": "Mallory", "password": "mallory was first"})
    first = await link_to(fair, FORM["email"])
    await post(fair, "/register", FORM)
    assert (await fair.call("POST", first, auth=None)).status == 403
    assert (await fair.call("POST", await link_to(fair, FORM["email"]), auth=None)).status == 200
    assert (await login(fair, password="mallory was first")).status == 422
    assert (await login(fair)).status == 303


async def test_passwords_are_not_stuffed(fair: Any) -> None:
    await join(fair)
    for email in ("ana@example.org", "nobody@example.org"):
        statuses = [
            (await post(fair, "/login", {"email": email, "password": f"guess {n} x"},
                        hidden=False)).status
            for n in range(12)
        ]  # fmt: skip
        assert statuses == [422] * 10 + [429] * 2, "the same for one that is known and not"
    assert (await login(fair)).status == 429, "even with the right one, from there"
    device = {"email": "ana@example.org", "password": PASSWORD, "name": "phone"}
    answer = await fair.api("POST", "/devices", device, auth=None)
    assert answer.status == 429 and int(answer.headers["Retry-After"]) > 60


async def test_the_second_factor(fair: Any) -> None:
    me = await join(fair)
    people = fair.services.fair.people
    await people.appoint(me.id, role=Role.ORGANISER)
    answer = await login(fair)
    assert answer.headers["Location"] == "/me/security/totp", "made to enrol"
    assert (await fair.call("GET", "/organise/mail", auth=None)).status == 404, (
        "and no organiser yet"
    )
    page = "/me/security/totp"
    assert (await post(fair, page, {"current": "wrong password"})).status == 422
    assert (await post(fair, page, {"current": PASSWORD})).status == 303
    text = await (await fair.call("GET", page, auth=None)).text()
    secret = re.search(r'class="secret">([^<]+)<', text)[1].replace(" ", "")
    assert "<svg" in text.partition('class="qr"')[2]
    totp = pyotp.TOTP(secret)
    assert (await post(fair, page + "/confirm", {"code": "000000"}, page=page)).status == 422
    code = totp.now()
    text = await (await post(fair, page + "/confirm", {"code": code}, page=page)).text()
    recovery = re.findall(r'<li class="secret">([^<]+)<', text)
    assert len(recovery) == 10
    assert (await fair.call("GET", "/organise/mail", auth=None)).status == 200

    async with fair.browser() as other:
        answer = await login(other, to="/organise/mail")
        assert unquote(answer.headers["Location"]) == "/login/code?next=/organise/mail"
        assert (await other.call("GET", "/me", auth=None)).status == 303, "not in yet"
        used = await post(other, "/login/code", {"code": code})
        assert used.status == 422, "the code that switched it on is used up"
        following = totp.at(int(time.time()) + 30)
        right = await post(
            other, "/login/code", {"code": following}, page=answer.headers["Location"]
        )
        assert right.status == 303 and right.headers["Location"] == "/organise/mail"
        assert (await other.call("GET", "/me", auth=None)).status == 200
    async with fair.browser() as third:
        await login(third)
        assert (await post(third, "/login/code", {"code": recovery[0].upper()})).status == 303
        await login(third)
    assert not await people.second(me.id, recovery[0])
    device = {"email": me.email, "password": PASSWORD, "name": "phone"}
    answer = await fair.api("POST", "/devices", device, auth=None)
    assert (await answer.json())["code"] == "code_needed"
    lost = await (await fair.api("PATCH", f"/people/{me.id}", {"second_factor": False})).json()
    assert not lost["second_factor"] and lost["role"] == "organiser"
    assert (await fair.call("GET", "/organise/mail", auth=None)).status == 404, "enrol again"
    acts, _ = await fair.services.fair.audit.list(limit=1)
    assert acts[0].act == "person.appoint" and acts[0].target == f"person:{me.id}"


async def test_a_role_or_block_acts_at_once_and_sessions_end(fair: Any) -> None:
    me = await join(fair)
    assert (await login(fair)).status == 303
    cookie = fair.http.cookie_jar.filter_cookies(fair.base)["pavilion"].value
    async with fair.browser() as phone:
        await login(phone)
        page = await (await fair.call("GET", "/me/security", auth=None)).text()
        rows = re.findall(r'name="session" value="([0-9a-f]{64})"', page)
        assert len(rows) == 1
        answer = await post(
            fair, "/me/security/sessions", {"session": rows[0]}, page="/me/security"
        )
        assert answer.status == 303
        assert (await phone.call("GET", "/me", auth=None)).status == 303, "signed out"
        await login(phone)
        change = {"current": PASSWORD, "password": "nine yellow kites"}
        answer = await post(fair, "/me/security/password", change, page="/me/security")
        assert answer.status == 303
        assert (await phone.call("GET", "/me", auth=None)).status == 303, "and by a new password"
        assert (await fair.call("GET", "/me", auth=None)).status == 200
    directory = fair.services.directory
    fields = {"email": FORM["email"], "password": "nine yellow kites"}
    csrf = (await directory.session(cookie)).csrf
    answer = await post(fair, "/login", {**fields, "csrf": csrf}, hidden=False)
    assert answer.status == 303
    assert await directory.session(cookie) is None, "another session at each sign-in"
    cookie = fair.http.cookie_jar.filter_cookies(fair.base)["pavilion"].value
    await fair.services.fair.people.appoint(me.id, gate=True)
    assert (await directory.session(cookie)).gate
    await fair.services.fair.people.appoint(me.id, blocked=True)
    assert await directory.session(cookie) is None
    assert (await fair.call("GET", "/me", auth=None)).status == 303
    async with fair.browser() as other:
        assert (await login(other, password="nine yellow kites")).status == 422


async def test_another_site_cannot_act_and_next_stays_here(fair: Any) -> None:
    await join(fair)
    await login(fair)
    for fields in ({}, {"csrf": "x" * 43}):
        answer = await post(fair, "/me/privacy", {"listed": "on", **fields}, hidden=False)
        assert answer.status == 403
    foreign = {"Origin": "https://evil.example"}
    async with fair.browser() as other:
        answer = await post(other, "/login", {"email": FORM["email"], "password": PASSWORD},
                            hidden=False, headers=foreign)  # fmt: skip
        assert answer.status == 403 and "Set-Cookie" not in answer.headers
        answer = await login(other, to="//evil.example/")
        assert answer.headers["Location"] == "/me"
    for bad in ("//evil", "/\\evil", "https://evil", "/a\nb", "/\tx", "javascript:x", "", "me"):
        assert safe_next(bad) == "/me"
    assert safe_next("/rooms/a?x=1") == "/rooms/a?x=1"


async def test_an_app_signs_in_refreshes_and_enters(fair: Any) -> None:
    body = {k: v for k, v in FORM.items() if k != "agree"} | {"privacy_version": 1}
    assert (await fair.api("POST", "/people", body, auth=None)).status == 202
    token = (await link_to(fair, body["email"])).rpartition("/")[2]
    assert (await fair.api("POST", "/people:verify", {"token": token}, auth=None)).status == 200
    device = {"email": body["email"], "password": PASSWORD, "name": "My phone"}
    grant = await (await fair.api("POST", "/devices", device, auth=None)).json()
    access = grant["access_token"]
    me = await (await fair.api("GET", "/me", auth=access)).json()
    assert me["name"] == FORM["name"] and me["verified"] and me["role"] == "participant"
    answer = await fair.api("PATCH", "/me", {"organisation": None, "shows": []}, auth=access)
    assert (await answer.json())["organisation"] is None
    assert (await fair.api("PATCH", "/me", {"role": "organiser"}, auth=access)).status == 422
    assert (await fair.api("POST", "/tickets", auth=access)).status == 201
    assert (await fair.api("GET", "/people", auth=access)).status == 403
    assert (await fair.api("GET", "/me")).status == 403, "the organiser key is nobody"
    refresh = {"refresh_token": grant["refresh_token"]}
    fresh = await (await fair.api("POST", "/devices:refresh", refresh, auth=None)).json()
    assert fresh["device"] == grant["device"]
    rows = (await (await fair.api("GET", "/me/sessions", auth=fresh["access_token"])).json())[
        "items"
    ]
    assert [row["agent"] for row in rows] == ["My phone"]
    stolen = await fair.api("POST", "/devices:refresh", refresh, auth=None)
    assert stolen.status == 403 and (await stolen.json())["code"] == "signed_out"
    for old in (access, fresh["access_token"]):
        assert (await fair.api("GET", "/me", auth=old)).status == 401, "a copy ends the app"
    refresh = {"refresh_token": fresh["refresh_token"]}
    assert (await fair.api("POST", "/devices:refresh", refresh, auth=None)).status == 403


async def test_a_copy_of_my_data_and_then_nothing(fair: Any) -> None:
    me = await join(fair)
    await login(fair)
    copy = await fair.call("GET", "/me/data.json", auth=None)
    text = await copy.text()
    assert "attachment" in copy.headers["Content-Disposition"] and "Hai Trading" in text
    assert "$argon2" not in text and "csrf" not in text and "/verify/" not in text
    wrong = {"current": "not my password", "sure": "on"}
    assert (await post(fair, "/me/data/erase", wrong, page="/me/data")).status == 422
    gone = await post(fair, "/me/data/erase", {"current": PASSWORD, "sure": "on"}, page="/me/data")
    assert gone.status == 303
    assert (await fair.call("GET", "/me", auth=None)).status == 303
    left = await fair.services.fair.people.get(me.id)
    assert left.email is None and left.name != me.name and left.country == "CN"
    assert (await join(fair)).id != me.id, "the address is free again"
    answer = await fair.api("GET", "/people?q=hai")
    assert [row["id"] for row in (await answer.json())["items"]] != [me.id]


async def test_a_forgotten_password(fair: Any) -> None:
    await join(fair)
    await login(fair)
    assert (await post(fair, "/reset", {"email": "ANA@example.org"})).status == 303
    link = await link_to(fair, "ana@example.org")
    fields = {"password": "eleven green doors"}
    assert (await post(fair, link, {"password": "1234567890"})).status == 422
    assert (await post(fair, link, fields)).status == 200
    assert (await fair.call("GET", "/me", auth=None)).status == 303, "signed out everywhere"
    assert (await post(fair, link, fields)).status == 403
    assert (await login(fair)).status == 422
    assert (await login(fair, password="eleven green doors")).status == 303
