"""How a connection ends: close codes of the WebSocket, and whether to come back.

4000-4499: come back, after ``retry_after_ms`` with jitter. 4500-4999: do not.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from rooms.errors import Code


class Close(IntEnum):
    SLOW_READER = 4008
    DRAINING = 4010
    RECOVERING = 4011
    RECONNECT_ELSEWHERE = 4012
    RATE_LIMITED = 4013
    BAD_MESSAGE = 4500
    UNAUTHORISED = 4501
    REPLACED = 4502
    REMOVED = 4503
    BANNED = 4504
    CLOSED = 4505

    @property
    def reconnect(self) -> bool:
        return self < 4500


#: The ``bye`` code that goes out just before each close.
BYE_CODE: Final[dict[Close, Code]] = {
    Close.SLOW_READER: Code.SLOW_READER,
    Close.DRAINING: Code.SERVER_DRAINING,
    Close.RECOVERING: Code.RECOVERING,
    Close.RECONNECT_ELSEWHERE: Code.RECOVERING,
    Close.RATE_LIMITED: Code.RATE_LIMITED,
    Close.BAD_MESSAGE: Code.BAD_MESSAGE,
    Close.UNAUTHORISED: Code.UNAUTHORISED,
    Close.REPLACED: Code.REPLACED,
    Close.REMOVED: Code.REMOVED,
    Close.BANNED: Code.BANNED,
    Close.CLOSED: Code.ROOM_CLOSED,
}
