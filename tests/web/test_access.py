"""Who may do what over HTTP, by which proof; and what is refused without one."""

from __future__ import annotations

from typing import Any

import pytest

from hub.config import Limits
from hub.web.buckets import FAILURES_BURST, Buckets, prefix_of
from rooms.model import Identity, Role

ORGANISER, MODERATOR, HOST = Role.ORGANISER, Role.MODERATOR, Role.HOST
TOKEN = {"participant": {"id": "a", "name": "A"}, "role": "participant"}


async def outcome(response: Any) -> tuple[int, str]:
    body = await response.json() if "json" in response.content_type else {}
    return response.status, body.get("code", "")


# method, path, body, and the status for: nobody, key, room token of participant, host and
# moderator, a moderator's token of another room, a guest, a session of moderator, organiser.
WHO = ("nobody", "key", "participant", "host", "moderator", "elsewhere", "guest", "s_mod", "s_org")
MATRIX: list[tuple[str, str, Any, tuple[int, ...]]] = [
    ("POST", "/rooms", {}, (401, 422, 403, 403, 403, 403, 403, 422, 422)),
    ("GET", "/rooms", None, (401, 200, 403, 403, 403, 403, 403, 200, 200)),
    ("GET", "/rooms/{room}", None, (401, 200, 200, 200, 200, 403, 403, 200, 200)),
    ("GET", "/rooms/nobody", None, (401, 404, 403, 403, 403, 403, 403, 404, 404)),
    ("PATCH", "/rooms/{room}", {"capacity": 9}, (401, 200, 403, 403, 200, 403, 403, 200, 200)),
    ("PATCH", "/rooms/{room}", {"locked": False}, (401, 200, 403, 200, 200, 403, 403, 200, 200)),
    ("PATCH", "/rooms/{room}", {"title": "N"}, (401, 200, 403, 403, 403, 403, 403, 200, 200)),
    ("POST", "/rooms/{room}/tokens", TOKEN, (401, 201, 403, 403, 403, 403, 403, 201, 201)),
    (
        "POST", "/rooms/{room}/tokens", {**TOKEN, "role": "organiser"},
        (401, 201, 403, 403, 403, 403, 403, 403, 201),
    ),
    (
        "POST", "/rooms/{room}/tokens:batch", {"participants": [], "role": "host"},
        (401, 422, 403, 403, 403, 403, 403, 422, 422),
    ),
    ("POST", "/tickets", None, (401, 403, 201, 201, 201, 201, 201, 201, 201)),
    ("GET", "/rooms/{room}/participants", None, (401, 200, 403, 200, 200, 403, 403, 200, 200)),
    (
        "POST", "/rooms/{room}/participants/x/actions", {"action": "unban"},
        (401, 200, 403, 403, 200, 403, 403, 200, 200),
    ),
    (
        "POST", "/rooms/{room}/participants/x/actions", {"action": "stage"},
        (401, 404, 403, 404, 404, 403, 403, 404, 404),
    ),
    ("GET", "/occupancy", None, (401, 200, 403, 200, 200, 200, 403, 200, 200)),
    ("DELETE", "/rooms/{room}", None, (401, 204, 403, 403, 204, 403, 403, 204, 204)),
]  # fmt: skip


async def test_each_call_asks_for_its_right(site: Any) -> None:
    room, other = await site.room(guests=True), await site.room()
    tokens = {
        "key": {},
        "participant": {"auth": site.token(room)},
        "host": {"auth": site.token(room, HOST)},
        "moderator": {"auth": site.token(room, MODERATOR)},
        "elsewhere": {"auth": site.token(other, MODERATOR)},
        "nobody": {"auth": None},
    }
    async with site.browser() as guest, site.browser() as moderator, site.browser() as organiser:
        await guest.api("POST", f"/rooms/{room}/guest", {"name": "G"}, auth=None)
        own = {"Origin": site.base}
        cookies = {
            "guest": (guest, own),
            "s_mod": (moderator, {"X-CSRF-Token": await moderator.sign_in(MODERATOR)}),
            "s_org": (organiser, {"X-CSRF-Token": await organiser.sign_in(ORGANISER)}),
        }
        for method, path, body, expected in MATRIX:
            got = []
            for who in WHO:
                client, headers = cookies.get(who, (site, {}))
                more = tokens.get(who, {"auth": None})
                if method == "PATCH":
                    headers = {**headers, "If-Match": "*"}
                answer = await client.api(
                    method, path.format(room=room), body, headers=headers, **more
                )
                got.append(answer.status)
            assert tuple(got) == expected, (method, path, body, dict(zip(WHO, got, strict=True)))


