"""What may become of a result, and what exactly is confirmed."""

from __future__ import annotations

import unicodedata

import pytest

from rooms.results import (
    AMOUNT_MAX,
    NEXT,
    Act,
    BadAmount,
    State,
    canonical,
    differing,
    digest,
    missing_sides,
    parse_amount,
    sources,
)


def test_only_what_all_confirmed_is_ever_published() -> None:
    assert sources(Act.RELEASE) == (State.CONFIRMED,)
    assert [state for state in State if State.CONFIRMED in NEXT[state].values()] == [
        State.CONFIRMING,
        State.CONFIRMED,
    ]
    assert set(NEXT) == set(State) and NEXT[State.WITHDRAWN] == {}
    # Whatever was confirmed, a change asks again; what is published is changed by correcting alone.
    assert NEXT[State.CONFIRMED][Act.CHANGE] is State.CONFIRMING
    assert Act.CHANGE not in NEXT[State.RELEASED]
    reached = {State.DRAFT}
    for _ in State:
        reached |= {after for state in reached for after in NEXT[state].values()}
    assert reached == set(State)


def test_a_digest_is_of_the_content_and_of_nothing_else() -> None:
    said = {"kind": "award", "amount": None, "titles": {"zh-Hans": "协议", "en": "é"}}
    other = {"titles": {"en": unicodedata.normalize("NFD", "é"), "zh-Hans": "协议"},
             "amount": None, "kind": "award"}  # fmt: skip
    assert digest(said) == digest(other) and len(digest(said)) == 64
    assert canonical(said) == '{"amount":null,"kind":"award","titles":{"en":"é","zh-Hans":"协议"}}'.encode()  # fmt: skip  # noqa: E501
    assert digest({**said, "amount": 1}) != digest(said)
    assert digest({**said, "amount": "1"}) != digest({**said, "amount": 1})


def test_what_differs_is_named() -> None:
    before = {"kind": "award", "titles": {"en": "a", "zh-Hans": "b"}, "amount": None}
    after = {"kind": "award", "titles": {"en": "c", "fr": "d"}, "amount": {"amount": 1}}
    assert differing(before, before) == ()
    assert differing(before, after) == ("amount", "titles.en", "titles.fr", "titles.zh-Hans")


def test_each_side_of_a_talk_is_a_party() -> None:
    sides = {"acme": ["u_a"], "guest": ["u_g", "u_h"]}
    assert missing_sides([("acme", None), (None, "u_h")], sides, "guest") == ()
    assert missing_sides([("acme", None), ("other", None)], sides, "guest") == ()
    assert missing_sides([("acme", None), (None, "u_a")], sides, "guest") == ("guest",)
    assert missing_sides([("acme", None), (None, None)], sides, "guest") == ("guest",)
    assert missing_sides([(None, "u_g"), (None, "u_h")], sides, "guest") == ("acme",)
    assert missing_sides([], {}, "guest") == ()


@pytest.mark.parametrize(
    ("typed", "decimals", "amount"),
    [
        ("1250000.50", 2, 125_000_050), ("1,250,000.5", 2, 125_000_050), ("１２５０", 0, 1250),
        (" 1 250 000 ", 0, 1_250_000), ("0.001", 3, 1), ("5.000", 0, 5), ("007", 2, 700),
        (str(AMOUNT_MAX), 0, AMOUNT_MAX),
    ],
)  # fmt: skip
def test_amounts_as_people_type_them(typed: str, decimals: int, amount: int) -> None:
    assert parse_amount(typed, decimals) == amount


@pytest.mark.parametrize(
    ("typed", "decimals", "code"),
    [
        ("1,5", 2, "bad_format"), ("1.000.000", 2, "bad_format"), ("-5", 2, "bad_format"),
        ("1e9", 2, "bad_format"), ("=1+1", 2, "bad_format"), ("", 2, "bad_format"),
        ("٣", 2, "bad_format"), ("NaN", 2, "bad_format"), ("12,34", 2, "bad_format"),
        ("9" * 400, 2, "bad_format"), ("1.5", 0, "too_many_decimals"),
        ("0.0001", 3, "too_many_decimals"), ("0", 2, "out_of_range"), ("0.00", 2, "out_of_range"),
        (str(AMOUNT_MAX + 1), 0, "out_of_range"), ("9999999999999999", 3, "out_of_range"),
    ],
)  # fmt: skip
def test_amounts_that_are_none(typed: str, decimals: int, code: str) -> None:
    with pytest.raises(BadAmount) as refused:
        parse_amount(typed, decimals)
    assert refused.value.code == code
