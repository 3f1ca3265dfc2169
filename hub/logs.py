"""Structured logs: one JSON object a line, or readable text when a person is watching.

``conn``, ``room`` and ``request`` travel in context variables, so that every line
written while a message or request is served carries them. Secrets never enter a line.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import structlog

LEVEL_VARIABLE = "PAVILION_LOG_LEVEL"
_HIDDEN = ("token", "ticket", "secret", "password", "authorization", "cookie", "api_key")


class BadLevel(ValueError):
    """PAVILION_LOG_LEVEL names no level."""


def _hide(_logger: Any, _method: str, event: structlog.typing.EventDict) -> Any:
    """Blank what must never be read in a log, whoever put it there."""
    for key in event:
        if any(word in key.lower() for word in _HIDDEN):
            event[key] = "hidden"
    return event


def setup(role: str, *, environ: dict[str, str] | None = None) -> None:
    """Send structlog and the standard library's loggers to stderr in one form.

    ``role`` names the process ("hub-0", "media-0", "supervisor") on each line.
    Raises BadLevel.
    """
    name = (os.environ if environ is None else environ).get(LEVEL_VARIABLE, "info").upper()
    level = logging.getLevelNamesMapping().get(name)
    if level is None:
        raise BadLevel(f"{LEVEL_VARIABLE}: debug, info, warning or error is expected, not {name!r}")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide,
        structlog.processors.format_exc_info,
    ]
    pretty = sys.stderr.isatty()
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These two tell each datagram or each statement at info; a line there is no news.
    for noisy in ("aioice", "aiortc", "alembic"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=role)
