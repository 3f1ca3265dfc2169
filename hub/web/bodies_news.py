"""Bodies of announcements and figures. Times are RFC 3339; texts by language are objects."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from hub.web.bodies import Moment, Request, Slug
from hub.web.bodies_programme import LANGUAGES_MAX, Tag, _plain
from hub.web.countries import is_country
from rooms.news import AUDIENCE_MAX, TEXT_MAX

RoleName = Literal["participant", "exhibitor", "speaker", "moderator", "organiser"]
DAYS_MAX: Final = 60


def _country(value: str) -> str:
    if not is_country(value):
        raise PydanticCustomError("unknown_country", "an ISO 3166-1 code of two letters")
    return value


Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$"), AfterValidator(_country)]
Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX), AfterValidator(_plain)]


class AudienceBody(Request):
    """Whoever is in each list that has something in it; without any, everybody."""

    roles: list[RoleName] = Field(default_factory=list, max_length=5)
    sectors: list[Slug] = Field(default_factory=list, max_length=AUDIENCE_MAX)
    countries: list[Country] = Field(default_factory=list, max_length=AUDIENCE_MAX)
    rooms: list[Slug] = Field(default_factory=list, max_length=AUDIENCE_MAX)
    on_site: bool | None = None


class AnnouncementCreate(Request):
    texts: Annotated[dict[Tag, Text], Field(min_length=1, max_length=LANGUAGES_MAX)]
    audience: AudienceBody = Field(default_factory=AudienceBody)
    until: Moment


class AnnouncementBody(BaseModel):
    id: str
    texts: dict[str, str]
    audience: AudienceBody
    by: str
    created_at: str
    until: str
    withdrawn_at: str | None
    current: bool


class AnnouncementList(BaseModel):
    items: list[AnnouncementBody]
    next: str | None


class Share(BaseModel):
    key: str
    number: int


class MomentBody(BaseModel):
    at: str
    registered: int
    online: int
    on_site: int
    rooms_open: int
    seats_taken: int
    waiting: int


class FiguresBody(MomentBody):
    """``counted_at``: of registered, companies, on_site, countries and sectors."""

    companies: int
    rooms: int
    capacity: int
    countries: list[Share]
    sectors: list[Share]
    counted_at: str


class HistoryBody(BaseModel):
    items: list[MomentBody]
