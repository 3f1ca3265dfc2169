"""The Lua files, one an operation, and the loader that joins the prelude in front.

Of the prelude's functions a script is given those it names, and those they name: making a
closure costs Redis half a microsecond at each call of a script, used or not.
"""

from __future__ import annotations

import hashlib
import re
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


#: A top-level function: on one line, or up to the next ``end`` in the first column.
_FUNCTION: Final = re.compile(
    r"^local function (\w+)\((?:[^\n]* end\n|.*?^end\n)", re.MULTILINE | re.DOTALL
)
_COMMENT: Final = re.compile(r"--[^\n]*")
_WORD: Final = re.compile(r"\w+")


def joined(prelude: str, body: str) -> str:
    """The script: what of ``prelude`` it needs, then ``body``."""
    functions = {match[1]: match[0] for match in _FUNCTION.finditer(prelude)}
    texts, needed = [_FUNCTION.sub("", prelude), body], set[str]()
    while texts:
        found = functions.keys() & set(_WORD.findall(_COMMENT.sub("", texts.pop())))
        texts += (functions[name] for name in found - needed)
        needed |= found
    return _FUNCTION.sub(lambda match: match[0] if match[1] in needed else "", prelude) + body


def _read() -> dict[str, Script]:
    here = files(__package__)
    prelude = here.joinpath("prelude.lua").read_text("utf-8")
    found = {}
    for entry in here.iterdir():
        name, dot, suffix = entry.name.partition(".")
        if f"{dot}{suffix}" != ".lua" or name == "prelude":
            continue
        body = entry.read_text("utf-8")
        source = (body if name in PLAIN else joined(prelude, body)).encode()
        found[name] = Script(name, source, hashlib.sha1(source).hexdigest())
    return found


SCRIPTS: Final = _read()
