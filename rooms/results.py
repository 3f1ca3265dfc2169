"""What may become of a result, and what exactly its parties confirm.

A result is what two or more parties agreed on at the fair. Its members write a draft; every
party confirms one and the same version of it; the organiser publishes what all have confirmed.
What is confirmed is a version and the SHA-256 of its content as canonical JSON, so that nobody
confirms anything but what they saw: any change makes another version, which asks all again.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

PARTIES_MIN: Final = 2
PARTIES_MAX: Final = 12
#: Every JSON reader has integers up to here exactly (RFC 8259 section 6).
AMOUNT_MAX: Final = 2**53 - 1
CONTENT_MAX: Final = 256 * 1024  # bytes of the canonical JSON


class State(StrEnum):
    #: seen by the members of the talk alone, or by the organiser who writes it
    DRAFT = "draft"
    #: every party is asked to confirm the newest version
    CONFIRMING = "confirming"
    #: all have; the organiser may publish it, at once or at a time
    CONFIRMED = "confirmed"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


class Act(StrEnum):
    CHANGE = "change"  # by whoever writes it
    SUBMIT = "submit"
    CONFIRM = "confirm"  # one party; the last one's makes it confirmed
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    RELEASE = "release"
    CORRECT = "correct"  # by the organiser, with a note that everybody reads
    WITHDRAW = "withdraw"


#: From each state, where each act that is possible leads. What is not named is refused.
#: CONFIRM leads to CONFIRMED once no party is missing, until then it stays.
NEXT: Final[Mapping[State, Mapping[Act, State]]] = {
    State.DRAFT: {
        Act.CHANGE: State.DRAFT,
        Act.SUBMIT: State.CONFIRMING,
        Act.WITHDRAW: State.WITHDRAWN,
    },
    State.CONFIRMING: {
        Act.CHANGE: State.CONFIRMING,
        Act.CONFIRM: State.CONFIRMED,
        Act.WITHDRAW: State.WITHDRAWN,
    },
    State.CONFIRMED: {
        Act.CHANGE: State.CONFIRMING,
        Act.SCHEDULE: State.CONFIRMED,
        Act.UNSCHEDULE: State.CONFIRMED,
        Act.RELEASE: State.RELEASED,
        Act.WITHDRAW: State.WITHDRAWN,
    },
    State.RELEASED: {
        Act.CORRECT: State.RELEASED,
        Act.WITHDRAW: State.WITHDRAWN,
    },
    State.WITHDRAWN: {},
}


def sources(act: Act) -> tuple[State, ...]:
    """The states in which ``act`` is possible."""
    return tuple(state for state, acts in NEXT.items() if act in acts)


# --- content --------------------------------------------------------------------------------


def _nfc(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {_nfc(key): _nfc(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nfc(item) for item in value]
    return value


def canonical(content: Mapping[str, Any]) -> bytes:
    """``content`` as JSON that has one form: keys in order, texts in NFC, UTF-8, no spaces."""
    return msgspec.json.encode(_nfc(content), order="deterministic")


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 over ``canonical(content)``, 64 hex digits."""
    return hashlib.sha256(canonical(content)).hexdigest()


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of what is not the same in two contents, texts by language one by one
    (``titles.en``), in order."""
    found: list[str] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping) and name in ("titles", "texts"):
            tags = sorted({*old, *new})
            found += [f"{name}.{tag}" for tag in tags if old.get(tag) != new.get(tag)]
        else:
            found.append(name)
    return tuple(found)


# --- parties --------------------------------------------------------------------------------


def missing_sides(
    parties: Iterable[tuple[str | None, str | None]],
    sides: Mapping[str, Iterable[str]],
    guest: str,
) -> tuple[str, ...]:
    """Sides of a talk that no party stands for.

    ``parties`` are (company, person who stands for it); ``sides`` the talk's sides with the
    people of each. A company is there by name; ``guest`` by a party one of the guests stands
    for, or by a company that is no side of its own.
    """
    named = list(parties)
    companies = {company for company, _ in named if company is not None}
    out = []
    for side, people in sides.items():
        if side == guest:
            there = bool(companies - set(sides)) or any(
                company is None and person in set(people) for company, person in named
            )
        else:
            there = side in companies
        if not there:
            out.append(side)
    return tuple(sorted(out))


# --- amounts --------------------------------------------------------------------------------

_GROUPED: Final = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d{1,16})(?:\.(\d{1,6}))?")


class BadAmount(ValueError):
    """``code``: bad_format, too_many_decimals, out_of_range."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse_amount(text: str, decimals: int) -> int:
    """What somebody typed, in the currency's smallest unit.

    Digits with at most one point before the decimals; commas between thousands, or none. A
    lone comma is refused: it divides decimals for some and thousands for others. Raises
    BadAmount.
    """
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(char for char in plain if not char.isspace())
    if not plain.isascii():
        raise BadAmount("bad_format")
    found = _GROUPED.fullmatch(plain)
    if found is None:
        raise BadAmount("bad_format")
    fraction = (found[1] or "").rstrip("0")
    if len(fraction) > decimals:
        raise BadAmount("too_many_decimals")
    whole = plain.partition(".")[0].replace(",", "")
    amount = int(whole + fraction.ljust(decimals, "0"))
    if not 1 <= amount <= AMOUNT_MAX:
        raise BadAmount("out_of_range")
    return amount