async def test_a_moderators_room_token_sees_only_its_room(site: Any) -> None:
    room, other = await site.room(), await site.room()
    answer = await site.api("GET", "/occupancy", auth=site.token(room, MODERATOR))
    rows = (await answer.json())["rooms"]
    assert {row["room"] for row in rows} <= {room}
    assert other not in str(rows)


async def test_credentials_that_are_not_good(site: Any) -> None:
    room = await site.room()
    expired = site.services.tokens.issue(Identity(id="a", name="A", room=room), -5)[0]
    for header, code in (
        ("Bearer", "unauthorised"),
        ("Bearer ", "unauthorised"),
        ("Basic a2V5", "unauthorised"),
        ("Bearer wrong", "unauthorised"),
        ("Bearer " + "x" * 5000, "unauthorised"),
        ("Bearer \udcff", "unauthorised"),
        (f"Bearer {expired}", "expired_token"),
        (f"Bearer {site.token(room)}x", "unauthorised"),
    ):
        answer = await site.api(
            "GET", f"/rooms/{room}", auth=None, headers={"Authorization": header}
        )
        assert await outcome(answer) == (401, code), header
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_failures_are_slowed_and_good_credentials_are_not(site: Any) -> None:
    codes = [
        (await site.api("GET", "/rooms", auth="wrong")).status for _ in range(FAILURES_BURST + 3)
    ]
    assert codes == [401] * FAILURES_BURST + [429] * 3
    refused = await site.api("GET", "/rooms", auth="wrong")
    assert await outcome(refused) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await site.api("GET", "/rooms")).status == 200
    room = await site.room()
    assert (await site.api("GET", f"/rooms/{room}", auth=site.token(room))).status == 200


def test_failures_are_counted_by_prefix_and_forgotten_with_time() -> None:
    now = [0.0]
    failures = Buckets(0.5, FAILURES_BURST, lambda: now[0])
    assert [failures.count("a") for _ in range(FAILURES_BURST)] == [0.0] * FAILURES_BURST
    assert failures.count("a") > 0 and failures.count("b") == 0
    now[0] += 10
    assert failures.count("a") == 0
    assert (
        prefix_of("2001:db8:1:2:3::4")
        == prefix_of("2001:db8:1:2:ffff::9")
        != prefix_of("2001:db8:1:3::4")
    )
    assert prefix_of("::ffff:192.0.2.1") == prefix_of("192.0.2.1") != prefix_of("192.0.2.2")
    for odd in (None, "", "unix", "fe80::1%eth0", "x" * 999):
        assert len(prefix_of(odd)) <= 64


async def test_a_session_needs_its_csrf_token(site: Any) -> None:
    async with site.browser() as other, site.browser() as desk:
        foreign = await other.sign_in(ORGANISER)
        csrf = await desk.sign_in(ORGANISER)
        assert (await desk.api("GET", "/rooms", auth=None)).status == 200
        for given in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": foreign},
                      {"X-CSRF-Token": "\udcff"}):  # fmt: skip
            answer = await desk.api("POST", "/tickets", auth=None, headers=given)
            assert await outcome(answer) == (403, "forbidden"), given
        good = await desk.api("POST", "/tickets", auth=None, headers={"X-CSRF-Token": csrf})
        assert good.status == 201
        # A bad bearer is not rescued by a good cookie.
        mixed = await desk.api("GET", "/rooms", auth="wrong")
        assert mixed.status == 401


