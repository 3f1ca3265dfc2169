"""Errors of the HTTP API: problem details (RFC 9457) with a stable ``code``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from rooms.errors import Code, Refusal

CONTENT_TYPE: Final = "application/problem+json"

#: The HTTP status of each refusal of the rooms.
STATUS: Final[dict[Code, int]] = {
    Code.ROOM_FULL: 409,
    Code.ROOM_NOT_OPEN: 409,
    Code.ROOM_CLOSED: 409,
    Code.ROOM_LOCKED: 403,
    Code.UNKNOWN_ROOM: 404,
    Code.WRONG_MODE: 409,
    Code.BANNED: 403,
    Code.REMOVED: 403,
    Code.REPLACED: 409,
    Code.RATE_LIMITED: 429,
    Code.SERVER_DRAINING: 503,
    Code.RECOVERING: 503,
    Code.SEAT_EXPIRED: 409,
    Code.FORBIDDEN: 403,
    Code.UNAUTHORISED: 401,
    Code.EXPIRED_TOKEN: 401,
    Code.BAD_MESSAGE: 400,
    Code.TOO_LARGE: 413,
    Code.SLOW_READER: 408,
    Code.NOT_IN_ROOM: 404,
    Code.NOT_ON_STAGE: 403,
    Code.STAGE_FULL: 409,
    Code.NOTHING_LIVE: 409,
    Code.MEDIA_UNAVAILABLE: 503,
}

#: What the server's own HTTP errors are called.
HTTP_CODES: Final[dict[int, str]] = {
    400: "bad_message",
    401: "unauthorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    417: "expectation_failed",
}

#: How long to wait where the refusal itself names no time. A seat may come free any second,
#: a publisher needs a moment.
RETRY_MS: Final[dict[Code, int]] = {
    Code.ROOM_FULL: 10_000,
    Code.NOTHING_LIVE: 2_000,
    Code.STAGE_FULL: 10_000,
    Code.RECOVERING: 2_000,
    Code.SERVER_DRAINING: 2_000,
    Code.MEDIA_UNAVAILABLE: 2_000,
}


class Problem(Exception):
    """An answer that refuses; carried to the client as it stands."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        retry_after_ms: int | None = None,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or code)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_ms = retry_after_ms
        self.headers = headers or {}
        self.members = members


class Invalid(Problem):
    """422 with the fields at fault: ``errors`` is a list of (field, code)."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        listed = [{"field": field, "code": code} for field, code in errors]
        super().__init__(422, "invalid", "some fields are not valid", errors=listed)


def from_refusal(refusal: Refusal) -> Problem:
    """A refusal of the rooms as an HTTP answer."""
    code = refusal.code
    retry = refusal.retry_after_ms
    headers = {}
    members = dict(refusal.detail)
    if code is Code.ROOM_LOCKED:
        members["message"] = refusal.message  # what the moderator wrote for those outside
    if STATUS[code] == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="pavilion"'
    return Problem(
        STATUS[code],
        code.value,
        refusal.message if refusal.message != code.value else "",
        retry_after_ms=RETRY_MS.get(code) if retry is None else retry,
        headers=headers,
        **members,
    )


def respond(problem: Problem) -> web.Response:
    """The problem document, with Retry-After in whole seconds when it has one."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        **problem.members,
    }
    if problem.detail:
        body["detail"] = problem.detail
    headers = dict(problem.headers)
    if problem.retry_after_ms is not None:
        body["retry_after_ms"] = problem.retry_after_ms
        headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after_ms / 1000)))
    return web.Response(
        text=json.dumps(body, ensure_ascii=False),
        status=problem.status,
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store", **headers},
    )
