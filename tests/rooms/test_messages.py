"""The registry, and the line between text that is no object and an object that is wrong."""

from __future__ import annotations

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms import messages as m
from rooms.errors import Code
from rooms.permissions import ACTION_RIGHT


def test_the_registry_is_whole() -> None:
    assert set(get_args(m.AnyClient)) == set(m.CLIENT_MESSAGES)
    defined = {
        one for one in vars(m).values()
        if isinstance(one, type) and issubclass(one, m.ServerMessage | m.ClientMessage)
    } - {m.ServerMessage, m.ClientMessage}  # fmt: skip
    assert defined == {*m.CLIENT_MESSAGES, *m.SERVER_MESSAGES}
    assert set(m.SERVER_MESSAGES) >= m.DROPPABLE
    for messages in (m.CLIENT_MESSAGES, m.SERVER_MESSAGES):
        tags = [one.__struct_config__.tag for one in messages]
        assert len(set(tags)) == len(tags)
    assert set(m.ACTION_FIELDS) == set(ACTION_RIGHT)


@pytest.mark.parametrize(
    "text",
    ["", " ", "null", "1", '"hello"', "[]", "[{}]", "{", "{}{}", '{"type":}', "nan", "{'a':1}",
     '{"a":NaN}', "\x00", "[" * 70_000],
)  # fmt: skip
def test_no_object(text: str) -> None:
    with pytest.raises(m.NotAnObject):
        m.parse(text)


@pytest.mark.parametrize(
    ("text", "re"),
    [
        ("{}", None),
        ('{"id":5}', 5),
        ('{"type":"dance","id":5}', 5),
        ('{"type":"say","id":5,"room":"a"}', 5),
        ('{"type":"say","id":"5","room":"a","text":"x"}', None),
        ('{"type":"say","id":5,"room":"a","text":"\\ud800"}', 5),
        ('{"type":"say","id":5,"room":"a","text":"\\\\\\ud800"}', 5),
        ('{"type":"say","id":1e999,"room":"a","text":"x"}', None),
        ('{"a":' + "[" * 9000 + "]" * 9000 + "}", None),
        ('{"type":"hello","id":5}', 5),
        ('{"type":"hello","id":5,"token":"a","resume":"b"}', 5),
        ('{"type":"moderate","id":5,"room":"a","action":"ban","participant":"b"}', 5),
    ],
)
def test_a_wrong_object_keeps_its_id(text: str, re: int | None) -> None:
    with pytest.raises(m.BadMessage) as refused:
        m.parse(text)
    assert refused.value.re == re


def test_unknown_fields_are_ignored() -> None:
    assert m.parse('{"type":"leave","id":1,"room":"a","new":{}}') == m.Leave(id=1, room="a")


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused_by_name(text: str) -> None:
    for frame in (text, json.dumps({"type": "say", "id": 1, "room": "a", "text": text})):
        try:
            message = m.parse(frame)
        except (m.NotAnObject, m.BadMessage):
            continue
        assert isinstance(message, m.Say) and message.text == text


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.sampled_from([one.__struct_config__.tag for one in m.CLIENT_MESSAGES]),
    st.dictionaries(
        st.sampled_from([f for one in m.CLIENT_MESSAGES for f in one.__struct_fields__]),
        json_value,
    ),
)
def test_any_object_is_parsed_or_refused_by_name(tag: str, fields: dict[str, object]) -> None:
    try:
        message = m.parse(json.dumps({"type": tag, **fields}))
    except m.BadMessage:
        return
    assert type(message).__struct_config__.tag == tag


def test_what_is_absent_is_not_sent() -> None:
    sent = json.loads(m.encode(m.Error(code=Code.FORBIDDEN, message="no")))
    assert sent == {"type": "error", "code": "forbidden", "message": "no"}
    frame = m.frame_payload([m.encode(m.Ok(re=1)), m.encode(m.Ok(re=2, seq=3))])
    assert json.loads(frame) == [
        {"type": "ok", "re": 1}, {"type": "ok", "re": 2, "seq": 3},
    ]  # fmt: skip
    assert m.frame_payload([]) == b"[]"


def test_an_event_body_is_passed_through() -> None:
    event = m.Event(
        room="a", epoch="e", seq=1, kind="chat", at="t", by=None,
        body=msgspec.Raw(m.as_json({"text": "ü", "name": "A"})),
    )  # fmt: skip
    assert json.loads(m.encode(event))["body"] == {"text": "ü", "name": "A"}
