"""Names, room states, rights and closing: the words the wire is made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.chat import clean_text
from rooms.closing import BYE_CODE, Close
from rooms.errors import Code, Refusal
from rooms.messages import EVENT_KINDS
from rooms.model import (
    PRIVILEGED,
    Counts,
    Identity,
    NameRefused,
    Role,
    RoomSpec,
    RoomState,
    clean_name,
)
from rooms.permissions import ACTION_RIGHT, RIGHTS, Right, may


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("  Ada ", "Ada"), ("e\u0301", "é"), ("王小明", "王小明"), ("x" * 64, "x" * 64)],
)
def test_names_that_are_kept(raw: str, shown: str) -> None:
    assert clean_name(raw) == shown


@pytest.mark.parametrize(
    "raw",
    ["", "   ", "x" * 65, "a\x00b", "a\nb", "\u202eadA", "a\u200bb", "a\u2028b", "\ud800", "\ue000",
     "a\u2066b"],
)  # fmt: skip
def test_names_that_are_refused(raw: str) -> None:
    with pytest.raises(NameRefused):
        clean_name(raw)


@given(st.text(max_size=80))
def test_a_clean_name_stays_as_it_is(raw: str) -> None:
    try:
        name = clean_name(raw)
    except NameRefused:
        return
    assert clean_name(name) == name and 1 <= len(name) <= 64


@pytest.mark.parametrize(
    ("raw", "kept"),
    [(" a\r\nb\rc ", "a\nb\nc"), ("👩‍👩‍👧", "👩‍👩‍👧"), ("a\tb", "a\tb"), ("x" * 2000, "x" * 2000)],
)
def test_chat_that_is_kept(raw: str, kept: str) -> None:
    assert clean_text(raw) == kept


@pytest.mark.parametrize(
    "raw", ["", "\n \t", "x" * 2001, "a\x00", "a\x1b[31m", "\u202ex", "\x85x\x85y"]
)
def test_chat_that_is_refused(raw: str) -> None:
    with pytest.raises(Refusal) as refused:
        clean_text(raw)
    assert refused.value.code is Code.BAD_MESSAGE


def test_a_room_opens_and_closes_by_its_times() -> None:
    spec = RoomSpec(slug="a", title="A", opens_at=100, closes_at=200)
    states = [spec.state(at) for at in (99, 100, 199, 200)]
    assert states == [RoomState.SCHEDULED, RoomState.OPEN, RoomState.OPEN, RoomState.CLOSED]
    assert RoomSpec(slug="a", title="A", closed=True).state(0) is RoomState.CLOSED
    assert RoomSpec(slug="a", title="A").state(0) is RoomState.OPEN


def test_occupied_is_live_held_and_offered() -> None:
    assert Counts(live=3, held=2, offered=1, waiting=9, stage=2).occupied == 6


@pytest.mark.parametrize("role", list(Role))
def test_reserved_seats_are_for_roles_or_by_token(role: Role) -> None:
    assert Identity(id="a", name="A", role=role).privileged == (role in PRIVILEGED)
    assert Identity(id="a", name="A", role=role, reserved=True).privileged


def test_rights_are_complete_and_grow_with_the_role() -> None:
    assert set(RIGHTS) == set(Role)
    assert {right for rights in RIGHTS.values() for right in rights} == set(Right)
    assert RIGHTS[Role.ORGANISER] == RIGHTS[Role.MODERATOR]
    assert not RIGHTS[Role.PARTICIPANT]
    # The size of a room and who is kept out of the fair are not the host's to decide.
    for right in (Right.CAPACITY, Right.BAN, Right.CLOSE):
        assert not may(Role.HOST, right) and may(Role.MODERATOR, right)
    assert all(may(Role.MODERATOR, right) for right in ACTION_RIGHT.values())
    assert not any(may(Role.SPEAKER, right) for right in ACTION_RIGHT.values())


def test_close_codes_say_whether_to_come_back() -> None:
    assert set(BYE_CODE) == set(Close)
    back = {close for close in Close if close.reconnect}
    assert back == {
        Close.SLOW_READER, Close.DRAINING, Close.RECOVERING, Close.RECONNECT_ELSEWHERE,
        Close.RATE_LIMITED,
    }  # fmt: skip
    assert all(4000 <= close < 5000 for close in Close)


def test_event_kinds_are_those_of_the_wire() -> None:
    assert set(EVENT_KINDS) == {
        "chat", "unsay", "stage", "removed", "lock", "capacity", "chat_mode", "announcement",
        "mute", "media_mode", "closed", "file", "file_removed", "moved", "timer", "note",
    }  # fmt: skip
