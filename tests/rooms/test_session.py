"""The tables are complete, refuse by name, and refuse without changing anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms import messages as m
from rooms.errors import Code, Refusal
from rooms.model import Identity, Role
from rooms.session import (
    FACTS,
    MESSAGES,
    Effect,
    Fact,
    ImpossibleStep,
    Place,
    advance,
    as_in,
    decide,
    is_guest,
    role_in,
)

SAMPLES: dict[type[m.ClientMessage], m.AnyClient] = {
    m.Hello: m.Hello(id=1, token="t"),
    m.Enter: m.Enter(id=1, room="a"),
    m.Leave: m.Leave(id=1, room="a"),
    m.Say: m.Say(id=1, room="a", text="x"),
    m.Unsay: m.Unsay(id=1, room="a", seq=1),
    m.React: m.React(room="a", emoji="👍"),
    m.Hand: m.Hand(id=1, room="a", up=True),
    m.Roster: m.Roster(id=1, room="a"),
    m.Moderate: m.Moderate(id=1, room="a", action="lock"),
    m.Media: m.Media(id=1, room="a", pc="publish", sdp="v=0"),
    m.MediaClose: m.MediaClose(id=1, room="a", pc="publish"),
    m.SourceMute: m.SourceMute(id=1, room="a", source="camera", muted=True),  # type: ignore[arg-type]
    m.View: m.View(id=1, room="a"),
    m.Signal: m.Signal(id=1, room="a", to="b", data={"restart": True}),
    m.Note: m.Note(id=1, room="a", base=0, ops=("x",)),
    m.NotesAsked: m.NotesAsked(id=1, room="a"),
}


def test_every_message_has_an_answer_in_every_place() -> None:
    assert set(MESSAGES) == set(Place)
    for place, table in MESSAGES.items():
        assert set(table) == set(m.CLIENT_MESSAGES), place


def test_every_effect_can_happen() -> None:
    answers = {answer for table in MESSAGES.values() for answer in table.values()}
    assert {answer for answer in answers if isinstance(answer, Effect)} == set(Effect)


@pytest.mark.parametrize("place", list(Place))
def test_decide_is_the_table(place: Place) -> None:
    for kind, answer in MESSAGES[place].items():
        if isinstance(answer, Code):
            with pytest.raises(Refusal) as refused:
                decide(place, SAMPLES[kind])
            assert refused.value.code is answer
        else:
            assert decide(place, SAMPLES[kind]) is answer


@pytest.mark.parametrize("place", [place for place in Place if place is not Place.INSIDE])
def test_without_a_seat_only_rights_count(place: Place) -> None:
    """What needs a seat is refused wherever there is none; what needs a role is looked at."""
    by_right = {Effect.UNSAY_BY_RIGHT, Effect.ROSTER_BY_RIGHT, Effect.MODERATE}
    allowed = {answer for answer in MESSAGES[place].values() if isinstance(answer, Effect)}
    assert allowed <= by_right | {Effect.ENTER, Effect.LEAVE, Effect.SAY_WAITING}


def test_places_lead_where_the_picture_says() -> None:
    assert set(FACTS) == set(Place)
    reachable, edge = {Place.OUTSIDE}, [Place.OUTSIDE]
    while edge:
        for found in FACTS[edge.pop()].values():
            if found not in reachable:
                reachable.add(found)
                edge.append(found)
    assert reachable == set(Place)
    for place in Place:
        assert FACTS[place][Fact.ENDED] is Place.OUTSIDE
    # A seat comes from Redis's word alone.
    ways_in = {
        (place, fact)
        for place, table in FACTS.items()
        for fact, to in table.items()
        if to is Place.INSIDE
    }
    assert {fact for _, fact in ways_in} == {Fact.SEATED}
    assert Place.OUTSIDE not in {place for place, _ in ways_in}


@given(st.lists(st.sampled_from(list(Fact))))
def test_an_impossible_fact_changes_nothing(facts: list[Fact]) -> None:
    place = Place.OUTSIDE
    for fact in facts:
        try:
            place = advance(place, fact)
        except ImpossibleStep:
            assert fact not in FACTS[place]


ROOM = "hall-1"


@pytest.mark.parametrize(
    ("role", "token_room", "found"),
    [
        (Role.HOST, ROOM, Role.HOST),
        (Role.PARTICIPANT, ROOM, Role.PARTICIPANT),
        (Role.ORGANISER, "other", None),
        (Role.ORGANISER, None, Role.ORGANISER),
        (Role.MODERATOR, None, Role.MODERATOR),
        (Role.HOST, None, Role.PARTICIPANT),
        (Role.SPEAKER, None, Role.PARTICIPANT),
    ],
)
def test_the_role_in_a_room(role: Role, token_room: str | None, found: Role | None) -> None:
    who = Identity(id="ada", name="Ada", role=role, room=token_room)
    if found is None:
        with pytest.raises(Refusal) as refused:
            role_in(who, ROOM)
        assert refused.value.code is Code.FORBIDDEN
    else:
        assert role_in(who, ROOM) is found
        here = as_in(who, ROOM)
        assert (here.role, here.room, here.id) == (found, ROOM, "ada")
        assert here.privileged == (found is not Role.PARTICIPANT)


def test_guests_are_known_by_their_id() -> None:
    assert is_guest(Identity(id="g_1", name="A")) and not is_guest(Identity(id="u_1", name="A"))
