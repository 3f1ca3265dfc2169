"""What happened: audit log, attendance, webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from rooms.model import Identity

# --- the audit log ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act. ``hash`` covers the row and ``previous``, the hash of the row before it."""

    seq: int
    at_ms: int
    actor: str
    actor_name: str
    act: str
    target: str
    detail: dict[str, Any]
    address: str | None
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest row: whoever has kept it elsewhere can tell whether rows after or before
    it were cut off or rewritten. ``seq`` 0 and a hash of zeros: no row yet."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """``rows`` were good; ``broken`` is the first seq that is not as it was written (or is
    missing), with ``why``: ``missing``, ``changed``, ``unchained`` or ``truncated``."""

    rows: int
    head: AuditHead
    broken: int | None = None
    why: str | None = None


class Audit(Protocol):
    """The append-only, hash-chained log of what moderators and organisers did."""

    async def record(
        self, actor: Identity, act: str, target: str, detail: dict[str, Any],
        address: str | None, *, strict: bool = False,
    ) -> None:  # fmt: skip
        """Write one row, after the act succeeded.

        ``act`` is dotted, ``<what>.<verb>`` (``room.create``, ``person.role``); ``target`` is
        ``<kind>:<id>`` (``room:hall-1``). ``detail`` is JSON, at most 8 KiB, without chat,
        secrets or identity numbers. A database that does not answer is logged and the row
        kept for later; with ``strict`` (what must not be done unrecorded: call it *before*
        the act) it raises ``hub.ports.DirectoryLost`` instead and nothing is kept.
        """
        ...

    def later(
        self, actor: Identity, act: str, target: str, detail: dict[str, Any],
        address: str | None,
    ) -> None:  # fmt: skip
        """``record`` without waiting, for acts on the live path."""
        ...

    async def flush(self) -> None:
        """Write what waits. Never raises for a database that is away."""
        ...

    async def list(
        self, *, actor: str | None = None, act: str | None = None, target: str | None = None,
        cursor: str | None = None, limit: int = 50,
    ) -> tuple[tuple[AuditRow, ...], str | None]:  # fmt: skip
        """Newest first. ``actor``: an id, or part of a name; ``act`` and ``target``: how they
        begin. Raises ValueError for a cursor that is none, DirectoryLost."""
        ...

    async def head(self) -> AuditHead:
        """Raises DirectoryLost."""
        ...

    async def verify(self, kept: AuditHead | None = None) -> AuditCheck:
        """Recompute every hash, oldest first, in bounded memory; ``kept``: a head written
        down before, whose row must still be there. Raises DirectoryLost."""
        ...

    async def keep_head(self) -> None:
        """Write the head down outside the database. Raises DirectoryLost."""
        ...

    async def kept_head(self) -> AuditHead | None:
        """The head written down on this machine; None when none was, or none readable."""
        ...


# --- attendance ---------------------------------------------------------------------------


class Watcher(Protocol):
    """Told by the store what became of this hub's people. Synchronous; must be quick."""

    def seated(self, room: str, who: Identity, gen: int, new: bool) -> None:
        """``new`` is False when they had the seat already, or one was set aside for them."""
        ...

    def left(self, room: str, person: str) -> None: ...

    def refused(self, room: str, who: Identity, code: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's time in a room or conference. ``stays``: (entered, left) in ms since the
    epoch, in order, gaps under a minute closed; left is None while they are inside.
    ``minutes``: inside, and inside the conference's time when a conference was asked for."""

    person: str
    name: str
    company: str | None
    role: str
    room: str
    first_ms: int
    last_ms: int | None
    stays: tuple[tuple[int, int | None], ...]
    minutes: float


class Attendance(Watcher, Protocol):
    """Who was in which room, from when to when."""

    def ended(self, room: str, person: str, gen: int) -> None:
        """A notice: the seat of generation ``gen`` is gone."""
        ...

    def room_closed(self, room: str) -> None:
        """A notice: everybody is out."""
        ...

    async def flush(self) -> None:
        """Write what was told, at most one second of it; raises DirectoryLost and keeps it."""
        ...

    async def open_stays(self) -> Mapping[str, int]:
        """Rooms with people written down as inside, and how many. Raises DirectoryLost."""
        ...

    async def inside(self, room: str, before_ms: int) -> Mapping[str, int]:
        """Person to stay's id of those written down as inside since before ``before_ms``."""
        ...

    async def end(self, stays: Sequence[int], at_ms: int) -> int:
        """End stays that nobody told the end of; how many were still open."""
        ...

    async def report(
        self, *, room: str | None = None, conference: str | None = None,
        cursor: str | None = None, limit: int = 100,
    ) -> tuple[tuple[Visit, ...], str | None]:  # fmt: skip
        """People of a room, or of a conference (its room, its time), in order of their ids.

        Raises LookupError for a conference that is none, ValueError for a cursor, DirectoryLost.
        """
        ...

    async def live_companies(self) -> frozenset[str]:
        """Slugs of companies with one of their staff inside a room now; at most 2 s old."""
        ...


# --- webhooks -----------------------------------------------------------------------------

#: What an endpoint may ask for.
KINDS: Final = (
    "person.registered", "person.checked_in", "room.entered", "room.left", "room.refused",
    "room.opened", "room.closed", "result.released", "webhook.test",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``kinds`` empty: all of them. ``rotating_until_ms``: both secrets sign until then."""

    id: str
    url: str
    kinds: tuple[str, ...]
    active: bool
    why_inactive: str | None
    failing_since_ms: int | None
    rotating_until_ms: int | None
    created_ms: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one endpoint. ``state``: due, sent, failed."""

    id: int
    message: str
    kind: str
    room: str | None
    state: str
    attempts: int
    created_ms: int
    due_ms: int
    status: int | None
    answer: str | None
    took_ms: int | None
    done_ms: int | None
    body: str


class BadEndpoint(Exception):
    """The address cannot be an endpoint; ``code`` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Webhooks(Protocol):
    """Endpoints, what waits for them, what they answered. Raises DirectoryLost."""

    async def tell(
        self, kind: str, room: str | None, payload: Mapping[str, Any], *, key: str | None = None
    ) -> None:
        """Have every endpoint that wants ``kind`` told, in order with what else is told of
        ``room``. ``payload`` is JSON of at most 18 kB without identity numbers or chat.
        ``key``: what several hubs notice alike and is told once. Costs nothing when nobody
        listens. Never raises for a database that is away: it is kept for the next flush.
        """
        ...

    def later(
        self, kind: str, room: str | None, payload: Mapping[str, Any], *, key: str | None = None
    ) -> None:
        """``tell`` without waiting, for the live path."""
        ...

    async def flush(self) -> None: ...

    async def endpoints(self) -> tuple[Endpoint, ...]:
        """At most ENDPOINTS_MAX, oldest first."""
        ...

    async def endpoint(self, id: str) -> Endpoint | None: ...

    async def create(self, url: str, kinds: Sequence[str]) -> tuple[Endpoint, str]:
        """The endpoint and its secret (``whsec_…``), which is never shown again.

        Raises BadEndpoint: not_https, bad_url, too_many, bad_kind.
        """
        ...

    async def change(
        self, id: str, *, url: str | None = None, kinds: Sequence[str] | None = None,
        active: bool | None = None,
    ) -> Endpoint | None:  # fmt: skip
        """None when there is none. Raises BadEndpoint. Switched on again it begins with what
        is told from now on and what waited."""
        ...

    async def delete(self, id: str) -> bool: ...

    async def rotate(self, id: str) -> tuple[Endpoint, str] | None:
        """A new secret; the old one signs beside it for 24 hours."""
        ...

    async def test(self, id: str) -> bool:
        """Have the endpoint told ``webhook.test``, whatever kinds it wants."""
        ...

    async def deliveries(
        self, id: str, *, state: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[Delivery, ...], str | None]:
        """Newest first. Raises ValueError for a cursor."""
        ...

    async def replay(self, id: str, delivery: int) -> bool:
        """Send once more, under the same webhook-id; False when there is no such delivery."""
        ...

    async def pump(self) -> None:
        """Begin to send what is due; does not wait for the answers."""
        ...

    async def deliver(self) -> int:
        """Send what is due and free to be sent; how many were tried."""
        ...

    async def stop(self) -> None:
        """Give up what is being sent: it stays due."""
        ...

    async def tidy(self) -> None:
        """Remove messages past their keeping time, and old secrets."""
        ...

    async def room_opened_or_closed(self, what: str, room: str, title: str, at_ms: int) -> None:
        """``tell`` of a room that is ``opened`` or ``closed`` since ``at_ms``; once, whoever
        notices."""
        ...

    async def notice_rooms(self) -> None:
        """Tell of rooms whose opening or closing time came."""
        ...
