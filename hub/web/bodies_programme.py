"""Bodies of the programme's API. Times are RFC 3339 with a zone; texts by language are objects."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from hub.web.bodies import Company, Moment, Name, PersonId, Request, Slug, Title, without_defaults

SPEAKERS_MAX: Final = 30
LANGUAGES_MAX: Final = 10
ABOUT_MAX: Final = 4_000
LENGTH_MAX_MS: Final = 24 * 3_600_000


def _plain(value: str) -> str:
    """Paragraphs: NFC; line breaks are kept, other control, format and bidi characters refused."""
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if any(
        char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        for char in text
    ):
        raise PydanticCustomError("bad_text", "a character that must not be there")
    return text


Tag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=35)]
About = Annotated[str, Field(min_length=1, max_length=ABOUT_MAX), AfterValidator(_plain)]
Position = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_plain)]
Key = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_plain)]
Titles = Annotated[dict[Tag, Title], Field(max_length=LANGUAGES_MAX)]
Abouts = Annotated[dict[Tag, About], Field(max_length=LANGUAGES_MAX)]
Tags = Annotated[list[Tag], Field(max_length=LANGUAGES_MAX)]


class SpeakerBody(Request):
    """``person`` is an account: it has the role in the room while the conference runs."""

    name: Name
    role: Literal["speaker", "host"] = "speaker"
    person: PersonId | None = None
    organisation: Company | None = None
    position: Position | None = None


Speakers = Annotated[list[SpeakerBody], Field(max_length=SPEAKERS_MAX)]


class ConferenceCreate(Request):
    slug: Slug
    room: Slug
    title: Title
    sector: Slug
    starts_at: Moment
    ends_at: Moment
    titles: Titles = Field(default_factory=dict)
    about: Abouts = Field(default_factory=dict)
    languages: Tags = Field(default_factory=list)
    company: Slug | None = None
    speakers: Speakers = Field(default_factory=list)
    cancelled: bool = False
    external_key: Key | None = None


class ConferencePatch(Request):
    """Fields that are absent stay; null clears where null is a value. Lists and texts by
    language are replaced as a whole. Of the defaults below none is ever used."""

    model_config = ConfigDict(json_schema_extra=without_defaults)

    room: Slug = ""
    title: Title = ""
    sector: Slug = ""
    starts_at: Moment = Field(default=None)  # type: ignore[assignment]
    ends_at: Moment = Field(default=None)  # type: ignore[assignment]
    titles: Titles = Field(default_factory=dict)
    about: Abouts = Field(default_factory=dict)
    languages: Tags = Field(default_factory=list)
    company: Slug | None = None
    speakers: Speakers = Field(default_factory=list)
    cancelled: bool = False
    external_key: Key | None = None


class SpeakerAnswer(BaseModel):
    """``person`` is told to organisers only."""

    name: str
    role: Literal["speaker", "host"]
    organisation: str | None
    position: str | None
    person: str | None = None


class ConferenceBody(BaseModel):
    slug: str
    room: str
    room_title: str
    title: str
    titles: dict[str, str]
    about: dict[str, str]
    sector: str
    languages: list[str]
    company: str | None
    company_name: str | None
    speakers: list[SpeakerAnswer]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    cancelled: bool
    changed_at: AwareDatetime
    version: int
    external_key: str | None = None


class ConferenceList(BaseModel):
    items: list[ConferenceBody]
    next: str | None


class AgendaItem(ConferenceBody):
    """``clashes``: slugs of others in the agenda at the same time."""

    clashes: list[str]


class AgendaBody(BaseModel):
    items: list[AgendaItem]
    next: str | None


class ClashBody(BaseModel):
    slug: str
    title: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class AgendaAdded(BaseModel):
    """``clashes``: what else is in the agenda at the same time."""

    conference: str
    clashes: list[ClashBody]


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
