"""Bodies of the negotiations' API, and the checks that the organiser's pages share with them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from hub.ports.talks import (
    CAPACITY_MAX,
    INVITE_TTL_MAX_S,
    INVITE_USES_MAX,
    OPEN_MANY_MAX,
    SIDES_MAX,
)
from hub.web.bodies import ModeName, Moment, Note, PersonId, Request, Slug, Title
from hub.web.bodies_companies import plain
from hub.web.problems import Invalid

BULK_BYTES: Final = 4 * 1024 * 1024
MEMBERS_MAX: Final = 200  # of one talk, as it is opened by a request

Agenda = Annotated[str, Field(max_length=4_000), AfterValidator(plain)]
Seats = Annotated[int, Field(ge=1, le=CAPACITY_MAX)]
StateName = Literal["scheduled", "running", "ended"]
OriginName = Literal["appointment", "ring", "company", "organiser", "moved"]
WhyName = Literal["done", "time", "complaint", "cancelled"]


class TalkMember(Request):
    """``side``: a company's slug, or ``guest``. Who is on the side of the talk's own company is a
    host; ``role`` makes others one too. ``lobby``: must be let in each time."""

    person: PersonId
    side: Slug = "guest"
    role: Literal["host", "participant"] = "participant"
    lobby: bool = False


class TalkFields(Request):
    """Times left out: now, and no planned end. ``sides``: seats by side, where the mode has them;
    ``capacity`` of a one_to_one talk is 2."""

    company: Slug | None = None
    agenda: Agenda = ""
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    capacity: int = Field(2, ge=2, le=CAPACITY_MAX)
    reserved: int = Field(0, ge=0, le=CAPACITY_MAX)
    sides: dict[Slug, Seats] = Field(default_factory=dict, max_length=SIDES_MAX)
    lobby: bool = False
    relay_only: bool = False
    members: list[TalkMember] = Field(default_factory=list, max_length=MEMBERS_MAX)


class TalkItem(TalkFields):
    mode: ModeName
    subject: Title


class NegotiationCreate(TalkFields):
    """One talk (``mode`` and ``subject`` are needed), or ``items`` and nothing else: all of them
    or none. Many, and talks without a company, are the organiser's."""

    mode: ModeName | None = None
    subject: Title | None = None
    items: list[TalkItem] | None = Field(None, min_length=1, max_length=OPEN_MANY_MAX)

    def talks(self) -> tuple[TalkItem, ...]:
        """Raises Invalid."""
        if self.items is not None:
            beside = sorted(self.model_fields_set - {"items"})
            if beside:
                raise Invalid([(name, "not_allowed") for name in beside])
            return tuple(self.items)
        missing = [(name, "missing") for name in ("mode", "subject") if not getattr(self, name)]
        if missing:
            raise Invalid(missing)
        given = {name: getattr(self, name) for name in self.model_fields_set - {"items"}}
        return (TalkItem.model_construct(**given),)


class MemberAdd(Request):
    person: PersonId
    side: Slug = "guest"
    lobby: bool = False


class ColleagueAdd(Request):
    person: PersonId


class InviteCreate(Request):
    """Bound to ``person``, to the staff of ``company``, or to whoever has the link. One to a
    company's side is for its staff."""

    side: Slug = "guest"
    lobby: bool = False
    person: PersonId | None = None
    company: Slug | None = None
    uses: int = Field(1, ge=1, le=INVITE_USES_MAX)
    ttl_s: int = Field(86_400, ge=60, le=INVITE_TTL_MAX_S)


class InviteAccept(Request):
    secret: Annotated[str, Field(min_length=1, max_length=200)]


class Extension(Request):
    ends_at: Moment


class Move(Request):
    """Where everybody is to go on: what is left out stays as it is."""

    subject: Title | None = None
    mode: ModeName | None = None
    capacity: int | None = Field(None, ge=2, le=CAPACITY_MAX)
    lobby: bool | None = None
    relay_only: bool | None = None


class End(Request):
    """``complaint`` is the organiser's, with a ``note`` for the record."""

    reason: Literal["done", "complaint"] = "done"
    note: Note | None = None


# --- answers --------------------------------------------------------------------------------


class TalkMemberAnswer(BaseModel):
    person: str
    name: str
    side: str
    role: Literal["host", "participant"]
    lobby: bool


class NegotiationAnswer(BaseModel):
    """``side`` and ``host``: the reader's. ``members`` are those who belong to it now."""

    room: str
    origin: OriginName
    mode: ModeName
    company: str | None
    subject: str
    agenda: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    ended_why: WhyName | None
    capacity: int
    sides: dict[str, int]
    lobby: bool
    relay_only: bool
    side: str
    host: bool
    members: list[TalkMemberAnswer]


class Opened(BaseModel):
    room: str
    subject: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None


class NegotiationsOpened(BaseModel):
    """In the order asked for."""

    items: list[Opened]


class NegotiationRow(BaseModel):
    """To the organiser: numbers and states, no subject and nobody's side. To anybody else: their
    own talks, without the numbers."""

    room: str
    mode: ModeName
    state: StateName
    company: str | None
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None
    ended_why: WhyName | None
    subject: str | None
    side: str | None
    live: int | None
    waiting: int | None


class NegotiationCounts(BaseModel):
    scheduled: int
    running: int
    ended: int
    by_mode: dict[str, int]


class NegotiationList(BaseModel):
    """``counts``: of all talks of the fair, to the organiser."""

    items: list[NegotiationRow]
    next: str | None
    counts: NegotiationCounts | None


class Colleague(BaseModel):
    """``member``: belongs to the talk already."""

    person: str
    name: str
    title: str | None
    member: bool


class ColleagueList(BaseModel):
    items: list[Colleague]
    next: str | None = None


class InviteAnswer(BaseModel):
    id: str
    side: str
    lobby: bool
    person: str | None
    company: str | None
    uses_max: int
    uses: int
    expires_at: AwareDatetime


class InviteMade(InviteAnswer):
    """``url`` holds the secret; it is told once."""

    url: str


class InviteList(BaseModel):
    items: list[InviteAnswer]
    next: str | None = None


class Accepted(BaseModel):
    room: str
    side: str
    lobby: bool


class PlannedEnd(BaseModel):
    room: str
    ends_at: AwareDatetime


class MovedTo(BaseModel):
    """``room``: where the same people are members."""

    room: str


class FileAnswer(BaseModel):
    """``mine``: the reader put it in."""

    id: str
    filename: str
    content_type: str
    size: int
    by: str
    created_at: AwareDatetime
    mine: bool


class FileList(BaseModel):
    items: list[FileAnswer]
    next: str | None = None
