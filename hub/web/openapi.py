"""OpenAPI 3.1 made from the routes and the models of their bodies."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hub.web.bodies import ProblemBody
from hub.web.problems import CONTENT_TYPE
from hub.web.routes import BASE, Route

VERSION: Final = "1"
_REF: Final = "#/components/schemas/{model}"
_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "room": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
    "company": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
    "person": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
    "id": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
    "announcement": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
    "ring": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
    "delivery": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    "conference": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
}
_FILE: Final = {"type": "string", "format": "binary"}
#: Any operation may answer these: too many failures, no store, a fault of ours.
_ALWAYS: Final = (429, 500, 503)


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole description, as plain JSON data."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(BASE + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pavilion",
            "version": VERSION,
            "description": "Rooms that never seat one person too many.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "the organiser key, or a room token for its own room",
                },
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-CSRF-Token",
                    "description": "with the session cookie of a signed-in person",
                },
            },
        },
    }


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    asked: list[tuple[type[BaseModel], Any]] = [(ProblemBody, "serialization")]
    for route in routes:
        if route.body is not None:
            asked.append((route.body, "validation"))
        if route.answer is not None:
            asked.append((route.answer, "serialization"))
    _, schemas = models_json_schema(asked, ref_template=_REF)
    found: dict[str, Any] = schemas["$defs"]
    return found


def _content(media_type: str, model: type[BaseModel]) -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": _REF.format(model=model.__name__)}}}


def _operation(route: Route) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _PARAMETERS[name]}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    parameters += [
        {"name": q.name, "in": "query", "schema": q.schema, "description": q.description}
        for q in route.query
    ]
    if route.if_match:
        parameters.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
                "description": "the ETag last read",
            }
        )
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": parameters,
        "responses": _responses(route),
        "security": [] if route.public else [{"bearer": []}, {"csrf": []}],
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": _content("application/json", route.body),
        }
    if route.sheet:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": {"schema": _FILE}},
        }
    return operation


def _responses(route: Route) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.answer is not None:
        answer["content"] = _content("application/json", route.answer)
    elif route.gives:
        answer["content"] = {media_type: {"schema": _FILE} for media_type in route.gives}
    if route.headers:
        answer["headers"] = {
            name: {"schema": {"type": "string"}, "description": text}
            for name, text in route.headers
        }
    responses = {str(route.status): answer}
    refused = {*route.problems, *_ALWAYS}
    if not route.public:
        refused |= {401, 403}
    if route.body is not None or route.sheet:
        refused |= {400, 408, 413, 415, 422}
    for status in sorted(refused):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": _content(CONTENT_TYPE, ProblemBody),
        }
    return responses


def serve(app: web.Application, routes: Sequence[Route]) -> None:
    """Answer ``/api/v1/openapi.json``; made when it is first asked for, beside the loop."""
    made: asyncio.Future[bytes] | None = None

    async def openapi(_request: web.Request) -> web.Response:
        nonlocal made
        if made is None:
            made = asyncio.ensure_future(asyncio.to_thread(_encoded, routes))
        body = await asyncio.shield(made)  # whoever leaves takes it from nobody else
        return web.Response(body=body, content_type="application/json")

    app.router.add_get(f"{BASE}/openapi.json", openapi)


def _encoded(routes: Sequence[Route]) -> bytes:
    return json.dumps(document(routes), ensure_ascii=False).encode()
