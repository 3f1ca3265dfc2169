"""What SQL keeps of rooms, sign-in links and web sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rooms.model import Identity, Role, RoomSpec


@dataclass(frozen=True, slots=True)
class RoomRecord:
    spec: RoomSpec
    version: int  # the ETag's content; grows with each change of the configuration
    created_ms: int


@dataclass(frozen=True, slots=True)
class Account:
    id: str  # "u_…"
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class WebSession:
    """A signed-in browser. ``csrf`` is what X-CSRF-Token must be on unsafe requests.

    Name, role and the rest are read from the account at each request: a change of role or a
    block acts at once. ``account`` is False for a sign-in link. ``gate``: may admit at the
    gate. ``language`` is the one the person chose. ``must_enrol``: a moderator or organiser
    without a second factor, who is no more than a participant until there is one. ``id``
    names the session in the person's list.
    """

    identity: Identity
    csrf: str
    expires_ms: int
    account: bool = False
    gate: bool = False
    language: str | None = None
    time_zone: str | None = None
    must_enrol: bool = False
    id: str = ""


class Directory(Protocol):
    """Every method but ``ready`` may raise ``DirectoryLost``."""

    async def room(self, slug: str) -> RoomRecord | None: ...

    async def rooms(
        self, *, kind: str | None, q: str | None, cursor: str | None, limit: int
    ) -> tuple[tuple[RoomRecord, ...], str | None]: ...

    async def create_room(self, spec: RoomSpec) -> RoomRecord:
        """Raises RoomExists."""
        ...

    async def change_room(self, slug: str, version: int, spec: RoomSpec) -> RoomRecord:
        """Raises StaleVersion when the stored version is not ``version``; LookupError."""
        ...

    async def close_room(self, slug: str) -> bool:
        """Mark the room closed for good; False when there is no such room. May be repeated."""
        ...

    async def ready(self) -> str | None:
        """None when the database answers, else why not."""
        ...

    async def create_signin_link(self, role: Role, ttl_s: int = ...) -> str:
        """The secret of a new one-use link that signs in with ``role``."""
        ...

    async def use_signin_link(self, token: str) -> Role | None:
        """Use the link up, atomically; None when it is unknown, used or expired."""
        ...

    async def open_session(
        self, identity: Identity, ttl_s: int, *, address: str | None = None, agent: str = ""
    ) -> tuple[str, WebSession]:
        """(cookie value, session). ``address`` is a prefix, ``agent`` words for a person."""
        ...

    async def session(self, cookie: str) -> WebSession | None:
        """The unexpired session a cookie opens."""
        ...

    async def close_session(self, cookie: str) -> None: ...


class RoomExists(Exception):
    pass


class StaleVersion(Exception):
    pass
