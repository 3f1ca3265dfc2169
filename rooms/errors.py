"""Why something was refused: the stable codes of the wire, one list.

``Refused`` answers ``enter`` and resume; everything else is answered by ``error``
with a code of the same list. Ending a connection is the other list, ``rooms.closing``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Code(StrEnum):
    ROOM_FULL = "room_full"  # detail: capacity, live, waiting, waitlist
    ROOM_NOT_OPEN = "room_not_open"  # detail: opens_at (RFC 3339)
    ROOM_CLOSED = "room_closed"
    ROOM_LOCKED = "room_locked"  # detail: message
    UNKNOWN_ROOM = "unknown_room"
    WRONG_MODE = "wrong_mode"
    BANNED = "banned"  # detail: until (RFC 3339)
    REMOVED = "removed"  # detail: reason, when one was given
    REPLACED = "replaced"
    RATE_LIMITED = "rate_limited"
    SERVER_DRAINING = "server_draining"
    RECOVERING = "recovering"
    SEAT_EXPIRED = "seat_expired"
    FORBIDDEN = "forbidden"
    UNAUTHORISED = "unauthorised"
    EXPIRED_TOKEN = "expired_token"
    BAD_MESSAGE = "bad_message"
    TOO_LARGE = "too_large"
    SLOW_READER = "slow_reader"
    NOT_IN_ROOM = "not_in_room"
    NOT_ON_STAGE = "not_on_stage"
    STAGE_FULL = "stage_full"
    NOTHING_LIVE = "nothing_live"
    MEDIA_UNAVAILABLE = "media_unavailable"
    GAP = "gap"  # notes: the revision named is older than what is kept


class Refusal(Exception):
    """An act that was refused and changed nothing. Carried to the wire as it is.

    ``detail`` holds the extra fields the code's entry above names; ``retry_after_ms``
    is set when trying again later makes sense.
    """

    def __init__(
        self,
        code: Code,
        message: str = "",
        *,
        retry_after_ms: int | None = None,
        **detail: Any,
    ) -> None:
        super().__init__(message or code.value)
        self.code = code
        self.message = message or code.value
        self.retry_after_ms = retry_after_ms
        self.detail = detail
