"""Bodies of the on-site API: slots, a person's pass, the gate, identity numbers."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field, SecretStr

from hub.ports.onsite import DocumentKind, Result
from hub.web.bodies import Moment, Name, Note, Request

CAPACITY_MAX: Final = 1_000_000
Country = Annotated[str, Field(pattern=r"^[A-Za-z]{2}$", max_length=2)]
Device = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,16}$", max_length=16)]
SlotId = Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$", max_length=32)]


class SlotCreate(Request):
    starts_at: Moment
    ends_at: Moment
    capacity: int = Field(ge=0, le=CAPACITY_MAX)


class SlotPatch(Request):
    capacity: int = Field(ge=0, le=CAPACITY_MAX)


class IdentityRequest(Request):
    """``country`` issued the document; a resident id is Chinese. ``consent`` to keeping this
    number is one of its own. Full-width digits, spaces and hyphens are understood."""

    kind: DocumentKind
    country: Country = "CN"
    number: SecretStr = Field(max_length=64)
    consent: bool


class PassRequest(Request):
    slot: SlotId
    identity: IdentityRequest | None = None


class ScanRequest(Request):
    """``gate`` names the device: the same code within 3 s at one gate is one scan. ``scan``
    names one reading: the same sent again, after a lost answer, gets the same answer."""

    code: str = Field(max_length=64)
    gate: Device | None = None
    scan: Device | None = None


class DeskRequest(Request):
    """``slot`` gives the person a pass at once."""

    name: Name
    country: Country
    identity: IdentityRequest
    slot: SlotId | None = None


class RevealRequest(Request):
    reason: Note


# --- what is answered -----------------------------------------------------------------------


class SlotBody(BaseModel):
    id: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    capacity: int
    taken: int
    left: int


class SlotList(BaseModel):
    items: list[SlotBody]
    next: str | None


class IdentityBody(BaseModel):
    """``last4`` is null once the number was erased."""

    kind: DocumentKind
    country: str
    last4: str | None
    consent_at: AwareDatetime


class PassBody(BaseModel):
    """``code`` is what the QR of the pass holds."""

    id: str
    person: str
    name: str
    code: str
    slot: SlotBody
    created_at: AwareDatetime
    entered_at: AwareDatetime | None
    identity: IdentityBody | None


class VerdictBody(BaseModel):
    """``admitted`` is the yes. ``first_at``: when a pass was used that comes again.
    ``today``: passes let in since midnight of the fair's zone."""

    result: Result
    admitted: bool
    repeated: bool
    same_gate: bool
    at: AwareDatetime
    person: str | None
    name: str | None
    last4: str | None
    starts_at: AwareDatetime | None
    ends_at: AwareDatetime | None
    first_at: AwareDatetime | None
    today: int


class DeskBody(BaseModel):
    """``new`` is false when the number was known: then it is that person, by their own name."""

    person: str
    new: bool
    pass_: PassBody | None = Field(serialization_alias="pass")


class RevealBody(BaseModel):
    number: str
    kind: Literal["resident_id", "passport", "permit"]
    country: str
