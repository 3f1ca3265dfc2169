"""What fields of messages may hold, and the bounds of the wire."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

SUBPROTOCOL: Final = "pavilion.v1"
MESSAGE_MAX: Final = 64 * 1024  # bytes of one client message
SDP_MAX: Final = 32 * 1024  # characters of one SDP
CHAT_TAIL: Final = 50  # chat events in a snapshot
ROSTER_FIRST: Final = 50  # people beyond stage, hands and hosts in a snapshot

Id = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,64}\Z")]
PersonId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}\Z")]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Sdp = Annotated[str, Meta(min_length=1, max_length=SDP_MAX)]
Mid = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,32}\Z")]
Remark = Annotated[str, Meta(max_length=500)]
ChatText = Annotated[str, Meta(min_length=1, max_length=2000)]
ChannelName = Annotated[
    str, Meta(pattern=r"^(?:side|lobby(?::[A-Za-z0-9._:-]{1,64})?)\Z", max_length=80)
]
ChangeName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Secret = Annotated[str, Meta(min_length=1, max_length=4096)]
