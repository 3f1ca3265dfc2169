"""Bodies of the appointments' API, and the texts its pages' forms check alike."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from hub.ports.appointments import (
    CAPACITY_MAX,
    NOTE_MAX,
    REASON_MAX,
    ROUND_MAX,
    ROUND_SEATS_MAX,
    SERIES_MAX,
    SUBJECT_MAX,
    TABLES_MAX,
)
from hub.web.bodies import Moment, PersonId, Request, Slug, without_defaults
from hub.web.bodies_companies import line, plain

DAYS_MAX = 31


def _year(value: date) -> date:
    if not 1970 <= value.year < 9000:
        raise PydanticCustomError("out_of_range", "a year from 1970 to 8999 is expected")
    return value


Id = Annotated[str, Field(pattern=r"^[0-9a-f]{1,32}$", max_length=32)]
Subject = Annotated[str, Field(min_length=1, max_length=SUBJECT_MAX), AfterValidator(line)]
LongNote = Annotated[str, Field(min_length=1, max_length=NOTE_MAX), AfterValidator(plain)]
Reason = Annotated[str, Field(min_length=1, max_length=REASON_MAX), AfterValidator(plain)]
SomeDay = Annotated[date, AfterValidator(_year)]
PlaceName = Literal["online", "on_site", "both"]
WhereName = Literal["online", "on_site"]
StateName = Literal[
    "pending", "countered", "confirmed", "running", "done", "no_show", "declined", "cancelled",
    "lapsed",
]  # fmt: skip


class _Offer(Request):
    """``staff``: whose it is; null: whoever accepts. ``title`` and ``capacity`` go with a
    group, ``table`` with the booth."""

    place: PlaceName = "online"
    form: Literal["single", "group"] = "single"
    title: Subject | None = None
    capacity: int = Field(1, ge=1, le=CAPACITY_MAX)
    staff: PersonId | None = None
    table: int | None = Field(None, ge=1, le=TABLES_MAX)


class SlotItem(_Offer):
    starts_at: Moment
    ends_at: Moment


class SlotSeries(_Offer):
    """Slots one after another from ``opens`` to ``closes`` on each day, in ``time_zone`` (the
    fair's when null). Lengths are 15 to 60 minutes in steps of five."""

    days: list[SomeDay] = Field(min_length=1, max_length=DAYS_MAX)
    opens: time
    closes: time
    length_min: int = Field(30, ge=1, le=1440)
    pause_min: int = Field(0, ge=0, le=240, multiple_of=5)
    time_zone: str | None = Field(None, max_length=64)


class SlotsCreate(Request):
    """Either ``items`` or a ``series``; all of them or none."""

    items: list[SlotItem] | None = Field(None, min_length=1, max_length=SERIES_MAX)
    series: SlotSeries | None = None

    @model_validator(mode="after")
    def _one(self) -> SlotsCreate:
        if (self.items is None) == (self.series is None):
            raise PydanticCustomError("missing", "items or a series is expected")
        return self


class SlotChangeBody(Request):
    """Fields that are absent stay; ``staff`` null is whoever accepts."""

    model_config = ConfigDict(json_schema_extra=without_defaults)

    starts_at: Moment | None = None
    ends_at: Moment | None = None
    place: PlaceName = "online"
    title: Subject = ""
    capacity: int = Field(default=1, ge=1, le=CAPACITY_MAX)
    staff: PersonId | None = None
    table: int = Field(default=1, ge=1, le=TABLES_MAX)


class AskBody(Request):
    """A ``slot``, or both times. ``anyway``: also when something in one's agenda is then, which
    is answered by 409 ``clash`` else."""

    subject: Subject
    note: LongNote | None = None
    slot: Id | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    place: WhereName | None = None
    staff: PersonId | None = None
    anyway: bool = False


class RoundBody(Request):
    """``seats`` by company, one's own among them."""

    subject: Subject
    note: LongNote | None = None
    starts_at: Moment
    ends_at: Moment
    seats: dict[Slug, Annotated[int, Field(ge=1, le=ROUND_SEATS_MAX)]] = Field(
        min_length=2, max_length=ROUND_MAX
    )


class ActBody(Request):
    """``staff`` goes with accept, propose and hand_over; ``slot`` or both times with propose;
    ``reason`` with decline, propose, cancel and hand_over. ``company``: for which company one
    answers a round, where one works for several. ``missed``: the visitor did not come."""

    action: Literal["accept", "decline", "propose", "hand_over", "cancel", "missed"]
    reason: Reason | None = None
    staff: PersonId | None = None
    slot: Id | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    company: Slug | None = None


# --- answers ----------------------------------------------------------------------------------


class MeetingSlotBody(BaseModel):
    id: str
    company: str
    staff: str | None
    staff_name: str | None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    place: PlaceName
    form: Literal["single", "group"]
    title: str
    capacity: int
    left: int
    table: int | None
    cancelled: bool


class MeetingSlotList(BaseModel):
    items: list[MeetingSlotBody]
    next: str | None


class RoundCompanyBody(BaseModel):
    company: str
    name: str
    seats: int
    staff: str | None
    staff_name: str | None
    state: Literal["invited", "accepted", "declined"]


class AppointmentBody(BaseModel):
    """``turn``: whose answer is awaited. ``room``: where it takes place, once it is agreed.
    ``late_ms`` and ``overrun_ms`` are what was seen of it; ``absent``: who did not come."""

    id: str
    form: Literal["single", "group", "round"]
    slot: str | None
    company: str
    company_name: str
    visitor: str
    visitor_name: str
    visitor_organisation: str | None
    staff: str | None
    staff_name: str | None
    subject: str
    note: str
    place: WhereName
    booth: str | None
    table: int | None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    state: StateName
    turn: Literal["company", "visitor"] | None
    hold_until: AwareDatetime | None
    reason: str | None
    room: str | None
    company_late_ms: int
    visitor_late_ms: int
    overrun_ms: int
    absent: list[Literal["company", "visitor"]]
    companies: list[RoundCompanyBody]
    created_at: AwareDatetime
    changed_at: AwareDatetime


class AppointmentList(BaseModel):
    items: list[AppointmentBody]
    next: str | None


class LogLineBody(BaseModel):
    """``by`` null: the fair itself, when time had passed."""

    at: AwareDatetime
    by: str | None
    act: str
    detail: dict[str, Any]


class AppointmentWhole(AppointmentBody):
    log: list[LogLineBody]


class FreeTimeBody(BaseModel):
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    slot: MeetingSlotBody | None


class FreeTimeList(BaseModel):
    items: list[FreeTimeBody]
    next: None


class AppointmentCounts(BaseModel):
    """How many there are in each state."""

    states: dict[str, int]
