"""The Lua files, one an operation, and the loader that joins the prelude in front.

Of the prelude's functions a script is given those it names, and those they name: making a
closure costs Redis half a microsecond at each call of a script, used or not. A script that can
often answer early has a line ``-- REST``: what only the part behind it names is made there. The
prelude's functions between ``-- TALK`` and ``-- ALL`` are made in negotiation rooms alone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from hub.store.keys import ROOM_PARTS, TALK_PARTS, room_keys, talk_keys

#: Scripts that do not begin from a room's settings.
PLAIN: Final = frozenset({"load", "due", "place"})


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes
    sha: str
    #: names a key of TALK_PARTS
    talk: bool

    def keys(self, room: str) -> list[str]:
        """Its KEYS, but for ``due`` and ``place``."""
        return talk_keys(room) if self.talk else room_keys(room)


#: A top-level function: on one line, or up to the next ``end`` in the first column.
_FUNCTION: Final = re.compile(
    r"^local function (\w+)\((?:[^\n]* end\n|.*?^end\n)", re.MULTILINE | re.DOTALL
)
_TEXT: Final = re.compile(r"--[^\n]*|'[^'\n]*'")  # comments and strings
_WORD: Final = re.compile(r"\w+")


REST: Final = "\n-- REST\n"
_TALK: Final = re.compile(r"^-- TALK\n(.*?)^-- ALL\n", re.MULTILINE | re.DOTALL)
#: What of the prelude is made behind REST: its functions, and where those of talks begin and end.
_PIECE: Final = re.compile(rf"{_FUNCTION.pattern}|^-- (?:TALK|ALL)\n", re.MULTILINE | re.DOTALL)
_KEY: Final = re.compile(r"\bK\.([A-Z]+)\b")
_NUMBERS: Final = {
    name.upper(): number
    for number, name in enumerate((*ROOM_PARTS, "due", "occ", "part", "channel", *TALK_PARTS), 1)
}


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_TEXT.sub("", text)))


def _needed(functions: dict[str, str], *texts: str) -> set[str]:
    """Names of ``functions`` that ``texts`` name, and those these name."""
    left, needed = list(texts), set[str]()
    while left:
        found = functions.keys() & _words(left.pop())
        left += (functions[name] for name in found - needed)
        needed |= found
    return needed


def _made(prelude: str, names: set[str]) -> str:
    """``prelude`` with those of its functions that ``names`` holds."""

    def talk(section: re.Match[str]) -> str:
        kept = [match for match in _FUNCTION.finditer(section[1]) if match[1] in names]
        if not kept:
            return ""
        made = (match[0].replace(f"local function {match[1]}(", f"{match[1]} = function(", 1)
                for match in kept)  # fmt: skip
        return f"local {', '.join(match[1] for match in kept)}\nif talk then\n{''.join(made)}end\n"

    plain, sections = _TALK.sub("-- TALK\n", prelude), iter(_TALK.finditer(prelude))
    plain = _FUNCTION.sub(lambda match: match[0] if match[1] in names else "", plain)
    return re.sub(r"^-- TALK\n", lambda _: talk(next(sections)), plain, flags=re.MULTILINE)


def joined(prelude: str, body: str) -> str:
    """The script: what of ``prelude`` it needs, then ``body``; keys by their numbers."""
    functions = {match[1]: match[0] for match in _FUNCTION.finditer(prelude)}
    early, _, late = body.partition(REST)
    first = _needed(functions, _FUNCTION.sub("", prelude), early)
    then = _needed(functions, late) - first
    made = _made(prelude, first)
    rest = _made("".join(piece[0] for piece in _PIECE.finditer(prelude)), then)
    return _KEY.sub(lambda match: f"KEYS[{_NUMBERS[match[1]]}]", f"{made}{early}\n{rest}{late}")


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
        talk = any(name.upper() in _KEY.findall(body) for name in TALK_PARTS)
        found[name] = Script(name, source, hashlib.sha1(source).hexdigest(), talk)
    return found


SCRIPTS: Final = _read()
