"""Notes converge: whatever two people do to one text, in whatever order it arrives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooms.notes import (
    PARTS_MAX,
    TEXT_MAX,
    BadOps,
    Ops,
    Part,
    TooLong,
    apply,
    check,
    compose,
    transform,
)

VECTORS = json.loads((Path(__file__).parent / "notes-vectors.json").read_text("utf-8"))

unhurried = settings(deadline=None)  # the machine may be busy
# Few letters, so that equal neighbours are frequent; characters of one to four bytes.
texts = st.text(alphabet="ab\nä王🤝🏽\u0301", max_size=12)
puts = st.text(alphabet="xyZ王🤝", min_size=1, max_size=3)


@st.composite
def ops_for(draw: st.DrawFn, length: int) -> list[Part]:
    """Any canonical ops for a text of ``length``."""
    out: list[Part] = []
    left = length
    while True:
        if (not out or (isinstance(out[-1], int) and out[-1] > 0)) and draw(st.booleans()):
            out.append(draw(puts))
        if not left:
            return out
        n = draw(st.integers(1, left))
        last = out[-1] if out else ""
        kept = isinstance(last, int) and last > 0
        dropped = isinstance(last, int) and last < 0
        delete = kept or (not dropped and draw(st.booleans()))
        out.append(-n if delete else n)
        left -= n


@st.composite
def edits(draw: st.DrawFn, number: int) -> tuple[str, list[list[Part]]]:
    """A text and ops made for it, independently."""
    text = draw(texts)
    return text, [draw(ops_for(len(text))) for _ in range(number)]


def sound(ops: Ops, length: int) -> None:
    assert check(ops, length) >= 0


@unhurried
@given(edits(2))
def test_two_who_type_at_once_come_to_the_same_text(made: tuple[str, list[list[Part]]]) -> None:
    text, (a, b) = made
    a2, b2 = transform(a, b)
    after_a, after_b = apply(text, a), apply(text, b)
    assert apply(after_a, b2) == apply(after_b, a2)  # TP1
    sound(b2, len(after_a))
    sound(a2, len(after_b))


@unhurried
@given(edits(3))
def test_nothing_is_lost_of_what_three_do_at_once(
    made: tuple[str, list[list[Part]]],
) -> None:
    text, (a, b, mine) = made
    b2 = transform(a, b)[1]  # the log: a, then b made for the same text
    one_by_one = transform(b2, transform(a, mine)[1])[1]
    whole = compose(a, b2)
    both = apply(apply(text, a), b2)
    sound(whole, len(text))
    assert apply(text, whole) == both
    sound(one_by_one, len(both))
    # Every letter that somebody put in and every one that all keep is there.
    after = apply(both, one_by_one)
    put = sorted("".join(p for ops in (a, b, mine) for p in ops if isinstance(p, str)))
    kept = sorted(c for i, c in enumerate(text) if all(_keeps(ops, i) for ops in (a, b, mine)))
    assert sorted(after) == sorted([*put, *kept])


def _keeps(ops: Ops, index: int) -> bool:
    at = 0
    for part in ops:
        if isinstance(part, int):
            at += abs(part)
            if index < at:
                return part > 0
    raise AssertionError(index)


@unhurried
@given(st.data())
def test_one_op_does_what_two_do(data: st.DataObject) -> None:
    text = data.draw(texts)
    a = data.draw(ops_for(len(text)))
    middle = apply(text, a)
    b = data.draw(ops_for(len(middle)))
    both = compose(a, b)
    sound(both, len(text))
    assert apply(text, both) == apply(middle, b)


@unhurried
@given(st.data())
def test_clients_and_a_log_converge_however_late_they_hear(data: st.DataObject) -> None:
    """Three people, each on the revision they know; the server transforms and appends."""
    text = data.draw(texts)
    log: list[list[Part]] = []
    for _ in range(data.draw(st.integers(1, 6))):
        base = data.draw(st.integers(0, len(log)))
        known = text
        for done in log[:base]:
            known = apply(known, done)
        ops = data.draw(ops_for(len(known)))
        local, theirs = apply(known, ops), ops
        for done in log[base:]:
            back, theirs = transform(done, theirs)
            local = apply(local, back)  # what the client does with the events that follow
        newest = known
        for done in log[base:]:
            newest = apply(newest, done)
        assert apply(newest, theirs) == local
        log.append(theirs)


def test_of_two_insertions_at_one_place_the_first_ones_goes_left() -> None:
    a: list[Part] = [1, "A", 1]
    b: list[Part] = [1, "B", 1]
    a2, b2 = transform(a, b)
    assert apply(apply("xy", a), b2) == apply(apply("xy", b), a2) == "xABy"


def test_what_is_put_into_a_deleted_stretch_stays() -> None:
    a2, b2 = transform([1, -3, 1], [2, "🤝", 3])
    assert (a2, b2) == ([1, -1, 1, -2, 1], [1, "🤝", 1])


@pytest.mark.parametrize(
    ("ops", "length"),
    [
        ([], 1), ([1], 0), ([2], 1), ([1], 2), ([0], 0), ([""], 0), ([1, 1], 2), ([-1, -1], 2),
        (["a", "b"], 0), ([-1, "a"], 1), ([True], 1), ([1.0], 1), ([None], 0), ([[1]], 1),
        (["\x00"], 0), (["\ud83e"], 0), ([10**30], 1), ([-(10**30)], 1), ([1, "a", -2], 2),
        (["x", 1] * (PARTS_MAX // 2) + ["x"], PARTS_MAX // 2),
    ],
)  # fmt: skip
def test_what_is_no_op_for_the_text_is_refused(ops: list[Any], length: int) -> None:
    with pytest.raises(BadOps):
        check(ops, length)


def test_a_text_grows_to_its_bound_in_code_points() -> None:
    assert check(["🤝" * TEXT_MAX], 0) == TEXT_MAX
    assert check([TEXT_MAX - 1, "x", -1], TEXT_MAX) == TEXT_MAX
    with pytest.raises(TooLong):
        check([TEXT_MAX, "x"], TEXT_MAX)
    assert check([], 0) == 0 and check([3], 3) == 3 and check(["ab", -2], 2) == 2


@pytest.mark.parametrize("length", [0, 2])
def test_ops_of_another_text_are_refused_by_all(length: int) -> None:
    other: list[Part] = [length] if length else []
    for act in (
        lambda: apply("x" * length, [1]), lambda: transform([1], other),
        lambda: transform(other, [1]), lambda: compose([1], other), lambda: compose(other, [1]),
    ):  # fmt: skip
        with pytest.raises(BadOps):
            act()


@pytest.mark.parametrize("one", VECTORS, ids=range(len(VECTORS)))
def test_vectors(one: dict[str, Any]) -> None:
    """The same file is read by tests/js: the twins may not differ."""
    text, a, b = one["text"], one["a"], one["b"]
    sound(a, len(text))
    sound(b, len(text))
    assert transform(a, b) == (one["a'"], one["b'"])
    assert apply(apply(text, a), one["b'"]) == one["result"]
    assert apply(apply(text, b), one["a'"]) == one["result"]


def test_the_vectors_are_many_and_reach_beyond_the_basic_plane() -> None:
    assert len(VECTORS) >= 60
    assert sum(any(ord(c) > 0xFFFF for c in one["text"]) for one in VECTORS) >= 10
