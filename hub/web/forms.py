"""Forms of the pages: read into a pydantic model, with a code for each field that is not right.

    form = await read_form(request, ProfileForm)
    if form.data is None:
        return await pages.render(request, "profile.html", status=422, form=form)

``templates/forms.html`` draws a ``Form``; ``form_texts`` says each code in the reader's
language. What was typed is kept, passwords (fields of type SecretStr) never are. A handler
that finds something wrong itself calls ``form.refuse(field, code)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from hub.web import auth
from hub.web.bodies import BODY_MAX, field_errors, read_bytes
from hub.web.problems import Problem
from rooms.errors import Refusal

FIELDS_MAX: Final = 1000  # of one form; a bulk list of checkboxes is the longest
KEPT_MAX: Final = 8192  # characters of one field that are shown again
CSRF_FIELD: Final = "csrf"

M = TypeVar("M", bound=BaseModel)


class FormModel(BaseModel):
    """What a form's model begins with. Fields it does not name (csrf, buttons) are left out."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as sent. ``name`` and ``type`` are what the sender says: trust neither."""

    name: str
    type: str
    body: bytes


@dataclass(slots=True)
class Form(Generic[M]):
    """A form as typed, or as first shown. ``data`` is None unless every field was right."""

    data: M | None = None
    typed: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)  # field -> code
    files: dict[str, Upload] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """What stands in a field, "" when nothing does."""
        found = self.typed.get(name)
        return found[-1] if found else ""

    def values(self, name: str) -> list[str]:
        """What is chosen in a group of checkboxes or a multiple select."""
        return self.typed.get(name, [])

    def refuse(self, name: str, code: str) -> Form[M]:
        """Add an error (the first of a field stays); ``data`` is gone. Returns itself."""
        self.errors.setdefault(name, code)
        self.data = None
        return self


def shown(values: Mapping[str, Any]) -> Form[Any]:
    """A form to be shown with ``values``: texts, numbers, booleans, lists of texts; None is
    an empty field."""
    typed = {}
    for name, value in values.items():
        if value is None or value is False:
            continue
        listed = value if isinstance(value, list | tuple) else [value]
        typed[name] = ["on" if item is True else str(item) for item in listed]
    return Form(typed=typed)


async def read_form(
    request: web.Request, model: type[M], *, limit: int = BODY_MAX, file_limit: int = 0
) -> Form[M]:
    """The request's form as ``model``. ``limit``: bytes of all fields together,
    ``file_limit``: bytes of each file; 0 takes no files.

    An empty field counts as left out, so that its default holds or its code is ``missing``.
    Raises HTTPException: 403 without the CSRF field of a signed-in person, 413, 408, 415, 400.
    """
    try:
        typed, files, large = await _fields(request, limit, file_limit)
        session = await auth.session_of(request)
        if session is not None:
            given = typed.pop(CSRF_FIELD, [""])[-1]
            auth.check_csrf(request, session, request.headers.get(auth.CSRF_HEADER) or given)
    except Problem as problem:
        raise _for_people(problem.status) from None
    except Refusal:
        raise web.HTTPForbidden() from None
    typed.pop(CSRF_FIELD, None)
    form: Form[M] = Form(typed=_kept(typed, model), files=files)
    given_fields = _for_model(typed, model)
    try:
        form.data = model.model_validate(given_fields)
    except ValidationError as fault:
        for path, code in field_errors(fault):
            form.refuse(path.split(".")[0], code)
    for name in large:
        form.refuse(name, "too_large")
    return form


# --- the body --------------------------------------------------------------------------------


Fields = dict[str, list[str]]


async def _fields(
    request: web.Request, limit: int, file_limit: int
) -> tuple[Fields, dict[str, Upload], list[str]]:
    """(fields, files, names of files that were too large)."""
    if request.content_type == "application/x-www-form-urlencoded":
        return _urlencoded(await read_bytes(request, limit)), {}, []
    if request.content_type == "multipart/form-data":
        return await _multipart(request, limit, file_limit)
    if not request.can_read_body:
        return {}, {}, []  # a button without fields
    raise Problem(415, "unsupported_media_type")


def _urlencoded(body: bytes) -> Fields:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict",
            max_num_fields=FIELDS_MAX,
        )  # fmt: skip
    except (UnicodeDecodeError, ValueError):
        raise Problem(400, "bad_message") from None
    fields: Fields = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


async def _multipart(
    request: web.Request, limit: int, file_limit: int
) -> tuple[Fields, dict[str, Upload], list[str]]:
    fields: Fields = {}
    files: dict[str, Upload] = {}
    large: list[str] = []
    left, parts = limit, 0
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            parts += 1
            if parts > FIELDS_MAX or not isinstance(part, BodyPartReader) or not part.name:
                raise Problem(400, "bad_message")
            if part.filename is None:
                body = await _part(part, left)
                if body is None:
                    raise Problem(413, "too_large")
                left -= len(body)
                fields.setdefault(part.name, []).append(body.decode("utf-8", "strict"))
                continue
            body = await _part(part, file_limit)
            if body is None:
                large.append(part.name)
            elif body:  # a file field left empty is sent as an empty file
                kind = part.headers.get("Content-Type", "")
                files[part.name] = Upload(part.filename[:255], kind[:127], body)
    except (ValueError, UnicodeDecodeError, AssertionError):
        raise Problem(400, "bad_message") from None
    return fields, files, large


async def _part(part: BodyPartReader, limit: int) -> bytes | None:
    """The part's bytes; None when they are more than ``limit`` (the rest is read and dropped,
    within what the server takes of one request)."""
    body = bytearray()
    fits = True
    dropped = 0
    while chunk := await part.read_chunk():
        if fits and len(body) + len(chunk) <= limit:
            body += chunk
            continue
        fits = False
        body.clear()
        dropped += len(chunk)
        if dropped > 4 * limit + BODY_MAX:
            raise Problem(413, "too_large")
    return bytes(body) if fits else None


# --- from text to the model -------------------------------------------------------------------


def _classes(annotation: Any) -> list[type]:
    """Every class an annotation names, inside unions, Annotated and generics too."""
    found = [item for item in (annotation, get_origin(annotation)) if isinstance(item, type)]
    for part in get_args(annotation):
        found += _classes(part)
    return found


def _is_list(annotation: Any) -> bool:
    return not {list, tuple, set, frozenset}.isdisjoint(_classes(annotation))


def _for_model(typed: Fields, model: type[BaseModel]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        values = typed.get(name)
        if values is None:
            continue
        if _is_list(info.annotation):
            given[name] = [value for value in values if value.strip()]
        elif values[-1].strip():
            given[name] = values[-1]
    return given


def _kept(typed: Fields, model: type[BaseModel]) -> Fields:
    """What may be shown again: the model's own fields, never a secret."""
    return {
        name: [value[:KEPT_MAX] for value in typed[name]]
        for name, info in model.model_fields.items()
        if name in typed and SecretStr not in _classes(info.annotation)
    }


def _for_people(status: int) -> web.HTTPException:
    """The page people get for a body that could not be read."""
    faults: dict[int, type[web.HTTPException]] = {
        408: web.HTTPRequestTimeout,
        415: web.HTTPUnsupportedMediaType,
    }
    if status == 413:
        return web.HTTPRequestEntityTooLarge(max_size=0, actual_size=0)
    return faults.get(status, web.HTTPBadRequest)()
