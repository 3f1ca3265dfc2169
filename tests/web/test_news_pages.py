"""Announcements and figures by page and API: who may, what is refused, what comes of it."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from hub.web.figures_api import glance
from rooms.model import Role
from tests.web.conftest import Hub

API = "/api/v1/announcements"


def soon(**more: float) -> str:
    return (datetime.now(UTC) + timedelta(**(more or {"hours": 1}))).isoformat()


async def codes(response: aiohttp.ClientResponse) -> dict[str, str]:
    body = await response.json()
    return {error["field"]: error["code"] for error in body.get("errors", [])}


async def test_the_api_announces_lists_and_withdraws(site: Hub) -> None:
    async with site.http.ws_connect(
        site.base + "/news", protocols=["pavilion.news.v1"], origin=site.base
    ) as page:
        assert (await page.receive_json(timeout=5))[0]["type"] == "current"
        body = {"texts": {"en": "Hello", "zh-Hans": "你好"}, "until": soon()}
        made = await site.call("POST", API, body)
        assert made.status == 201
        one = await made.json()
        assert one["current"] and one["audience"]["roles"] == [] and one["withdrawn_at"] is None
        (told,) = await page.receive_json(timeout=5)
        assert (told["id"], told["texts"]) == (one["id"], body["texts"])
        got = await site.call("GET", f"{API}/{one['id']}")
        assert await got.json() == one
        assert (await site.call("DELETE", f"{API}/{one['id']}")).status == 200
        assert (await page.receive_json(timeout=5))[0] == {"type": "withdrawn", "id": one["id"]}
    listed = await (await site.call("GET", API)).json()
    assert [(item["id"], item["current"]) for item in listed["items"]] == [(one["id"], False)]
    rows, _ = await site.services.fair.audit.list(target=f"announcement:{one['id']}")
    assert {row.act for row in rows} == {"announcement.create", "announcement.withdraw"}


async def test_what_is_wrong_is_named_and_announces_nothing(site: Hub) -> None:
    good: dict[str, Any] = {"texts": {"en": "Hello"}, "until": soon()}
    for change, wanted in (
        ({"texts": {}}, {"texts": "too_short"}),
        ({"texts": {"en": "a\u202eb"}}, {"texts.en": "bad_text"}),
        ({"texts": {"en": "x" * 1001}}, {"texts.en": "too_long"}),
        ({"until": soon(hours=-1)}, {"until": "past"}),
        ({"until": soon(days=90)}, {"until": "out_of_range"}),
        ({"audience": {"sectors": ["no-such"]}}, {"audience.sectors": "unknown_sector"}),
        ({"audience": {"countries": ["XX"]}}, {"audience.countries.0": "unknown_country"}),
        ({"audience": {"roles": ["king"]}}, {"audience.roles.0": "not_allowed"}),
    ):
        refused = await site.call("POST", API, {**good, **change})
        assert refused.status == 422 and await codes(refused) == wanted, change
    assert (await (await site.call("GET", API)).json())["items"] == []
    assert (await site.call("GET", f"{API}/none")).status == 404
    assert (await site.call("GET", f"{API}?cursor=x")).status == 422


async def test_only_organisers_announce_and_see_the_pages(site: Hub) -> None:
    body = {"texts": {"en": "Hello"}, "until": soon()}
    assert (await site.call("POST", API, body, auth=None)).status == 401
    room = await site.room()
    assert (await site.call("POST", API, body, auth=site.token(room, Role.ORGANISER))).status == 403
    async with site.browser() as moderator:
        await moderator.sign_in(Role.MODERATOR)
        assert (await moderator.call("GET", API, auth=None)).status == 403
        assert (await moderator.call("GET", "/api/v1/figures", auth=None)).status == 200
        for path in ("/organise", "/organise/announcements"):
            assert (await moderator.call("GET", path, auth=None)).status == 404


async def test_the_page_previews_then_sends_then_takes_back(site: Hub) -> None:
    csrf = await site.sign_in(Role.ORGANISER)

    async def post(path: str = "", **fields: str) -> aiohttp.ClientResponse:
        url = f"{site.base}/organise/announcements{path}"
        data = {"csrf": csrf, **fields}
        return await site.http.post(url, data=data, headers={"Origin": site.base})

    text = "<b>Hall 3</b> & more"
    fields = {"text_en": text, "hours": "3", "who": "some", "roles": "speaker"}
    preview = await (await post(**fields, act="preview")).text()
    assert "&lt;b&gt;Hall 3&lt;/b&gt; &amp; more" in preview and "0 people" in preview
    part = site.services.fair.announcements
    assert await part.current() == ()
    wrong = await post(**{**fields, "roles": "", "text_en": ""}, act="send")
    assert wrong.status == 422 and await part.current() == ()
    nobody = await post(text_en="x", hours="3", who="some", act="send")
    assert nobody.status == 422 and "at least one group" in await nobody.text()
    sent = await post(**fields, act="send")
    assert sent.url.path == "/organise/announcements" and "Sent." in await sent.text()
    (one,) = await part.current()
    assert dict(one.texts) == {"en": text} and one.audience.roles == ("speaker",)
    back = await post(f"/{one.id}/withdraw")
    assert back.status == 200 and await part.current() == ()
    assert (await post("/none/withdraw")).status == 404


async def test_the_glance_says_what_the_api_says(site: Hub) -> None:
    await site.room(slug="hall")
    await site.services.news.seen(["u_somebody"])
    figures = await (await site.call("GET", "/api/v1/figures")).json()
    assert figures["registered"] == 0 and figures["online"] >= 1 and figures["countries"] == []
    tries = await asyncio.gather(*(keep(site) for _ in range(3)))
    assert sorted(tries)[-1] is True
    past = await (await site.call("GET", "/api/v1/figures/history?span=3h")).json()
    assert len(past["items"]) in (1, 2) and past["items"][0]["online"] >= 1
    assert (await site.call("GET", "/api/v1/figures/history?span=1y")).status == 422
    await site.sign_in(Role.ORGANISER)
    page = await (await site.call("GET", "/organise?span=3h", auth=None)).text()
    charts = re.findall(r'<svg class="chart [^>]*aria-labelledby="([a-z]+)-t \1-d"', page)
    assert {"online", "seats", "rooms"} <= set(charts)
    assert page.count("<desc") == len(charts) and "style=" not in page


async def keep(site: Hub) -> bool:
    return await site.services.fair.figures.write((await glance(site.services)).moment)
