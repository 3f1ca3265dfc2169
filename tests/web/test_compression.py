"""What is compressed, what never is, and that a masked CSRF token counts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rooms.model import Role

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


async def _coding(site: Any, path: str, **headers: str) -> tuple[str | None, str]:
    answer = await site.call("GET", path, auth=None, headers={**GZIP, **headers})
    assert answer.status == 200
    return answer.headers.get("Content-Encoding"), answer.headers.get("Vary", "")


async def test_open_pages_and_static_files_are_compressed(site: Any) -> None:
    page = await (await site.call("GET", "/", auth=None)).text()
    texts = re.search(r'data-texts="([^"]+)"', page)
    style = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert texts and style
    for path in ("/", "/programme", "/companies", "/login", texts[1], style[1]):
        coding, vary = await _coding(site, path)
        assert (coding, "Accept-Encoding" in vary) == ("gzip", True), path
        refused, vary = await _coding(site, path, **{"Accept-Encoding": "gzip;q=0, identity"})
        assert (refused, "Accept-Encoding" in vary) == (None, True), path
    packed = await site.call("GET", style[1], auth=None, headers=GZIP)
    plain = await site.call("GET", style[1], auth=None, headers={"Accept-Encoding": "identity"})
    assert await packed.read() == await plain.read()
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2


async def test_pages_with_secrets_of_a_person_are_not(site: Any) -> None:
    await site.sign_in(Role.ORGANISER)
    for path in ("/organise", "/organise/people", "/desk", "/organise/webhooks"):
        assert (await _coding(site, path))[0] is None, path
    assert (await _coding(site, "/programme"))[0] == "gzip"


@pytest.mark.parametrize("spoil", [False, True])
async def test_a_pages_csrf_token_is_another_each_time_and_counts(site: Any, spoil: bool) -> None:
    token = await site.sign_in(Role.ORGANISER)
    shown = set()
    for _ in range(2):
        page = await (await site.call("GET", "/programme", auth=None)).text()
        found = re.search(r'data-csrf="([^"]+)"', page)
        assert found and token not in page
        shown.add(found[1])
    assert len(shown) == 2
    given = shown.pop()
    if spoil:
        given = ("1" if given[0] == "0" else "0") + given[1:]
    head = {"X-CSRF-Token": given}
    answer = await site.api("POST", "/tickets", auth=None, headers=head)
    assert answer.status == (403 if spoil else 201)
