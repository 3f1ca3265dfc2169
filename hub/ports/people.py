"""Accounts: registering, signing in, what a person decides about themselves; outgoing mail.

Times are milliseconds since the Unix epoch. Limits on how often something is tried are the
caller's (``hub.ports.Vault.count``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from rooms.model import Identity, Role

#: What a person may show others, beside the name.
SHOWABLE = ("organisation", "position", "country")
Source = Literal["web", "app", "import", "onsite", "demo", "organiser"]


class Busy(Exception):
    """Too many passwords wait to be hashed; try again in a few seconds."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Already checked and clean. ``country``: ISO 3166-1 alpha-2; ``sectors``: slugs of the
    fair; ``languages``: BCP 47 tags; ``language``: of pages and mail."""

    name: str
    email: str
    password: str
    country: str
    privacy_version: int
    organisation: str | None = None
    position: str | None = None
    sectors: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    language: str = "en"
    source: Source = "web"


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """An account, without its secrets. ``shows``: of SHOWABLE, what others see."""

    id: str
    name: str
    email: str | None
    verified_ms: int | None
    country: str
    organisation: str | None
    position: str | None
    sectors: tuple[str, ...]
    languages: tuple[str, ...]
    language: str
    time_zone: str | None
    role: Role
    gate: bool
    listed: bool
    shows: tuple[str, ...]
    privacy_version: int
    consent_ms: int
    totp_on: bool
    source: str
    blocked: bool
    created_ms: int
    changed_ms: int
    erased_ms: int | None
    version: int

    @property
    def must_enrol(self) -> bool:
        return self.role is not Role.PARTICIPANT and not self.totp_on


@dataclass(frozen=True, slots=True)
class SignIn:
    """``ok`` with the person; ``wrong`` for an unknown address, a wrong password and a blocked
    account alike; ``unverified``: right, but the address is not (a mail went out again);
    ``second``: right, and the code is due."""

    outcome: Literal["ok", "wrong", "unverified", "second"]
    person: PersonRecord | None = None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One signed-in browser or app, as its person sees it. ``address`` is a prefix."""

    id: str
    kind: Literal["browser", "app"]
    agent: str | None
    address: str | None
    created_ms: int
    seen_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class DeviceGrant:
    """What an app gets: ``refresh`` changes with every use."""

    device: str
    person: PersonRecord
    refresh: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Totp:
    """A second factor about to be set up: the secret in base 32, and the address a QR code
    carries (otpauth://)."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    country: str | None = None
    role: str | None = None
    sector: str | None = None
    blocked: bool | None = None
    verified: bool | None = None


class People(Protocol):
    """Accounts of the fair. Every method may raise ``hub.ports.DirectoryLost``; those that
    take a password may raise Busy."""

    # registering

    async def register(self, new: Registration) -> None:
        """Make the account, or tell the owner of a known address by mail; the same answer,
        and the same work, for both."""
        ...

    async def verify(self, token: str) -> PersonRecord | None:
        """Use a mailed link up: the address is verified, or changed to the new one."""
        ...

    async def ask_verify(self, person: str) -> bool:
        """Mail the link that verifies the address once more. False: no such person, blocked,
        without an address, or verified already."""
        ...

    async def ask_reset(self, email: str) -> None:
        """Mail a link that sets a new password, when there is such an account."""
        ...

    async def reset(self, token: str, password: str) -> PersonRecord | None:
        """Use the link up: a new password, every session and app signed out."""
        ...

    # signing in

    async def sign_in(self, email: str, password: str) -> SignIn: ...

    async def second(self, person: str, code: str) -> bool:
        """Use up a code of the app (each counts once) or a recovery code."""
        ...

    async def begin_totp(self, person: str, issuer: str) -> Totp | None:
        """A new secret, not in force before ``confirm_totp``; None while one is in force."""
        ...

    async def pending_totp(self, person: str, issuer: str) -> Totp | None:
        """The one ``begin_totp`` made."""
        ...

    async def confirm_totp(self, person: str, code: str) -> tuple[str, ...] | None:
        """The recovery codes, shown once; None when the code is wrong."""
        ...

    async def end_totp(self, person: str) -> None: ...

    # what a person does

    async def get(self, person: str) -> PersonRecord | None: ...

    async def by_email(self, email: str) -> PersonRecord | None: ...

    async def many(self, ids: Sequence[str]) -> dict[str, PersonRecord]:
        """Those that exist, at most 500 asked for at once."""
        ...

    async def check_password(self, person: str, password: str) -> bool: ...

    async def change_password(self, person: str, password: str, keep: str) -> None:
        """Every session but ``keep`` and every app is signed out."""
        ...

    async def ask_change_email(self, person: str, email: str) -> None:
        """A link goes to the new address (``verify`` uses it), a word to the old one. When
        the new one is known already its owner is told instead."""
        ...

    async def change(
        self, person: str, changes: Mapping[str, Any], version: int | None = None
    ) -> PersonRecord:
        """Columns of the profile by name (name, country, organisation, position, sectors,
        languages, language, time_zone, listed, shows). Raises LookupError; StaleVersion when
        ``version`` is given and another is stored."""
        ...

    async def sessions(self, person: str) -> tuple[SessionRow, ...]: ...

    async def revoke(self, person: str, session: str) -> bool:
        """Sign one browser or app out."""
        ...

    async def revoke_all(self, person: str, keep: str = "") -> int: ...

    async def export(self, person: str) -> dict[str, Any] | None:
        """Everything kept about a person, without secrets and identity numbers."""
        ...

    async def erase(self, person: str) -> bool:
        """Make the person nobody and free the address; counts stay right."""
        ...

    # apps

    async def open_device(self, person: str, name: str) -> DeviceGrant | None: ...

    async def refresh_device(self, refresh: str) -> DeviceGrant | None:
        """A new refresh token. One that was used before means a copy: the app is signed out."""
        ...

    async def device(self, person: str, device: str) -> tuple[Identity, PersonRecord] | None:
        """Who an app speaks for now; None when it was signed out or the person blocked."""
        ...

    # what organisers do

    async def create(
        self, new: Registration, *, role: Role = Role.PARTICIPANT, gate: bool = False,
        verified: bool = False,
    ) -> PersonRecord | None:  # fmt: skip
        """An account made by an organiser (empty password: none, a reset link sets one);
        None when the address is known."""
        ...

    async def appoint(
        self, person: str, *, role: Role | None = None, gate: bool | None = None,
        blocked: bool | None = None,
    ) -> PersonRecord | None:  # fmt: skip
        """None leaves as it is. A block signs everything out. None: no such person."""
        ...

    async def search(
        self, q: str, where: PeopleFilter, cursor: str | None, limit: int
    ) -> tuple[tuple[PersonRecord, ...], str | None]:
        """By name, e-mail or organisation; newest first. Raises ValueError for a cursor that
        is none."""
        ...

    async def count(self) -> int:
        """Accounts that were not erased."""
        ...


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail on its way. ``state``: waiting, sent, failed."""

    id: int
    address: str
    kind: str
    subject: str
    text: str
    created_ms: int
    due_ms: int
    attempts: int
    sent_ms: int | None
    failed: str | None

    @property
    def state(self) -> Literal["waiting", "sent", "failed"]:
        if self.sent_ms is not None:
            return "sent"
        return "failed" if self.failed is not None else "waiting"


class Mails(Protocol):
    """Mail that waits to go out, and the outbox where there is no SMTP server."""

    @property
    def sends(self) -> bool:
        """Whether there is a server to send by."""
        ...

    async def queue(
        self, address: str, kind: str, language: str, values: Mapping[str, str],
        person: str | None = None,
    ) -> None:  # fmt: skip
        """Write a mail from ``templates/mail/<language>/<kind>.txt`` into the outbox."""
        ...

    async def outbox(
        self, cursor: str | None, limit: int
    ) -> tuple[tuple[MailRow, ...], str | None]:
        """Newest first. Raises ValueError for a cursor that is none."""
        ...

    async def send_again(self, mail: int) -> bool:
        """Put a failed or waiting one at the front; False when it was sent or is unknown."""
        ...

    async def send_due(self) -> int:
        """Send what is due, taken by lease so that no two hubs send the same; how many."""
        ...

    async def tidy(self) -> None:
        """Forget what was sent long ago and links that are good no longer."""
        ...
