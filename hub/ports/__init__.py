"""What the parts of a hub expect of each other; only ``hub.app`` names concrete parts.

    hub.store   implements Admission, Bus, Vault, Board, Placement (Redis/Valkey)
    hub.fair    implements Directory and the parts of hub.ports.fair (SQL)
    hub.media   implements Media (client of the media workers)
    hub.live    implements MediaSessions
    hub.live, hub.web   use them

One module a port. What every part may meet is named here; the fair's own ports are imported
from their modules. Every method may raise ``StoreLost`` (Redis cannot answer) or
``rooms.errors.Refusal`` where it says so; a refusal has changed nothing.
"""

from __future__ import annotations

from hub.ports.admission import (
    Admission,
    ChannelTail,
    MediaMode,
    Missed,
    Noted,
    Notes,
    Participant,
    Queued,
    Renewal,
    RoomSnapshot,
    RoomView,
    RosterSlice,
    Seated,
)
from hub.ports.board import Board, BoardRow, BoardSnapshot
from hub.ports.bus import Bus
from hub.ports.directory import Account, Directory, RoomExists, RoomRecord, StaleVersion, WebSession
from hub.ports.faults import DirectoryLost, StoreLost
from hub.ports.media import (
    Media,
    MediaLost,
    MediaNotice,
    MediaSessions,
    Placement,
    SessionEnded,
    SessionsAlive,
    SlotsChanged,
    SpeakingChanged,
)
from hub.ports.tokens import Tokens
from hub.ports.vault import ResumeRecord, Vault

__all__ = [
    "Account",
    "Admission",
    "Board",
    "BoardRow",
    "BoardSnapshot",
    "Bus",
    "ChannelTail",
    "Directory",
    "DirectoryLost",
    "Media",
    "MediaLost",
    "MediaMode",
    "MediaNotice",
    "MediaSessions",
    "Missed",
    "Noted",
    "Notes",
    "Participant",
    "Placement",
    "Queued",
    "Renewal",
    "ResumeRecord",
    "RoomExists",
    "RoomRecord",
    "RoomSnapshot",
    "RoomView",
    "RosterSlice",
    "Seated",
    "SessionEnded",
    "SessionsAlive",
    "SlotsChanged",
    "SpeakingChanged",
    "StaleVersion",
    "StoreLost",
    "Tokens",
    "Vault",
    "WebSession",
]
