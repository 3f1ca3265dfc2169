"""The table of rings: what follows from what, and who is told."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from rooms import news
from rooms.rings import (
    Happening,
    Ring,
    State,
    Why,
    after,
    at_first,
    begun,
    declined,
    ended,
)

RINGING = Ring(
    id="r1", company="pearl", company_name="Pearl", visitor="u_v", visitor_name="Vera",
    organisation=None, subject="Robots", state=State.RINGING, why=None,
    created_ms=1_795_426_200_000, expires_ms=1_795_426_230_000, ended_ms=None, by=None,
    by_name=None, room=None, seen_ms=None, staff=("u_a", "u_b"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("happening", "state", "why"),
    [
        (Happening.TAKEN, State.ANSWERED, None),
        (Happening.ALL_DECLINED, State.REFUSED, Why.DECLINED),
        (Happening.TIME_UP, State.MISSED, Why.NO_ANSWER),
        (Happening.HANG_UP, State.CANCELLED, Why.HUNG_UP),
        (Happening.DROP, State.MISSED, Why.DROPPED),
        (Happening.NOBODY, State.MISSED, Why.NOBODY),
        (Happening.ALL_BUSY, State.MISSED, Why.BUSY),
    ],
)
def test_each_happening_ends_a_ring_once(
    happening: Happening, state: State, why: Why | None
) -> None:
    assert after(State.RINGING, happening) == (state, why)
    for over in set(State) - {State.RINGING}:
        assert after(over, happening) is None, "a ring that is over stays as it ended"


def test_a_ring_for_nobody_is_over_as_it_begins() -> None:
    assert at_first(online=0, rung=0) is Happening.NOBODY
    assert at_first(online=3, rung=0) is Happening.ALL_BUSY
    assert at_first(online=3, rung=1) is None


def test_staff_are_told_who_rings_and_until_when() -> None:
    notice = begun(RINGING)
    assert (notice.to, notice.visitor, notice.until_ms) == (
        ("u_a", "u_b"), "u_v", RINGING.expires_ms,
    )  # fmt: skip
    told = msgspec.json.decode(notice.message, type=news.Ring)
    assert told.caller == news.Caller("Vera", None)
    assert (told.subject, told.company_name) == ("Robots", "Pearl")
    assert told.expires_at == "2026-11-23T09:30:30.000Z"


def test_who_takes_it_and_the_visitor_are_told_where_and_all_that_it_is_over() -> None:
    taken = replace(RINGING, state=State.ANSWERED, by="u_b", by_name="Bo", room="n-1", ended_ms=1)
    call, over = ended(taken)
    assert isinstance(call, news.PersonalNotice) and call.to == ("u_v", "u_b")
    assert msgspec.json.decode(call.message, type=news.Call).room == "n-1"
    assert isinstance(over, news.RingOverNotice) and over.to == ("u_v", "u_a", "u_b")
    told = msgspec.json.decode(over.message, type=news.RingOver)
    assert (told.state, told.by, over.visitor) == ("answered", "Bo", "u_v")


def test_without_a_talk_nobody_is_called() -> None:
    missed = replace(RINGING, state=State.MISSED, why=Why.NO_ANSWER, ended_ms=1)
    (over,) = ended(missed)
    assert isinstance(over, news.RingOverNotice) and over.to == ("u_v", "u_a", "u_b")
    assert msgspec.json.decode(over.message, type=news.RingOver).why == "no_answer"


def test_who_declines_stops_alone() -> None:
    notice = declined(RINGING, "u_a")
    assert notice.to == ("u_a",) and notice.visitor is None
    assert msgspec.json.decode(notice.message, type=news.RingOver).state == "refused"
