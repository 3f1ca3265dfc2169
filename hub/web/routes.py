"""The API's routes as data: what the router serves and what OpenAPI says, from one list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

BASE: Final = "/api/v1"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Query:
    """One query parameter; ``schema`` is JSON Schema."""

    name: str
    schema: dict[str, Any]
    description: str


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. ``path`` is under BASE, with ``{name}`` for path parameters.

    ``problems`` are the statuses it may refuse with, besides those every operation has.
    ``headers`` are response headers beyond the usual, name to description. ``sheet``: the body
    is a file as it is, of any type. ``gives``: media types of an answer that is a file.
    """

    method: str
    path: str
    handler: Handler
    name: str
    summary: str
    status: int
    answer: type[BaseModel] | None
    body: type[BaseModel] | None = None
    query: Sequence[Query] = ()
    problems: Sequence[int] = ()
    headers: Sequence[tuple[str, str]] = ()
    if_match: bool = False
    public: bool = False
    sheet: bool = False
    gives: Sequence[str] = ()


def register(app: web.Application, routes: Sequence[Route]) -> None:
    for route in routes:
        if route.method == "GET":
            app.router.add_get(BASE + route.path, route.handler)
        else:
            app.router.add_route(route.method, BASE + route.path, route.handler)
