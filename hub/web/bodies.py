"""Bodies of the HTTP API: what they have in common, and how one is read; OpenAPI comes from them.

Each part has its own, one pydantic model each, in ``bodies_<part>``. Requests are strict (no
"5" for 5) and refuse unknown fields. ``read`` turns what is wrong into ``Invalid`` with a
stable code a field.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from aiohttp import web
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ErrorType

from hub.services import SERVICES
from hub.web.problems import Invalid, Problem
from rooms.model import (
    COMPANY_MAX,
    SIDES_MAX,
    SIDES_SEATS_MAX,
    clean_name,
)

BODY_MAX: Final = 64 * 1024
BATCH_MAX: Final = 1024 * 1024
TITLE_MAX: Final = 200
MESSAGE_MAX: Final = 500
_YEARS: Final = range(1970, 9000)

Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$", max_length=64)]
PersonId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$", max_length=64)]


def clean(limit: int) -> AfterValidator:
    """One line for people: ``rooms.model.clean_name`` with at most ``limit`` characters."""

    def check(value: str) -> str:
        try:
            return clean_name(value, limit)
        except ValueError as fault:
            raise PydanticCustomError("bad_text", "{why}", {"why": str(fault)}) from None

    return AfterValidator(check)


def _issued_by_others(value: str) -> str:
    if value.startswith(("u_", "g_")):
        raise PydanticCustomError("reserved_id", "ids beginning u_ and g_ are the hub's own")
    return value


def _sane(value: datetime) -> datetime:
    if value.year not in _YEARS:
        raise PydanticCustomError("out_of_range", "a year from 1970 to 8999 is expected")
    return value.astimezone(UTC)


Name = Annotated[str, Field(min_length=1, max_length=256), clean(64)]
Company = Annotated[str, Field(min_length=1, max_length=4 * COMPANY_MAX), clean(COMPANY_MAX)]
Title = Annotated[str, Field(min_length=1, max_length=4 * TITLE_MAX), clean(TITLE_MAX)]
Note = Annotated[str, Field(min_length=1, max_length=4 * MESSAGE_MAX), clean(MESSAGE_MAX)]
Moment = Annotated[AwareDatetime, AfterValidator(_sane)]
OthersId = Annotated[PersonId, AfterValidator(_issued_by_others)]
ModeName = Literal["one_to_one", "one_to_many", "many_to_many"]
#: Seats of a negotiation room by side: a company's slug, or guest.
Sides = Annotated[
    dict[Slug, Annotated[int, Field(ge=1, le=SIDES_SEATS_MAX)]], Field(max_length=SIDES_MAX)
]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def without_defaults(schema: dict[str, Any]) -> None:
    """For a PATCH: no default is ever used, an absent field stays as it is."""
    for field in schema["properties"].values():
        field.pop("default", None)


class FieldError(BaseModel):
    field: str
    code: str


class ProblemBody(BaseModel):
    """RFC 9457; ``code`` is stable, further members go with it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    retry_after_ms: int | None = None
    errors: list[FieldError] | None = None


# --- reading --------------------------------------------------------------------------------

#: pydantic's error types in the API's words; what is not named here is ``invalid``.
_FIELD_CODES: Final[dict[str, str]] = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "out_of_range": "out_of_range",
    "string_pattern_mismatch": "bad_format",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_short",
    "too_long": "too_long",
    "literal_error": "not_allowed",
    "enum": "not_allowed",
    "bad_text": "bad_text",
    "reserved_id": "reserved_id",
    "timezone_aware": "bad_format",
    "datetime_from_date_parsing": "bad_format",
    "datetime_parsing": "bad_format",
    "int_parsing": "bad_format",
    "float_parsing": "bad_format",
    "date_from_datetime_parsing": "bad_format",
    "date_parsing": "bad_format",
    "time_parsing": "bad_format",
    "bool_parsing": "not_allowed",
}
#: What pydantic itself finds; any other type is a PydanticCustomError and its own code.
_BUILT_IN: Final = frozenset(get_args(ErrorType))
_ERRORS_MAX: Final = 20  # told of one request

Body = TypeVar("Body", bound=Request)


def field_errors(fault: ValidationError) -> list[tuple[str, str]]:
    """(field path, code) of each error, the first _ERRORS_MAX of them."""
    found = []
    for error in fault.errors(include_url=False, include_context=False)[:_ERRORS_MAX]:
        code = _FIELD_CODES.get(error["type"])
        if code is None:
            kind = error["type"]
            own = kind if kind not in _BUILT_IN else "invalid"
            code = "wrong_type" if kind.endswith("_type") else own
        path = ".".join(str(part) for part in error["loc"])
        found.append((path[:200] or "body", code))
    return found


async def read_bytes(
    request: web.Request, limit: int = BODY_MAX, due_s: float | None = None
) -> bytes:
    """The body, never more than ``limit`` bytes of it, within ``due_s`` (the configured time
    when None). Raises Problem(413, 408)."""
    too_large = Problem(413, "too_large", f"at most {limit} bytes are taken")
    if (request.content_length or 0) > limit:
        raise too_large
    body = bytearray()
    due_s = request.app[SERVICES].config.limits.body_s if due_s is None else due_s
    try:
        async with asyncio.timeout(due_s):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError:
        raise Problem(408, "timeout", f"the body is due within {due_s:g} s") from None
    return bytes(body)


async def read(request: web.Request, model: type[Body], limit: int = BODY_MAX) -> Body:
    """The request's JSON body as ``model``.

    Raises:
        Problem: 413 too_large, 408 timeout, 415 unsupported_media_type, 400 bad_message (no JSON).
        Invalid: 422, fields that are not as the model says.
    """
    if request.content_type != "application/json":
        raise Problem(415, "unsupported_media_type", "application/json is expected")
    body = await read_bytes(request, limit)
    try:
        return model.model_validate_json(body)
    except ValidationError as fault:
        if fault.errors()[0]["type"] == "json_invalid":
            raise Problem(400, "bad_message", "the body is not JSON") from None
        raise Invalid(field_errors(fault)) from None


def epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
