"""Bodies of rooms, their people, tokens and occupancy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from hub.web.bodies import (
    Company,
    ModeName,
    Moment,
    Name,
    Note,
    OthersId,
    Request,
    Sides,
    Slug,
    Title,
    without_defaults,
)
from hub.web.problems import Invalid
from rooms.model import CAPACITY_MAX, Role

KindName = Literal["conference", "negotiation"]
StateName = Literal["scheduled", "open", "closed"]


class RoomCreate(Request):
    slug: Slug
    title: Title
    kind: KindName
    mode: ModeName | None = None
    capacity: int = Field(ge=1, le=CAPACITY_MAX)
    reserved: int = Field(0, ge=0, le=CAPACITY_MAX)
    stage_capacity: int = Field(9, ge=0, le=100)
    locked: bool = False
    lock_message: Note | None = None
    guests: bool = False
    waitlist: bool = True
    chat: Literal["on", "off"] = "on"
    slow_mode_s: int = Field(0, ge=0, le=3600)
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    lobby: bool = False
    sides: Sides = Field(default={})
    relay_only: bool = False


class RoomPatch(Request):
    """Fields that are absent stay; null clears where null is a value.

    The defaults below are never used: only ``model_fields_set`` counts.
    """

    model_config = ConfigDict(json_schema_extra=without_defaults)

    title: Title = Field(default="")
    mode: ModeName | None = None
    capacity: int = Field(default=1, ge=1, le=CAPACITY_MAX)
    reserved: int = Field(default=0, ge=0, le=CAPACITY_MAX)
    stage_capacity: int = Field(default=9, ge=0, le=100)
    locked: bool = False
    lock_message: Note | None = None
    guests: bool = False
    waitlist: bool = True
    chat: Literal["on", "off"] = "on"
    slow_mode_s: int = Field(default=0, ge=0, le=3600)
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    lobby: bool = False
    sides: Sides = Field(default={})
    relay_only: bool = False


class TokenParticipant(Request):
    id: OthersId
    name: Name
    company: Company | None = None
    side: Slug | None = None


def _as_role(value: Any) -> Any:
    try:
        return Role(value) if isinstance(value, str) else value
    except ValueError:
        raise PydanticCustomError("enum", "not a role") from None


class _Issue(Request):
    """What tokens are good for; for whom they are, the kinds below say."""

    role: Annotated[Role, BeforeValidator(_as_role)]
    reserved: bool = False
    ttl_s: int = Field(3600, ge=1, le=3600)


class TokenRequest(_Issue):
    participant: TokenParticipant


class BatchRequest(_Issue):
    participants: list[TokenParticipant] = Field(min_length=1, max_length=1000)


class GuestRequest(Request):
    name: Name


class ActionRequest(Request):
    """``seconds`` goes with ban, ``source`` with mute, ``reason`` with remove and ban."""

    action: Literal["remove", "ban", "unban", "stage", "unstage", "mute"]
    reason: Note | None = None
    seconds: int | None = Field(None, ge=1, le=31_536_000)
    source: Literal["camera", "microphone", "screen"] | None = None

    def check(self) -> None:
        """Raises Invalid when a field the action needs is missing."""
        if self.action == "ban" and self.seconds is None:
            raise Invalid([("seconds", "missing")])
        if self.action == "mute" and self.source is None:
            raise Invalid([("source", "missing")])


# --- what is answered -----------------------------------------------------------------------


class RoomBody(BaseModel):
    """Configuration with the live settings in force, and the counts of seats."""

    slug: str
    title: str
    kind: KindName
    mode: ModeName | None
    capacity: int
    reserved: int
    stage_capacity: int
    locked: bool
    lock_message: str | None
    guests: bool
    waitlist: bool
    chat: Literal["on", "off"]
    slow_mode_s: int
    opens_at: AwareDatetime | None
    closes_at: AwareDatetime | None
    lobby: bool
    sides: dict[str, int]
    relay_only: bool
    state: StateName
    live: int
    held: int
    offered: int
    waiting: int
    stage: int


class RoomList(BaseModel):
    items: list[RoomBody]
    next: str | None


class TokenBody(BaseModel):
    token: str
    expires_at: AwareDatetime


class BatchToken(TokenBody):
    id: str


class BatchBody(BaseModel):
    """In the order asked for."""

    tokens: list[BatchToken]


class TicketBody(BaseModel):
    ticket: str
    expires_at: AwareDatetime


class GuestParticipant(BaseModel):
    id: str
    name: str


class GuestBody(BaseModel):
    participant: GuestParticipant
    expires_at: AwareDatetime


class ParticipantBody(BaseModel):
    id: str
    name: str
    role: Role
    company: str | None
    state: Literal["live", "held", "offered", "waiting"]
    stage: bool
    hand: int | None
    position: int | None


class ParticipantList(BaseModel):
    items: list[ParticipantBody]
    next: str | None


class ActionBody(BaseModel):
    """``seq``: the number of the room's event that tells of the act."""

    ok: Literal[True]
    seq: int


class OccupancyTotals(BaseModel):
    rooms: int
    capacity: int
    live: int
    held: int
    offered: int
    waiting: int


class OccupancyRow(BaseModel):
    room: str
    live: int
    held: int
    offered: int
    waiting: int
    capacity: int
    reserved: int
    locked: bool
    state: StateName
    stage: int
    hands: int
    oldest_wait_ms: int | None
    privileged: int | None


class OccupancyBody(BaseModel):
    at: AwareDatetime
    totals: OccupancyTotals
    rooms: list[OccupancyRow]
