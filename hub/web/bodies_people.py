"""Bodies of the API of accounts and apps."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.ports.people import PersonRecord, SessionRow
from hub.web.bodies import Company, Name, Request, without_defaults
from hub.web.people_fields import (
    Country,
    DeviceName,
    Email,
    GivenPassword,
    Languages,
    MailedToken,
    NewPassword,
    Position,
    Sectors,
    TotpCode,
    Zone,
)
from rooms.model import Role
from rooms.times import rfc3339

Shown = Literal["organisation", "position", "country"]
PageLanguage = Literal["en", "zh-Hans"]
RoleName = Literal["participant", "moderator", "organiser"]


class PersonCreate(Request):
    """``privacy_version``: of the text the person agreed to; it must be the one in force."""

    name: Name
    email: Email
    password: NewPassword
    country: Country
    privacy_version: int = Field(ge=1, le=1_000_000)
    organisation: Company | None = None
    position: Position | None = None
    sectors: Sectors = Field(default_factory=list)
    languages: Languages = Field(default_factory=list)
    language: PageLanguage = "en"


class VerifyRequest(Request):
    token: MailedToken


class DeviceCreate(Request):
    """``code``: of the second factor, when the account has one."""

    email: Email
    password: GivenPassword
    name: DeviceName
    code: TotpCode | None = None


class DeviceRefresh(Request):
    refresh_token: MailedToken


class MePatch(Request):
    """Fields that are absent stay; null clears where null is a value."""

    model_config = ConfigDict(json_schema_extra=without_defaults)

    name: Name = ""
    country: Country = ""
    organisation: Company | None = None
    position: Position | None = None
    sectors: Sectors = Field(default_factory=list)
    languages: Languages = Field(default_factory=list)
    language: PageLanguage = "en"
    time_zone: Zone | None = None
    listed: bool = False
    shows: list[Shown] = Field(default_factory=list, max_length=3)


class EraseRequest(Request):
    password: GivenPassword


class PersonPatch(Request):
    """What an organiser changes of an account. ``second_factor`` can only be taken off, of
    someone who has lost it."""

    model_config = ConfigDict(json_schema_extra=without_defaults)

    role: RoleName = "participant"
    gate: bool = False
    blocked: bool = False
    second_factor: Literal[False] = False


# --- answers ---


class AcceptedBody(BaseModel):
    """The same for every address, known or not."""

    accepted: bool


class VerifiedBody(BaseModel):
    verified: bool


class PersonBody(BaseModel):
    id: str
    name: str
    email: str | None
    verified: bool
    country: str
    organisation: str | None
    position: str | None
    sectors: list[str]
    languages: list[str]
    language: str
    time_zone: str | None
    role: Role
    gate: bool
    listed: bool
    shows: list[str]
    privacy_version: int
    second_factor: bool
    blocked: bool
    source: str
    created_at: AwareDatetime
    version: int


class PersonPage(BaseModel):
    items: list[PersonBody]
    next: str | None


class GrantBody(BaseModel):
    """``access_token`` is a Bearer for some minutes; ``refresh_token`` is good once."""

    device: str
    access_token: str
    access_expires_at: AwareDatetime
    refresh_token: str
    refresh_expires_at: AwareDatetime
    person: PersonBody


class ExportBody(BaseModel):
    """Rows by table; ``person`` is the account itself."""

    model_config = {"extra": "allow"}

    person: dict[str, Any]


class SessionBody(BaseModel):
    id: str
    kind: Literal["browser", "app"]
    agent: str | None
    address: str | None
    created_at: AwareDatetime
    seen_at: AwareDatetime
    expires_at: AwareDatetime


class SessionList(BaseModel):
    items: list[SessionBody]


_SAME: Final = (
    "id", "name", "email", "country", "organisation", "position", "language", "time_zone",
    "gate", "listed", "privacy_version", "blocked", "source", "version",
)  # fmt: skip


def person_json(person: PersonRecord) -> dict[str, Any]:
    """A PersonBody."""
    return {
        **{name: getattr(person, name) for name in _SAME},
        "verified": person.verified_ms is not None,
        "sectors": list(person.sectors),
        "languages": list(person.languages),
        "shows": list(person.shows),
        "role": person.role.value,
        "second_factor": person.totp_on,
        "created_at": rfc3339(person.created_ms),
    }


def session_json(row: SessionRow) -> dict[str, Any]:
    """A SessionBody."""
    return {
        "id": row.id, "kind": row.kind, "agent": row.agent, "address": row.address,
        "created_at": rfc3339(row.created_ms), "seen_at": rfc3339(row.seen_ms),
        "expires_at": rfc3339(row.expires_ms),
    }  # fmt: skip
