"""A talk's notes, edited by several people at once: operational transformation of one text.

``ops`` run over the whole text they were made for: a positive int keeps so many characters, a
negative one deletes them, a string is put in. Characters are Unicode code points. Canonical ops
have no empty part, no two neighbours of a kind, and an insertion stands before a deletion: what
does the same is written the same. Two people's ops on one text, each transformed against the
other's, lead to the same text (TP1); of two insertions at one place the first one's goes left.

The browser's twin is static/js/talk/notes.js; tests/rooms/notes-vectors.json holds them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

TEXT_MAX: Final = 20_000  # code points
PARTS_MAX: Final = 1_000  # of one op: some 300 places changed at once

Part = int | str
Ops = Sequence[Part]


class BadOps(ValueError):
    """No ops for this text: of other types, not canonical, or for another length."""


class TooLong(ValueError):
    """The text would grow past TEXT_MAX."""


def check(ops: Sequence[object], length: int) -> int:
    """The text's length after ``ops``, which come from outside; ``length`` is that before.

    Raises BadOps, TooLong.
    """
    if len(ops) > PARTS_MAX:
        raise BadOps(f"at most {PARTS_MAX} parts are taken")
    at, after, before = 0, 0, 0  # before: 1 kept, 2 put in, 3 deleted by the part before
    for part in ops:
        if isinstance(part, str):
            if not part or before in (2, 3) or not _clean(part):
                raise BadOps("an insertion that is empty, misplaced or of no characters")
            after, before = after + len(part), 2
        elif isinstance(part, int) and not isinstance(part, bool) and part:
            kind = 1 if part > 0 else 3
            if kind == before:
                raise BadOps("two neighbours of a kind")
            at, before = at + abs(part), kind
            after += max(part, 0)
        else:
            raise BadOps("a part is a number that is not 0 or a text")
    if at != length:
        raise BadOps(f"the ops are for {at} characters, the text has {length}")
    if after > TEXT_MAX:
        raise TooLong(f"at most {TEXT_MAX} characters are kept")
    return after


def _clean(text: str) -> bool:
    """Neither NUL nor half of a pair, which no encoder takes."""
    return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)


def apply(text: str, ops: Ops) -> str:
    """``text`` after ``ops``. Raises BadOps when they were made for another length."""
    out: list[str] = []
    at = 0
    for part in ops:
        if isinstance(part, str):
            out.append(part)
            continue
        if part > 0:
            out.append(text[at : at + part])
        at += abs(part)
    if at != len(text):
        raise BadOps(f"the ops are for {at} characters, the text has {len(text)}")
    return "".join(out)


class _Canonical:
    """Collects parts in any order of insertion and deletion, canonically."""

    def __init__(self) -> None:
        self.ops: list[Part] = []

    def number(self, n: int) -> None:
        """Keep (positive) or delete (negative)."""
        ops = self.ops
        last = ops[-1] if ops else ""
        if isinstance(last, int) and (last > 0) == (n > 0):
            ops[-1] = last + n
        else:
            ops.append(n)

    def text(self, text: str) -> None:
        ops = self.ops
        last = ops[-1] if ops else 0
        if isinstance(last, str):
            ops[-1] = last + text
        elif last < 0:
            before = ops[-2] if len(ops) > 1 else 0
            if isinstance(before, str):
                ops[-2] = before + text
            else:
                ops.insert(-1, text)
        else:
            ops.append(text)


class _Reader:
    """Gives out the parts of ``ops``, in pieces as long as asked for."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self._next = 0
        self.part: Part | None = None
        self.advance()

    def advance(self) -> None:
        self.part = self._ops[self._next] if self._next < len(self._ops) else None
        self._next += 1

    def take(self, n: int) -> None:
        """``n`` characters of the current part are done with."""
        part = self.part
        if isinstance(part, str):
            self.part = part[n:]
        elif part is not None:
            self.part = part - n if part > 0 else part + n
        if not self.part:
            self.advance()


def transform(a: Ops, b: Ops) -> tuple[list[Part], list[Part]]:
    """(a2, b2) of two ops made for one text: ``b2`` follows ``a`` and ``a2`` follows ``b``.

    ``apply(apply(text, a), b2) == apply(apply(text, b), a2)``. Where both put something in at
    one place, that of ``a`` goes left. Raises BadOps when they are for different lengths.
    """
    left, right = _Reader(a), _Reader(b)
    a2, b2 = _Canonical(), _Canonical()
    while left.part is not None or right.part is not None:
        one, two = left.part, right.part
        if isinstance(one, str):
            a2.text(one)
            b2.number(len(one))
            left.advance()
        elif isinstance(two, str):
            a2.number(len(two))
            b2.text(two)
            right.advance()
        elif one is None or two is None:
            raise BadOps("ops for texts of different length")
        else:
            n = min(abs(one), abs(two))
            if one > 0 and two > 0:
                a2.number(n)
                b2.number(n)
            elif one < 0 < two:
                a2.number(-n)
            elif two < 0 < one:
                b2.number(-n)
            left.take(n)
            right.take(n)
    return a2.ops, b2.ops


def compose(a: Ops, b: Ops) -> list[Part]:
    """One op that does what ``a`` and then ``b`` do. Raises BadOps when ``b`` does not follow."""
    first, then = _Reader(a), _Reader(b)
    out = _Canonical()
    while first.part is not None or then.part is not None:
        one, two = first.part, then.part
        if isinstance(one, int) and one < 0:
            out.number(one)
            first.advance()
        elif isinstance(two, str):
            out.text(two)
            then.advance()
        elif one is None or two is None:
            raise BadOps("the second op is not for what the first one makes")
        else:
            n = min(len(one) if isinstance(one, str) else one, abs(two))
            if isinstance(one, str):
                if two > 0:
                    out.text(one[:n])
            else:
                out.number(n if two > 0 else -n)
            first.take(n)
            then.take(n)
    return out.ops
