"""The Lua files, one an operation, and the loader that joins the prelude in front."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

#: Scripts that do not begin from a room's settings.
PLAIN: Final = frozenset({"load", "due", "place"})


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes
    sha: str


def _read() -> dict[str, Script]:
    here = files(__package__)
    prelude = here.joinpath("prelude.lua").read_bytes()
    found = {}
    for entry in here.iterdir():
        name, dot, suffix = entry.name.partition(".")
        if f"{dot}{suffix}" != ".lua" or name == "prelude":
            continue
        body = entry.read_bytes()
        source = body if name in PLAIN else prelude + body
        found[name] = Script(name, source, hashlib.sha1(source).hexdigest())
    return found


SCRIPTS: Final = _read()
