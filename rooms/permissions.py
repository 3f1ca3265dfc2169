"""Who may do what in a room: one table, read where the act happens."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from rooms.model import AttachmentKind, Role


class Right(StrEnum):
    SEE_PEOPLE = "see_people"  # roster and waiting list without a seat
    CAPACITY = "capacity"
    LOCK = "lock"
    PASS_LOCK = "pass_lock"  # enter a locked room
    REMOVE = "remove"
    BAN = "ban"
    STAGE = "stage"
    MUTE = "mute"
    CHAT_MODE = "chat_mode"
    UNSAY_OTHERS = "unsay_others"
    ANNOUNCE = "announce"
    CLOSE = "close"
    ADMIT = "admit"  # let in or turn away who knocks at a negotiation room
    STAGE_ON_ENTRY = "stage_on_entry"
    PUBLISH_WHIP = "publish_whip"


_RUN: Final = frozenset(
    {
        Right.SEE_PEOPLE, Right.CAPACITY, Right.LOCK, Right.PASS_LOCK, Right.REMOVE, Right.BAN,
        Right.STAGE, Right.MUTE, Right.CHAT_MODE, Right.UNSAY_OTHERS, Right.ANNOUNCE,
        Right.CLOSE, Right.ADMIT, Right.PUBLISH_WHIP,
    }
)  # fmt: skip

RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.ORGANISER: _RUN,
    Role.MODERATOR: _RUN,
    # A host leads the talk; the size of the room is the fair's to decide.
    Role.HOST: frozenset(
        {
            Right.SEE_PEOPLE, Right.LOCK, Right.PASS_LOCK, Right.REMOVE, Right.STAGE, Right.MUTE,
            Right.CHAT_MODE, Right.UNSAY_OTHERS, Right.ANNOUNCE, Right.ADMIT,
            Right.STAGE_ON_ENTRY, Right.PUBLISH_WHIP,
        }
    ),
    Role.SPEAKER: frozenset({Right.PUBLISH_WHIP}),
    Role.PARTICIPANT: frozenset(),
}  # fmt: skip

#: The right each ``moderate`` action needs.
ACTION_RIGHT: Final[dict[str, Right]] = {
    "capacity": Right.CAPACITY,
    "lock": Right.LOCK,
    "unlock": Right.LOCK,
    "remove": Right.REMOVE,
    "ban": Right.BAN,
    "unban": Right.BAN,
    "stage": Right.STAGE,
    "unstage": Right.STAGE,
    "mute": Right.MUTE,
    "chat": Right.CHAT_MODE,
    "announce": Right.ANNOUNCE,
    "admit": Right.ADMIT,
    "deny": Right.ADMIT,
    "close": Right.CLOSE,
}

#: The media of a person that an action ends.
MEDIA_ENDS: Final[dict[str, tuple[AttachmentKind, ...]]] = {
    "remove": (AttachmentKind.PUBLISH, AttachmentKind.SUBSCRIBE),
    "ban": (AttachmentKind.PUBLISH, AttachmentKind.SUBSCRIBE),
    "unstage": (AttachmentKind.PUBLISH,),
}


def may(role: Role, right: Right) -> bool:
    return right in RIGHTS[role]
