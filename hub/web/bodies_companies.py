"""Bodies of the companies' API, and the checks that the pages' forms share with them.

Texts by language are objects of BCP 47 tag to text; dates and times RFC 3339.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from hub.web.bodies import Company as Organisation
from hub.web.bodies import Request, Slug, without_defaults
from hub.web.countries import is_country

LANGUAGES_MAX: Final = 10
LINKS_MAX: Final = 10
URL_MAX: Final = 300
_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(value: str) -> str:
    """Paragraphs: NFC; line breaks are kept, other control, format and bidi characters refused."""
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if any(char != "\n" and unicodedata.category(char) in _REFUSED for char in text):
        raise PydanticCustomError("bad_text", "a character that must not be there")
    return text


def line(value: str) -> str:
    """One line of ``plain`` text."""
    text = plain(value)
    if "\n" in text or not text:
        raise PydanticCustomError("bad_text", "one line of text is needed")
    return text


def web_address(value: str) -> str:
    """An absolute http or https URL: never ``javascript:``, no user and password in it."""
    fault = PydanticCustomError("bad_format", "an address like https://example.org is expected")
    if any(char.isspace() or unicodedata.category(char) in _REFUSED for char in value):
        raise fault
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise fault from None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "." not in host or parts.username is not None:
        raise fault
    if "\\" in value or host.startswith(".") or host.endswith(".."):
        raise fault
    return value


def country_code(value: str) -> str:
    if not is_country(value):
        raise PydanticCustomError("not_allowed", "an ISO 3166-1 alpha-2 code is expected")
    return value


Tag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", max_length=35)]
Line80 = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(line)]
Summary = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(plain)]
About = Annotated[str, Field(min_length=1, max_length=6_000), AfterValidator(plain)]
CardNote = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(plain)]
Booth = Annotated[str, Field(min_length=1, max_length=32), AfterValidator(line)]
Url = Annotated[str, Field(min_length=1, max_length=URL_MAX), AfterValidator(web_address)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", max_length=2), AfterValidator(country_code)]
ExternalKey = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(line)]
Names = Annotated[dict[Tag, Organisation], Field(max_length=LANGUAGES_MAX)]
Summaries = Annotated[dict[Tag, Summary], Field(max_length=LANGUAGES_MAX)]
Abouts = Annotated[dict[Tag, About], Field(max_length=LANGUAGES_MAX)]
StaffRoleName = Literal["owner", "editor", "staff"]


class LinkBody(Request):
    title: Line80
    url: Url


Links = Annotated[list[LinkBody], Field(max_length=LINKS_MAX)]


class CompanyCreate(Request):
    slug: Slug
    name: Organisation
    sector: Slug
    country: Country
    names: Names = Field(default_factory=dict)
    summary: Summaries = Field(default_factory=dict)
    about: Abouts = Field(default_factory=dict)
    website: Url | None = None
    links: Links = Field(default_factory=list)
    booth: Booth | None = None
    on_site: bool = False
    online: bool = True
    published: bool = True
    external_key: ExternalKey | None = None


class CompanyPatch(Request):
    """Fields that are absent stay; null clears where null is a value. Lists and texts by
    language are replaced as a whole. Of the defaults below none is ever used.

    ``published``, ``booth``, ``on_site`` and ``external_key`` are the organiser's.
    """

    model_config = ConfigDict(json_schema_extra=without_defaults)

    name: Organisation = ""
    sector: Slug = ""
    country: Country = ""
    names: Names = Field(default_factory=dict)
    summary: Summaries = Field(default_factory=dict)
    about: Abouts = Field(default_factory=dict)
    website: Url | None = None
    links: Links = Field(default_factory=list)
    booth: Booth | None = None
    on_site: bool = False
    online: bool = True
    published: bool = True
    external_key: ExternalKey | None = None


class StaffPut(Request):
    role: StaffRoleName
    title: Line80 | None = None
    shown: bool = True


class CardPut(Request):
    note: CardNote | None = None


# --- answers ------------------------------------------------------------------------------


class LinkAnswer(BaseModel):
    title: str
    url: str


class CompanySummary(BaseModel):
    """A company in a list. ``live``: one of its people is in a room now."""

    slug: str
    name: str
    names: dict[str, str]
    sector: str
    country: str
    summary: dict[str, str]
    logo: str | None
    booth: str | None
    on_site: bool
    online: bool
    live: bool


class CompanyBody(CompanySummary):
    """``external_key`` is told to organisers only."""

    about: dict[str, str]
    website: str | None
    links: list[LinkAnswer]
    published: bool
    version: int
    changed_at: AwareDatetime
    external_key: str | None = None


class FacetsBody(BaseModel):
    sectors: dict[str, int]
    countries: dict[str, int]
    on_site: int
    online: int
    live: int


class CompanyList(BaseModel):
    """``similar``: companies named much like ``q``, when it found little."""

    items: list[CompanySummary]
    next: str | None
    total: int
    facets: FacetsBody
    similar: list[CompanySummary]


class FavouriteList(BaseModel):
    items: list[CompanySummary]
    next: str | None


class StaffAnswer(BaseModel):
    person: str
    name: str
    role: StaffRoleName
    title: str | None
    shown: bool


class StaffList(BaseModel):
    items: list[StaffAnswer]
    next: str | None = None


class CardAnswer(BaseModel):
    person: str
    name: str
    email: str | None
    organisation: str | None
    position: str | None
    country: str
    note: str | None
    changed_at: AwareDatetime


class CardList(BaseModel):
    items: list[CardAnswer]
    next: str | None


class CardLeft(BaseModel):
    company: str
    note: str | None
    changed_at: AwareDatetime


class CardsLeft(BaseModel):
    items: list[CardLeft]
    next: str | None = None