async def test_other_origins_write_nothing(site: Any) -> None:
    room = await site.room(guests=True)
    port = site.base.rsplit(":", 1)[1]
    allowed = [
        {"Origin": site.base},
        {"Origin": f"http://localhost:{port}"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {},
    ]
    refused = [
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "none"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": ""},
        {"Origin": "https://evil.example"},
        {"Origin": site.base + ".evil.example"},
        {"Origin": site.base.upper()},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    path = f"/rooms/{room}/guest"
    for headers in allowed:
        answer = await site.api("POST", path, {"name": "G"}, auth=None, headers=headers)
        assert answer.status == 201, headers
    for headers in refused:
        for auth in (None, "key"):
            more = {} if auth else {"auth": None}
            answer = await site.api("POST", path, {"name": "G"}, headers=headers, **more)
            assert await outcome(answer) == (403, "forbidden"), headers
            assert "Set-Cookie" not in answer.headers
    # Reading is safe, and GET has no effect.
    seen = await site.api("GET", "/rooms", headers={"Origin": "https://evil.example"})
    assert seen.status == 200 and "Access-Control-Allow-Origin" not in seen.headers


async def test_a_guest_is_the_same_person_after_a_reload(site: Any) -> None:
    room, closed_to_guests = await site.room(guests=True), await site.room()
    own = {"Origin": site.base}
    async with site.browser() as guest:
        first = await guest.api("POST", f"/rooms/{room}/guest", {"name": " Ann "}, auth=None)
        assert first.status == 201
        person = (await first.json())["participant"]
        assert person["name"] == "Ann" and person["id"].startswith("g_")
        cookie = first.cookies["pavilion_guest"]
        assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/"
        again = await guest.api("POST", f"/rooms/{room}/guest", {"name": "Anna"}, auth=None)
        assert (await again.json())["participant"] == {"id": person["id"], "name": "Anna"}

        ticket = await guest.api("POST", "/tickets", auth=None, headers=own)
        identity = await site.services.vault.take_ticket((await ticket.json())["ticket"])
        assert (identity.id, identity.name, identity.role) == (
            person["id"], "Anna", Role.PARTICIPANT,
        )  # fmt: skip
        # Without the browser's word that it is the fair's own page, the cookie does nothing.
        assert (await guest.api("POST", "/tickets", auth=None)).status == 403
    refusals = []
    for slug in (closed_to_guests, "nobody", "UPPER"):
        answer = await site.api("POST", f"/rooms/{slug}/guest", {"name": "G"}, auth=None)
        refusals.append((answer.status, await answer.text()))
    assert refusals[0][0] == 403 and len(set(refusals)) == 1
    async with site.browser() as forger:
        for value in ("", "x", site.token(room, person="g_1"), cookie.value[:-2] + "AA"):
            headers = {**own, "Cookie": f"pavilion_guest={value}"}
            answer = await forger.api("POST", "/tickets", auth=None, headers=headers)
            assert answer.status == 401, value
    for name in ("", "  ", "x" * 65, "a\u202eb", None, 5):
        answer = await site.api("POST", f"/rooms/{room}/guest", {"name": name}, auth=None)
        assert answer.status == 422, name


async def test_a_sign_in_link_is_used_by_the_button_only(site: Any) -> None:
    link = await site.services.directory.create_signin_link(ORGANISER)
    async with site.browser() as person:
        for _ in range(3):  # what a mail scanner or a preview does
            page = await person.call("GET", f"/signin/{link}", auth=None)
            assert page.status == 200 and page.headers["Referrer-Policy"] == "same-origin"
            assert '<form method="post"' in await page.text()
            assert "Set-Cookie" not in page.headers
        evil = {"Origin": "https://evil.example"}
        assert (await person.call("POST", f"/signin/{link}", auth=None, headers=evil)).status == 403
        done = await person.call("POST", f"/signin/{link}", auth=None)
        assert (done.status, done.headers["Location"]) == (303, "/desk")
        cookie = done.cookies["pavilion"]
        assert cookie["httponly"] and cookie["samesite"] == "Lax"
        assert (await person.api("GET", "/rooms", auth=None)).status == 200

        session = await site.services.directory.session(cookie.value)
        assert (await person.call("POST", "/signout", auth=None)).status == 403
        gone = await person.call("POST", "/signout", auth=None, data={"csrf": session.csrf})
        assert (gone.status, gone.headers["Location"]) == (303, "/")
        assert await site.services.directory.session(cookie.value) is None
    for token in (link, "wrong", "%00", "x" * 500):
        used = await site.call("POST", f"/signin/{token}", auth=None)
        assert used.status == 403 and "Set-Cookie" not in used.headers


@pytest.mark.parametrize("url", ["https://fair.example", "http://fair.example"])
async def test_cookies_are_bound_to_https_where_there_is_https(start: Any, url: str) -> None:
    site = await start(public_url=url)
    room = await site.room(guests=True)
    answer = await site.api("POST", f"/rooms/{room}/guest", {"name": "G"}, auth=None)
    name, cookie = next(iter(answer.cookies.items()))
    secure = url.startswith("https")
    assert name == ("__Host-pavilion_guest" if secure else "pavilion_guest")
    assert bool(cookie["secure"]) is secure and not cookie["domain"]
    assert ("Strict-Transport-Security" in answer.headers) is secure


async def test_one_address_makes_no_endless_guests(start: Any) -> None:
    site = await start(limits=Limits(address_connections_per_s=5))
    room = await site.room(guests=True)
    async with site.browser() as known:
        await known.api("POST", f"/rooms/{room}/guest", {"name": "A"}, auth=None)
        statuses = []
        for _ in range(6):
            async with site.browser() as new:
                answer = await new.api("POST", f"/rooms/{room}/guest", {"name": "G"}, auth=None)
                statuses.append(answer.status)
        assert statuses[0] == 201 and statuses[-1] == 429
        assert (await outcome(answer))[1] == "rate_limited"
        again = await known.api("POST", f"/rooms/{room}/guest", {"name": "A"}, auth=None)
        assert again.status == 201  # who is a guest already may come back
