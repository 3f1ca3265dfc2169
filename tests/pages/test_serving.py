"""What the routes answer: languages, headers, caching, private rooms, errors."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import aiohttp
import pytest

from tests.pages.serving import Fair


class Inline(HTMLParser):
    """Collects what a strict policy would refuse, and where things are loaded from."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.bad.append(tag)
        self.bad += [name for name in given if name == "style" or name.startswith("on")]
        if tag in {"script", "link", "img"}:
            self.loads.append(given.get("src") or given.get("href") or "")


async def read(url: str, **headers: str) -> tuple[aiohttp.ClientResponse, str]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(url, headers=headers, allow_redirects=False) as answer,
    ):
        return answer, await answer.text()


@pytest.mark.parametrize("lang", ["en", "zh-Hans"])
@pytest.mark.parametrize("page", ["/", "/rooms/{room}", "/desk", "/nothing-here"])
async def test_a_page_in_its_language_with_nothing_inline(fair: Fair, page: str, lang: str) -> None:
    room = fair.room("<script>alert(1)</script> & 会谈")
    answer, body = await read(fair.url + page.format(room=room), **{"Accept-Language": lang})
    assert answer.status == (404 if page == "/nothing-here" else 200)
    assert f'<html lang="{lang}"' in body
    assert ("日程" in body) == (lang == "zh-Hans")
    assert "<script>alert" not in body
    found = Inline()
    found.feed(body)
    assert found.bad == []
    assert all(place.startswith("/static/") for place in found.loads), found.loads
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_language_switch_is_remembered(fair: Fair) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        for path, lang in (("/", "en"), ("/?lang=zh-Hans", "zh-Hans"), ("/", "zh-Hans")):
            async with http.get(fair.url + path) as answer:
                assert f'<html lang="{lang}"' in await answer.text()


async def test_files_are_kept_for_ever_under_the_version_of_their_content(fair: Fair) -> None:
    _, body = await read(fair.url + "/")
    found = re.search(r"/static/([0-9a-f]+)/js/main\.js", body)
    assert found
    answer, script = await read(fair.url + found.group(0))
    assert answer.content_type == "text/javascript" and "import(" in script
    assert "immutable" in answer.headers["Cache-Control"]
    old, _ = await read(f"{fair.url}/static/000000000000/js/main.js")
    assert old.status == 200 and old.headers["Cache-Control"] == "no-cache"
    for outside in ("../pyproject.toml", "%2e%2e/pyproject.toml", "js/none.js", "jsconfig.json"):
        answer, _ = await read(f"{fair.url}/static/{found.group(1)}/{outside}")
        assert answer.status == 404


async def test_numbers_of_now_change_with_their_tag_only(fair: Fair) -> None:
    slug = fair.room("Now", capacity=7)
    answer, body = await read(fair.url + "/now.json")
    while slug not in body:  # the programme is read once a second
        answer, body = await read(fair.url + "/now.json")
    assert '"capacity":7' in body
    deadline = time.monotonic() + 10  # seats of earlier tests may still lapse: news, as it should
    while (
        again := await read(fair.url + "/now.json", **{"If-None-Match": answer.headers["ETag"]})
    )[0].status != 304:
        assert again[0].headers["ETag"] != answer.headers["ETag"], "the same numbers, sent again"
        assert time.monotonic() < deadline, "never unchanged"
        answer = again[0]


async def test_a_private_room_looks_like_one_that_does_not_exist(fair: Fair) -> None:
    private = fair.room(
        "Secret talks", kind="negotiation", mode="one_to_one", capacity=2, guests=False
    )
    shown = []
    for slug in (private, "t-0000000000"):
        answer, body = await read(f"{fair.url}/rooms/{slug}")
        assert answer.status == 404
        shown.append(body.replace(slug, "*"))
        answer, _ = await read(f"{fair.url}/rooms/{slug}/now.json")
        assert answer.status == 404
    assert shown[0] == shown[1]
    _, body = await read(fair.url + "/now.json")
    assert private not in body and "Secret talks" not in body


@pytest.mark.parametrize("slug", ["A", "x" * 65, "<b>", "a%00b"])
async def test_hostile_addresses_get_the_page_of_no_room(fair: Fair, slug: str) -> None:
    answer, body = await read(f"{fair.url}/rooms/{slug}")
    assert answer.status == 404 and "<b>" not in body
    assert answer.content_type == "text/html"


async def test_the_api_keeps_its_own_errors(fair: Fair) -> None:
    answer, _ = await read(fair.url + "/api/v1/rooms/none")
    assert answer.content_type == "application/problem+json"
