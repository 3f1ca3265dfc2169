"""Fields of an account that forms and API bodies share: one rule each."""

from __future__ import annotations

import re
from typing import Annotated, Final
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from hub.web.bodies import clean
from hub.web.countries import is_country

PASSWORD_MIN: Final = 10
PASSWORD_MAX: Final = 200
EMAIL_MAX: Final = 254  # RFC 5321 section 4.5.3.1.3, less its brackets
_TAG: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
#: Long enough, and among the first that anybody tries.
_COMMON: Final = frozenset(
    {
        "1234567890", "0123456789", "12345678910", "qwertyuiop", "password12", "password123",
        "passw0rd123", "1q2w3e4r5t", "qwerty12345", "iloveyou123", "administrator",
        "changeme123", "welcome123", "letmein123", "abcd123456", "a123456789", "woaini1314",
        "1qaz2wsx3edc"
    }
)  # fmt: skip


def _email(value: str) -> str:
    """The address in ASCII (a domain in other letters as IDNA), by syntax alone: no look-up."""
    try:
        found = validate_email(value, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise PydanticCustomError("bad_format", "not an e-mail address") from None
    if found.ascii_email is None or len(found.ascii_email) > EMAIL_MAX:
        raise PydanticCustomError("bad_format", "not an e-mail address")
    return found.ascii_email


def _password(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) < PASSWORD_MIN:
        raise PydanticCustomError("too_short", "at least 10 characters")
    if len(text) > PASSWORD_MAX:
        raise PydanticCustomError("too_long", "at most 200 characters")
    if text.lower() in _COMMON or len(set(text)) < 3:
        raise PydanticCustomError("too_common", "a password that is tried first")
    return value


def _given(value: SecretStr) -> SecretStr:
    """A password someone shows: any that could be one."""
    if not 1 <= len(value.get_secret_value()) <= PASSWORD_MAX:
        raise PydanticCustomError("too_long", "at most 200 characters")
    return value


def _country(value: str) -> str:
    if not is_country(value):
        raise PydanticCustomError("not_allowed", "an ISO 3166-1 alpha-2 code is expected")
    return value


def _language(value: str) -> str:
    if not _TAG.fullmatch(value):
        raise PydanticCustomError("bad_format", "a BCP 47 tag is expected")
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise PydanticCustomError("not_allowed", "an IANA time zone is expected")
    return value


Email = Annotated[str, Field(min_length=3, max_length=EMAIL_MAX), AfterValidator(_email)]
NewPassword = Annotated[SecretStr, AfterValidator(_password)]
GivenPassword = Annotated[SecretStr, AfterValidator(_given)]
Country = Annotated[str, Field(min_length=2, max_length=2), AfterValidator(_country)]
LanguageTag = Annotated[str, Field(min_length=2, max_length=35), AfterValidator(_language)]
Zone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_zone)]
Position = Annotated[str, Field(min_length=1, max_length=320), clean(80)]
SectorSlug = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Sectors = Annotated[list[SectorSlug], Field(max_length=30)]
Languages = Annotated[list[LanguageTag], Field(max_length=12)]
DeviceName = Annotated[str, Field(min_length=1, max_length=320), clean(80)]
TotpCode = Annotated[str, Field(min_length=6, max_length=40)]
MailedToken = Annotated[str, Field(min_length=1, max_length=200)]
