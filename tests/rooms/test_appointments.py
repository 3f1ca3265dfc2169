"""The table of appointments: complete, and nothing else is possible."""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from rooms.appointments import (
    ENDED,
    MAY,
    STATES,
    TICK_MS,
    Act,
    Code,
    NoSuchTime,
    Refused,
    Side,
    State,
    decide,
    moment,
    round_state,
    series,
    ticks,
    turn,
)

C, V, F, O = Side.COMPANY, Side.VISITOR, Side.FAIR, Side.ORGANISER  # noqa: E741

#: Everything that is possible: (state, act, side) -> state after.
POSSIBLE = {
    (State.PENDING, Act.ACCEPT, C): State.CONFIRMED,
    (State.PENDING, Act.DECLINE, C): State.DECLINED,
    (State.PENDING, Act.PROPOSE, C): State.COUNTERED,
    (State.PENDING, Act.HAND_OVER, C): State.PENDING,
    (State.PENDING, Act.CANCEL, C): State.CANCELLED,
    (State.PENDING, Act.CANCEL, V): State.CANCELLED,
    (State.PENDING, Act.CANCEL, O): State.CANCELLED,
    (State.PENDING, Act.LAPSE, F): State.LAPSED,
    (State.COUNTERED, Act.ACCEPT, V): State.CONFIRMED,
    (State.COUNTERED, Act.DECLINE, V): State.DECLINED,
    (State.COUNTERED, Act.PROPOSE, C): State.COUNTERED,
    (State.COUNTERED, Act.HAND_OVER, C): State.COUNTERED,
    (State.COUNTERED, Act.CANCEL, C): State.CANCELLED,
    (State.COUNTERED, Act.CANCEL, V): State.CANCELLED,
    (State.COUNTERED, Act.CANCEL, O): State.CANCELLED,
    (State.COUNTERED, Act.LAPSE, F): State.LAPSED,
    (State.CONFIRMED, Act.HAND_OVER, C): State.CONFIRMED,
    (State.CONFIRMED, Act.CANCEL, C): State.CANCELLED,
    (State.CONFIRMED, Act.CANCEL, V): State.CANCELLED,
    (State.CONFIRMED, Act.CANCEL, O): State.CANCELLED,
    (State.CONFIRMED, Act.START, F): State.RUNNING,
    (State.CONFIRMED, Act.FINISH, F): State.DONE,
    (State.CONFIRMED, Act.MISS, F): State.NO_SHOW,
    (State.CONFIRMED, Act.MISS, C): State.NO_SHOW,
    (State.RUNNING, Act.HAND_OVER, C): State.RUNNING,
    (State.RUNNING, Act.FINISH, F): State.DONE,
}


def test_the_table_has_an_answer_for_every_act_in_every_state() -> None:
    assert STATES.keys() == set(State)
    for state, acts in STATES.items():
        assert acts.keys() == set(Act), state
    assert MAY.keys() == set(Act)


def test_nothing_else_is_possible() -> None:
    for state in State:
        for act in Act:
            for side in Side:
                try:
                    after: State | None = decide(state, act, side)
                except Refused:
                    after = None
                assert after == POSSIBLE.get((state, act, side)), (state, act, side)


def test_what_ended_stays_as_it_is() -> None:
    for state in ENDED:
        for act in Act:
            with pytest.raises(Refused) as refused:
                decide(state, act, next(iter(MAY[act])))
            assert refused.value.code is Code.OVER


def test_refusals_say_why() -> None:
    for state, act, side, code in (
        (State.PENDING, Act.ACCEPT, V, Code.NOT_YOURS),
        (State.COUNTERED, Act.ACCEPT, C, Code.NOT_YOURS),
        (State.PENDING, Act.LAPSE, C, Code.NOT_YOURS),
        (State.CONFIRMED, Act.ACCEPT, C, Code.NOT_ASKED),
        (State.PENDING, Act.MISS, C, Code.NOT_AGREED),
        (State.RUNNING, Act.CANCEL, V, Code.OVER),
    ):
        with pytest.raises(Refused) as refused:
            decide(state, act, side)
        assert refused.value.code is code, (state, act, side)


def test_whose_answer_is_awaited() -> None:
    assert [turn(state) for state in (State.PENDING, State.COUNTERED, State.CONFIRMED)] == [
        C, V, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        (["accepted", "invited"], State.PENDING),
        (["accepted", "declined"], State.DECLINED),
        (["accepted", "declined", "invited"], State.PENDING),
        (["accepted", "accepted", "invited"], State.PENDING),
        (["accepted", "accepted", "declined"], State.CONFIRMED),
        (["accepted", "declined", "declined"], State.DECLINED),
        (["declined", "invited", "accepted", "declined"], State.PENDING),
    ],
)
def test_a_round_takes_place_when_all_answered_and_two_accepted(
    answers: list[str], state: State
) -> None:
    assert round_state(answers) is state


def test_time_is_taken_in_pieces_without_overlap() -> None:
    assert list(ticks(0, 3 * TICK_MS)) == [0, 1, 2]
    assert list(ticks(3 * TICK_MS, 4 * TICK_MS)) == [3]
    assert list(ticks(1, TICK_MS + 1)) == [0, 1]


BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
HOUR = 12 * TICK_MS


def test_a_time_the_clocks_leap_over_is_none() -> None:
    for local, zone in (
        (datetime(2027, 3, 28, 2, 0), BERLIN),
        (datetime(2027, 3, 28, 2, 55), BERLIN),
        (datetime(2026, 10, 4, 2, 15), LORD_HOWE),  # half an hour
    ):
        with pytest.raises(NoSuchTime):
            moment(local, zone)
    assert (
        moment(datetime(2027, 3, 28, 3, 0), BERLIN) - moment(datetime(2027, 3, 28, 1, 55), BERLIN)
        == TICK_MS
    )
    # Of two that clocks show alike, the first.
    twice = moment(datetime(2027, 10, 31, 2, 30), BERLIN)
    assert moment(datetime(2027, 10, 31, 3, 30), BERLIN) - twice == 2 * HOUR


def test_a_series_has_slots_of_one_length_whatever_the_clocks_do() -> None:
    day = [date(2027, 3, 27), date(2027, 3, 28), date(2027, 10, 31), date(2027, 3, 27)]
    found = series(day, time(1), time(4), BERLIN, 30, 0)
    assert {end - start for start, end in found} == {30 * 60_000}
    ends = [(start, end) for start, end in found if (end - found[0][0]) <= 24 * HOUR]
    assert len(ends) == 6  # an ordinary day: three hours
    assert len(found) == 6 + 4 + 8  # two where the clocks leap forward, four where back
    assert all(a[1] <= b[0] for a, b in pairwise(found))
    with pytest.raises(NoSuchTime):
        series([date(2027, 3, 28)], time(2, 30), time(4), BERLIN, 30, 0)


def test_a_series_keeps_its_pause_and_may_pass_midnight() -> None:
    found = series([date(2027, 5, 1)], time(9), time(10, 30), BERLIN, 30, 10)
    starts = [(start - found[0][0]) // 60_000 for start, _ in found]
    assert starts == [0, 40]  # a third would end ten minutes late
    assert len(series([date(2027, 5, 1)], time(23), time(1), BERLIN, 60, 0)) == 2
    assert series([date(2027, 5, 1)], time(9), time(9, 10), BERLIN, 15, 0) == []
