"""The media workers seen from a hub, and people's media sessions on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.ports.admission import Renewal
from rooms.messages import SlotState
from rooms.model import Attachment, AttachmentKind, Identity, Source


@dataclass(frozen=True, slots=True)
class SpeakingChanged:
    room: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotsChanged:
    room: str
    person: str
    slots: tuple[SlotState, ...]


@dataclass(frozen=True, slots=True)
class SessionsAlive:
    """Media sessions whose ICE consent is fresh; renewed by the hub that is told.

    After renewing, call ``Media.renewed`` so that the worker keeps the good ones.
    """

    renewals: tuple[Renewal, ...]


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A media session ended by itself (consent lost, DTLS closed, worker's limit)."""

    room: str
    person: str
    kind: AttachmentKind
    attachment: str
    silent_ms: int


@dataclass(frozen=True, slots=True)
class MediaLost:
    """A media worker is gone; those with sessions of these rooms must offer again."""

    rooms: frozenset[str]


MediaNotice = SpeakingChanged | SlotsChanged | SessionsAlive | SessionEnded | MediaLost


class Media(Protocol):
    """The media workers, seen from a hub. A room lives on one worker.

    Raises Refusal: media_unavailable (no worker; retry_after_ms), bad_message (SDP),
    nothing_live (WHEP without a publish session, only when ``need_live``).
    """

    def listen(self, notice: Callable[[MediaNotice], None]) -> None: ...

    async def offer(
        self, room: str, person: str, attachment: Attachment, sdp: str, *,
        sources: dict[str, Source] | None = None, restart: bool = False, need_live: bool = False,
    ) -> str:  # fmt: skip
        """Answer an SDP offer; ``sources`` maps mid to source for publish.

        The kind of ``attachment`` (publish or subscribe) says which. A new session replaces
        the person's older one of the same kind; ``restart`` keeps it and changes only ICE.
        """
        ...

    async def close(
        self, room: str, person: str, kind: AttachmentKind, attachment: str | None = None
    ) -> None:
        """End a session; with ``attachment`` only that one."""
        ...

    async def view(
        self, room: str, person: str, main: str, thumbs: int, audio_only: bool
    ) -> None: ...

    async def muted(self, room: str, person: str, source: Source, muted: bool) -> None:
        """Stop or go on forwarding one source."""
        ...

    async def close_room(self, room: str) -> None: ...

    async def renewed(self, kept: Sequence[Renewal], lost: Sequence[Renewal]) -> None:
        """Tell workers which sessions still have a seat; lost ones are stopped."""
        ...

    def live(self, room: str) -> bool:
        """Whether a publish session of the room is known on its worker."""
        ...

    def faults(self) -> Sequence[str]: ...


class Placement(Protocol):
    """Which media worker a room lives on; agreed between hubs through Redis."""

    async def place(self, room: str, candidates: Sequence[str]) -> str:
        """The room's worker: the recorded one while it is among ``candidates``, else a
        candidate picked by hash and recorded."""
        ...


class MediaSessions(Protocol):
    """A person's media: the seat's attachment and the worker's session as one act.

    Used by the WebSocket's ``media`` and by WHIP/WHEP. Implemented in hub.live, which also
    renews what the workers report alive and closes what loses its seat or its stage.
    """

    async def as_in(self, room: str, who: Identity) -> Identity:
        """``who`` with the role and side they have in the room.

        Raises Refusal: forbidden (a token of another room), unknown_room (there is none, or it is
        a talk of others: the same queries). DirectoryLost.
        """
        ...

    async def open(
        self, room: str, who: Identity, kind: AttachmentKind, sdp: str, *,
        sources: dict[str, Source] | None = None, restart: bool = False, take_seat: bool = False,
    ) -> tuple[str, str]:  # fmt: skip
        """(attachment id, SDP answer). ``take_seat`` (WHIP/WHEP) enters the room if need be,
        WHIP also the stage; otherwise the person must hold a seat already.

        Raises Refusal: those of Admission.enter/attach and of Media.offer. A failed offer
        gives back a seat it took.
        """
        ...

    async def close(
        self, room: str, person: str, kind: AttachmentKind, attachment: str | None
    ) -> bool:
        """False when there is no such session."""
        ...

    def stop(self, room: str, person: str, *kinds: AttachmentKind) -> None:
        """Have the workers stop a person's media now; the store has ended it already."""
        ...
