"""Companies by page and API: who may what, hostile texts, uploads, exports."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from PIL import Image

from hub import sheets
from hub.ports.people import Registration
from rooms.model import Identity, Role
from tests.web.conftest import Hub

PDF = b"%PDF-1.7\n" + b"x" * 50 + b"\n%%EOF\n"


@dataclass
class Person:
    """Someone signed in, in a browser of their own."""

    hub: Hub
    id: str
    csrf: str

    async def post(self, path: str, **fields: str) -> aiohttp.ClientResponse:
        data = {**({"csrf": self.csrf} if self.csrf else {}), **fields}
        return await self.hub.call("POST", path, auth=None, data=data)

    async def upload(self, path: str, field: str, name: str, raw: bytes, **fields: str) -> Any:
        form = aiohttp.FormData({"csrf": self.csrf, **fields})
        form.add_field(field, raw, filename=name, content_type="application/octet-stream")
        return await self.hub.call("POST", path, auth=None, data=form)

    async def get(self, path: str) -> aiohttp.ClientResponse:
        return await self.hub.call("GET", path, auth=None)

    async def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {"X-CSRF-Token": self.csrf, **headers} if self.csrf else headers
        return await self.hub.api(method, path, body, auth=None, headers=given)


class Fair:
    def __init__(self, site: Hub, stack: AsyncExitStack) -> None:
        self.site, self.stack = site, stack
        self.companies = site.services.fair.companies

    async def person(self, name: str, role: Role = Role.PARTICIPANT) -> Person:
        made = await self.site.services.fair.people.create(
            Registration(name=name, email=f"{secrets.token_hex(4)}@example.org", password="",
                         country="DE", privacy_version=1, organisation="=1+1"),
            verified=True, role=role,
        )  # fmt: skip
        assert made is not None
        browser = await self.stack.enter_async_context(self.site.browser())
        identity = Identity(id=made.id, name=made.name, role=made.role)
        cookie, session = await self.site.services.directory.open_session(identity, 600)
        browser.http.cookie_jar.update_cookies({"pavilion": cookie})
        return Person(browser, made.id, session.csrf)

    async def nobody(self) -> Person:
        return Person(await self.stack.enter_async_context(self.site.browser()), "", "")

    async def company(self, slug: str = "pearl", **fields: Any) -> str:
        body = {"slug": slug, "name": slug.title(), "sector": "business", "country": "CN"}
        answer = await self.site.api("POST", "/companies", {**body, **fields})
        assert answer.status == 201, await answer.text()
        return slug


@pytest.fixture
async def fair(site: Hub) -> AsyncIterator[Fair]:
    async with AsyncExitStack() as stack:
        yield Fair(site, stack)


async def test_who_may_what(fair: Fair) -> None:
    """Every page and call, for each kind of person: not allowed is as if it did not exist."""
    await fair.company()
    await fair.company("draft", published=False)
    people = {
        "owner": await fair.person("Olga"),
        "editor": await fair.person("Ed"),
        "staff": await fair.person("Stan"),
        "visitor": await fair.person("Vera"),
        "nobody": await fair.nobody(),
    }
    organiser = await fair.nobody()
    organiser.csrf = await organiser.hub.sign_in(Role.ORGANISER)
    people["organiser"] = organiser
    for role in ("owner", "editor", "staff"):
        for slug in ("pearl", "draft"):
            await fair.companies.set_staff(slug, people[role].id, role, None, True)
    staff = {"owner", "editor", "staff", "organiser"}
    editors, owners = staff - {"staff"}, {"owner", "organiser"}
    pages = {
        "/companies/draft": staff, "/companies/pearl/edit": editors,
        "/companies/pearl/staff": owners, "/companies/pearl/cards": staff,
        "/companies/pearl/cards.csv": staff, "/companies/pearl/visitors.xlsx": staff,
    }  # fmt: skip
    for path, allowed in pages.items():
        for name, who in people.items():
            answer = await who.get(path)
            signin = name == "nobody" and path != "/companies/draft"
            expected = 200 if name in allowed else 303 if signin else 404
            assert answer.status == expected, (path, name)
            if answer.status == 404:
                other = await who.get(path.replace("pearl", "no-such").replace("draft", "no-such"))
                assert other.status == 404
    posts = {
        "/companies/pearl/edit": editors, "/companies/pearl/logo/remove": editors,
        "/companies/pearl/files": editors, "/companies/pearl/invites": owners,
        "/companies/pearl/staff/u_x/remove": owners,
    }  # fmt: skip
    for path, allowed in posts.items():
        for name, who in people.items():
            answer = await who.post(path)
            refused = {303} if name == "nobody" else {404}
            assert (answer.status in refused) != (name in allowed), (path, name, answer.status)
    etag = (await fair.site.api("GET", "/companies/pearl")).headers["ETag"]
    for name, who in people.items():
        answer = await who.api("PATCH", "/companies/pearl", {"name": "Pearl"}, **{"If-Match": etag})
        assert answer.status == (200 if name in editors else 401 if name == "nobody" else 403), name
        if answer.status == 200:
            etag = answer.headers["ETag"]
        answer = await who.api("PATCH", "/companies/pearl", {"booth": "A1"}, **{"If-Match": etag})
        ours = {"organiser": 200, "nobody": 401, "visitor": 403, "staff": 403}
        assert answer.status == ours.get(name, 422), name
        etag = (await fair.site.api("GET", "/companies/pearl")).headers["ETag"]
        for path in ("/companies/draft", "/companies/draft/staff"):
            status = (await who.api("GET", path)).status
            anonymous = 401 if name == "nobody" and path.endswith("staff") else 404
            assert status == (200 if name in staff else anonymous), (path, name)
        expected = {"organiser": 404, "nobody": 401}.get(name, 403)
        answer = await who.api("PUT", "/companies/pearl/staff/u_x", {"role": "staff"})
        assert answer.status == expected, name
    # A room token, however high its role, is no organiser here.
    token = fair.site.token("hall", Role.ORGANISER)
    assert (await fair.site.api("DELETE", "/companies/pearl", auth=token)).status == 403
    assert (await fair.site.api("GET", "/companies/draft", auth=token)).status == 404
    # Without the CSRF token nothing happens.
    owner = people["owner"]
    owner.csrf = ""
    assert (await owner.post("/companies/pearl/logo/remove")).status == 403


async def test_directory_page_and_api(fair: Fair) -> None:
    await fair.company("pearl", name="Pearl Robotics", names={"zh-Hans": "珠江机器人"})
    await fair.company("lotus", name="<script>alert(1)</script>", country="DE",
                       summary={"zh-Hans": "数字贸易"}, on_site=True)  # fmt: skip
    for i in range(30):
        await fair.company(f"c-{i:02}", sector="health")
    nobody = await fair.nobody()

    async def page(query: str, language: str = "en") -> str:
        answer = await nobody.get(f"/companies?lang={language}{query}")
        assert answer.status == 200
        return await answer.text()

    assert "Pearl Robotics" in await page("&q=robot")
    assert "珠江机器人" in await page("&q=機器人", "zh-Hans")
    assert 'id="similar"' in await page("&q=Perl+Robotiks")
    html = await page("&q=贸易")
    assert "&lt;script&gt;alert(1)" in html and "<script>alert" not in html
    html = await page("&sector=health&nonsense=1&country=xx")
    assert len(html.encode()) < 100_000 and "(30)" in html
    following = re.search(r'href="([^"]+)" rel="next"', html)
    assert following and "sector=health" in following[1]
    rest = await (await nobody.get(following[1].replace("&amp;", "&"))).text()
    assert rest.count('class="firm"') == 6
    assert (await nobody.get("/companies?cursor=broken")).status == 303

    answer = await (await nobody.api("GET", "/companies?country=DE&on_site=true")).json()
    assert [one["slug"] for one in answer["items"]] == ["lotus"]
    assert answer["facets"]["countries"] == {"DE": 1} and answer["total"] == 1
    for bad in ("cursor=x", "country=ZZ", "sector=A", "on_site=yes", "limit=0"):
        assert (await nobody.api("GET", f"/companies?{bad}")).status == 422, bad


async def test_hostile_texts_and_links(fair: Fair) -> None:
    cases: dict[str, tuple[Any, str]] = {
        "name": ("a\u202eb", "bad_text"), "website": ("javascript:alert(1)", "bad_format"),
        "country": ("ZZ", "not_allowed"), "sector": ("no-such", "unknown_sector"),
        "booth": ("x" * 33, "too_long"), "slug": ("Ä", "bad_format"),
    }  # fmt: skip
    good = {"slug": "jade", "name": "Jade", "sector": "business", "country": "CN"}
    for field, (value, code) in cases.items():
        answer = await fair.site.api("POST", "/companies", {**good, field: value})
        errors = (await answer.json())["errors"]
        assert (answer.status, errors) == (422, [{"field": field, "code": code}])
    for url in (
        "data:text/html,x", "//evil.example", "https://user:pw@evil.example", "http://a b.example",
        "https:\\\\evil.example", "https://evil.example\n", "ftp://evil.example", "https://",
    ):  # fmt: skip
        links = [{"title": "x", "url": url}]
        answer = await fair.site.api("POST", "/companies", {**good, "links": links})
        assert answer.status == 422, url
    assert await fair.companies.get("jade") is None


async def test_staff_edit_their_page(fair: Fair) -> None:
    await fair.company()
    editor = await fair.person("Ed")
    await fair.companies.set_staff("pearl", editor.id, "editor", "<b>Chief</b>", True)
    form = {
        "version": "1", "name": "Pearl & Co", "sector": "health", "country": "DE", "booth": "A1",
        "published": "", "about_en": "One.\n\nTwo <i>", "about_zh_Hans": "一。",
        "link_title_0": "Shop", "link_url_0": "https://pearl.example/x?a=1&b=2",
    }  # fmt: skip
    bad = await editor.post("/companies/pearl/edit", **{**form, "link_url_0": "javascript:1"})
    text = await bad.text()
    assert bad.status == 422 and "Pearl &amp; Co" in text and "f-link_url_0-fault" in text
    assert (await editor.post("/companies/pearl/edit", **form)).status == 303
    stale = await editor.post("/companies/pearl/edit", **form)
    assert stale.status == 422 and "changed this meanwhile" in await stale.text()
    one = await fair.companies.get("pearl")
    assert one is not None
    # What is the organiser's to decide stays, whatever is sent.
    assert (one.draft.booth, one.draft.published, one.draft.sector) == (None, True, "health")
    page = await (await editor.get("/companies/pearl?lang=zh-Hans")).text()
    assert "一。" in page and "&lt;b&gt;Chief&lt;/b&gt;" in page
    assert 'rel="noopener noreferrer nofollow ugc"' in page
    assert "Two &lt;i&gt;" in await (await editor.get("/companies/pearl?lang=en")).text()


async def test_uploads_and_downloads(fair: Fair) -> None:
    await fair.company()
    editor = await fair.person("Ed")
    await fair.companies.set_staff("pearl", editor.id, "editor", None, True)
    raw = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(raw, "PNG")
    answer = await editor.upload("/companies/pearl/logo", "logo", "x.svg", raw.getvalue())
    assert answer.status == 303
    page = await (await editor.get("/companies/pearl")).text()
    media = re.search(r'src="(/media/[0-9a-f]{64}\.webp)"', page)
    assert media
    picture = await editor.get(media[1])
    assert picture.headers["Content-Type"] == "image/webp"
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in picture.headers["Cache-Control"]
    for name, body in (("x.png", b"<svg onload=alert(1)>"), ("x.png", bytes(6 * 1024 * 1024))):
        assert (await editor.upload("/companies/pearl/logo", "logo", name, body)).status == 422, (
            name
        )

    path = "/companies/pearl/files"
    answer = await editor.upload(path, "file", '../a"b.html', PDF, title="Brochure")
    assert answer.status == 303
    answer = await editor.upload(path, "file", "a.pdf", b"<html>", title="Page")
    assert answer.status == 422
    [file] = await fair.companies.files("pearl")
    nobody = await fair.nobody()
    got = await nobody.get(f"{path}/{file.id}")
    assert await got.read() == PDF
    assert got.headers["Content-Disposition"].startswith("attachment;")
    assert got.headers["Content-Type"] == "application/pdf"
    assert "sandbox" in got.headers["Content-Security-Policy"]
    assert (await nobody.get("/media/" + file.hash + ".webp")).status == 404  # pictures alone


async def test_favourites_cards_and_exports(fair: Fair) -> None:
    await fair.company()
    await fair.company("draft", published=False)
    owner, vera = await fair.person("Olga"), await fair.person("=cmd|calc")
    await fair.companies.set_staff("pearl", owner.id, "owner", None, True)
    assert (await vera.get("/companies/pearl")).status == 200  # a visit
    answer = await vera.post("/companies/pearl/favour", on="1", back="//evil.example")
    assert (answer.status, answer.headers["Location"]) == (303, "/companies/pearl")
    assert "Pearl" in await (await vera.get("/me/favourites")).text()
    assert (await vera.api("DELETE", "/me/favourites/pearl")).status == 204
    assert (await vera.api("PUT", "/me/favourites/draft")).status == 404
    listed = await (await vera.api("GET", "/me/favourites")).json()
    assert listed == {"items": [], "next": None}

    answer = await vera.post("/companies/pearl/card", note="+1 <b>call</b>\r\nme")
    assert answer.status == 303
    assert (await vera.post("/companies/draft/card")).status == 404
    assert (await vera.post("/companies/pearl/card", note="x\u202ey")).status == 422
    page = await (await owner.get("/companies/pearl/cards")).text()
    assert "&lt;b&gt;call" in page and "=cmd|calc" in page
    csv = (await (await owner.get("/companies/pearl/cards.csv")).read()).decode("utf-8-sig")
    assert "'=cmd|calc" in csv and "'=1+1" in csv and "'+1 <b>" in csv
    sheet = sheets.read_sheet(await (await owner.get("/companies/pearl/cards.xlsx")).read())
    assert [row[0] for _, row in sheet.rows()] == ["=cmd|calc"]
    visitors = await (await owner.get("/companies/pearl/visitors.csv")).text()
    person = await fair.site.services.fair.people.get(vera.id)
    assert person is not None and ("'=cmd" in visitors) == person.listed
    assert (await vera.api("DELETE", "/me/cards/pearl")).status == 204
    assert (await (await vera.api("GET", "/me/cards")).json())["items"] == []
    for call in (vera.hub.api("PUT", "/me/favourites/pearl"), fair.site.api("GET", "/me/cards")):
        assert (await call).status == 403  # the organiser key is no person


async def test_invitations_by_mail(fair: Fair) -> None:
    await fair.company()
    owner, colleague, other = [await fair.person(name) for name in ("Olga", "Col", "Oth")]
    await fair.companies.set_staff("pearl", owner.id, "owner", None, True)
    bad = await owner.post("/companies/pearl/invites", email="nonsense", role="editor")
    assert bad.status == 422
    sent = await owner.post("/companies/pearl/invites", email="col@example.org", role="editor")
    assert sent.status == 303
    mails, _ = await fair.site.services.fair.mails.outbox(None, 10)
    link = re.search(r"/invitations/\S+", mails[0].text)
    assert link and mails[0].address == "col@example.org"
    assert link[0].split("/")[-1] not in await (await owner.get("/companies/pearl/staff")).text()
    assert (await colleague.get(link[0])).status == 200  # looking uses nothing up
    nobody = await fair.nobody()
    assert (await nobody.post(link[0])).status == 303
    assert (await colleague.post(link[0])).status == 303
    assert await fair.companies.role_of("pearl", colleague.id) == "editor"
    assert (await other.get(link[0])).status == 404
    await other.post(link[0])
    assert await fair.companies.role_of("pearl", other.id) is None
    last = await owner.post(f"/companies/pearl/staff/{owner.id}", role="staff")
    assert last.headers["Location"].endswith("done=last_owner")
