"""Bodies of the rings' API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from hub.web.bodies import Moment, Request
from hub.web.bodies_companies import line
from rooms.rings import SUBJECT_MAX

StateName = Literal["ringing", "answered", "refused", "missed", "cancelled"]
WhyName = Literal["declined", "no_answer", "busy", "hung_up", "dropped", "nobody"]


Subject = Annotated[str, Field(min_length=1, max_length=SUBJECT_MAX), AfterValidator(line)]


class RingCreate(Request):
    subject: Subject | None = None


class RingsSeen(Request):
    """``until``: the beginning of the newest ring that was looked at."""

    until: Moment


class CallerBody(BaseModel):
    name: str
    organisation: str | None


class RingBody(BaseModel):
    """``left_ms``: how long it still rings, 0 once it is over. ``by``: the name of who took it.
    ``room`` is told to the two who talk."""

    id: str
    company: str
    company_name: str
    caller: CallerBody
    subject: str
    state: StateName
    why: WhyName | None
    created_at: AwareDatetime
    expires_at: AwareDatetime
    left_ms: int
    ended_at: AwareDatetime | None
    by: str | None
    room: str | None
    seen: bool


class RingList(BaseModel):
    items: list[RingBody]
    next: str | None = None
