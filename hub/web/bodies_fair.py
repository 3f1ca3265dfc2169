"""Bodies of the fair's own API: settings, the privacy text, the outbox."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Annotated, Final, Literal
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from hub.web.bodies import Request, Slug, Title, without_defaults

#: What a fair may be written in; pages themselves are in those of ``i18n.LANGUAGES``.
TAGS: Final = (
    "en", "zh-Hans", "zh-Hant", "ar", "de", "es", "fr", "it", "ja", "ko", "pt", "ru",
)  # fmt: skip
PARAGRAPHS_MAX: Final = 20_000
SECTORS_MAX: Final = 40


def _paragraphs(value: str) -> str:
    """NFC; line breaks stay, other control, format and bidi characters are refused."""
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if any(
        char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        for char in text
    ):
        raise PydanticCustomError("bad_text", "a character that must not be there")
    return text


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise PydanticCustomError("not_allowed", "an IANA time zone is expected")
    return value


def _address(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError:
        raise PydanticCustomError("bad_format", "no e-mail address") from None


Paragraphs = Annotated[str, Field(max_length=PARAGRAPHS_MAX), AfterValidator(_paragraphs)]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Contact = Annotated[str, Field(max_length=254), AfterValidator(_address)]
Tag = Annotated[str, Field(pattern=f"^({'|'.join(TAGS)})$")]
Names = Annotated[dict[Tag, Title], Field(min_length=1, max_length=len(TAGS))]
FullText = Annotated[
    str, Field(min_length=1, max_length=PARAGRAPHS_MAX), AfterValidator(_paragraphs)
]
Texts = Annotated[dict[Tag, FullText], Field(min_length=1, max_length=len(TAGS))]


class SectorChange(Request):
    slug: Slug
    names: Names


class FairPatch(Request):
    """Fields that are absent stay. Lists and texts by language are replaced as a whole. Dates
    come as a pair; null for both clears them. Of the defaults below none is ever used."""

    model_config = ConfigDict(json_schema_extra=without_defaults)

    names: Names = Field(default_factory=dict)
    starts_on: date | None = None
    ends_on: date | None = None
    time_zone: Zone = ""
    languages: Annotated[list[Tag], Field(min_length=1, max_length=len(TAGS))] = Field(
        default_factory=list
    )
    sectors: Annotated[list[SectorChange], Field(min_length=1, max_length=SECTORS_MAX)] = Field(
        default_factory=list
    )
    contact: Contact | None = None


class PrivacyChange(Request):
    """``after``: the version the new text follows."""

    after: Annotated[int, Field(ge=1, le=1_000_000)]
    texts: Texts


class SectorBody(BaseModel):
    slug: str
    names: dict[str, str]


class PrivacyBody(BaseModel):
    version: int
    texts: dict[str, str]
    published_at: AwareDatetime | None


class FairBody(BaseModel):
    name: str
    names: dict[str, str]
    starts_on: date | None
    ends_on: date | None
    time_zone: str
    languages: list[str]
    sectors: list[SectorBody]
    privacy: PrivacyBody
    contact: str | None
    version: int


class MailBody(BaseModel):
    id: int
    address: str
    kind: str
    subject: str
    text: str
    state: Literal["waiting", "sent", "failed"]
    attempts: int
    created_at: AwareDatetime
    sent_at: AwareDatetime | None
    failed: str | None


class MailPage(BaseModel):
    items: list[MailBody]
    next: str | None
