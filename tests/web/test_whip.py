"""WHIP and WHEP as HTTP: who may, what is refused and how. Media itself: tests/media."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rooms.errors import Code, Refusal
from rooms.model import AttachmentKind, Role

SDP = {"Content-Type": "application/sdp"}
OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


class Sessions:
    """Records what it is asked; answers, or refuses what the test says."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str, AttachmentKind]] = []
        self.refuse: Callable[[], Refusal] | None = None

    async def open(
        self, room: str, who: Any, kind: AttachmentKind, sdp: str, **options: Any
    ) -> tuple[str, str]:
        assert options == {"take_seat": True} and sdp == OFFER.decode()
        if self.refuse is not None:
            raise self.refuse()
        self.opened.append((room, who.id, kind))
        return "att-1", "v=0\r\nanswer"

    async def close(
        self, room: str, person: str, kind: AttachmentKind, attachment: str | None
    ) -> bool:
        known = (room, person, kind) in self.opened and attachment == "att-1"
        if known:
            self.opened.remove((room, person, kind))
        return known


async def code(answer: Any) -> tuple[int, str]:
    return answer.status, (await answer.json())["code"]


async def test_without_media_it_says_so(site: Any) -> None:
    room = await site.room()
    token = site.token(room, Role.HOST)
    answer = await site.call("POST", f"/whip/{room}", auth=token, headers=SDP, data=OFFER)
    assert await code(answer) == (503, "media_unavailable")
    assert "Retry-After" in answer.headers


async def test_a_session_is_made_and_ended_by_its_person(site: Any) -> None:
    sessions = site.services.media_sessions = Sessions()
    room = await site.room()
    host, viewer = site.token(room, Role.HOST, "h"), site.token(room, person="v")
    for way, token, kind in (
        ("whip", host, AttachmentKind.PUBLISH), ("whep", viewer, AttachmentKind.SUBSCRIBE),
    ):  # fmt: skip
        made = await site.call("POST", f"/{way}/{room}", auth=token, headers=SDP, data=OFFER)
        assert made.status == 201 and await made.text() == "v=0\r\nanswer"
        assert made.content_type == "application/sdp" and made.headers["ETag"] == '"att-1"'
        where = made.headers["Location"]
        assert where == f"/{way}/{room}/att-1"
        other = site.token(room, Role.HOST, "other")
        for person, path in ((other, where), (token, where + "x"), (token, where[:-1] + "%00")):
            gone = await site.call("DELETE", path, auth=person)
            assert await code(gone) == (404, "not_found"), path
        assert sessions.opened[-1][2] is kind
        assert (await site.call("DELETE", where, auth=token)).status == 200
        assert not sessions.opened


async def test_wrong_requests(site: Any) -> None:
    sessions = site.services.media_sessions = Sessions()
    room, other = await site.room(), await site.room()
    host = site.token(room, Role.HOST)
    path = f"/whip/{room}"
    for auth, headers, data, expected in (
        (None, SDP, OFFER, (401, "unauthorised")),
        ("wrong", SDP, OFFER, (401, "unauthorised")),
        (site.token(room), SDP, OFFER, (403, "forbidden")),
        (site.token(other, Role.HOST), SDP, OFFER, (403, "forbidden")),
        (site.token("nobody", Role.HOST), SDP, OFFER, (403, "forbidden")),
        (host, {"Content-Type": "text/plain"}, OFFER, (415, "unsupported_media_type")),
        (host, SDP, b"", (400, "bad_message")),
        (host, SDP, b"\xff\xfe", (400, "bad_message")),
        (host, SDP, b"hello", (400, "bad_message")),
        (host, SDP, b"v=0" + b"a" * 40_000, (413, "too_large")),
        (host, {**SDP, "Origin": "https://evil.example"}, OFFER, (403, "forbidden")),
    ):
        answer = await site.call("POST", path, auth=auth, headers=headers, data=data)
        assert await code(answer) == expected
    assert (await site.call("POST", path, headers=SDP, data=OFFER)).status == 403  # no person
    answer = await site.call(
        "POST", "/whip/nobody", auth=site.token("nobody", Role.HOST), headers=SDP, data=OFFER
    )
    assert await code(answer) == (404, "unknown_room")
    assert not sessions.opened


@pytest.mark.parametrize(
    ("refusal", "status", "retry"),
    [
        (Refusal(Code.ROOM_FULL, capacity=1, live=1, waiting=0, waitlist=True), 409, True),
        (Refusal(Code.NOTHING_LIVE), 409, True),
        (Refusal(Code.STAGE_FULL), 409, True),
        (Refusal(Code.ROOM_LOCKED), 403, False),
        (Refusal(Code.BANNED), 403, False),
        (Refusal(Code.BAD_MESSAGE), 400, False),
        (Refusal(Code.MEDIA_UNAVAILABLE, retry_after_ms=4100), 503, True),
        (Refusal(Code.RECOVERING), 503, True),
    ],
)
async def test_refusals_keep_their_code(
    site: Any, refusal: Refusal, status: int, retry: bool
) -> None:
    sessions = site.services.media_sessions = Sessions()
    sessions.refuse = lambda: refusal
    room = await site.room()
    token = site.token(room, Role.HOST)
    answer = await site.call("POST", f"/whep/{room}", auth=token, headers=SDP, data=OFFER)
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (status, refusal.code.value)
    assert ("Retry-After" in answer.headers) is retry
    assert refusal.detail.items() <= problem.items()


async def test_options_tell_what_is_taken(site: Any) -> None:
    for path in ("/whip/x", "/whep/x", "/whip/x/1"):
        foreign = await site.call("OPTIONS", path, headers={"Origin": "https://evil.example"})
        assert foreign.status == 204 and foreign.headers["Accept-Post"] == "application/sdp"
        assert "Access-Control-Allow-Origin" not in foreign.headers
        own = await site.call("OPTIONS", path, headers={"Origin": site.base})
        assert own.headers["Access-Control-Allow-Origin"] == site.base
        assert "POST" in own.headers["Access-Control-Allow-Methods"]
