"""Each client message with missing, wrong-typed, hostile and extra content.

What is refused has its stable code, closes nothing and changes nothing: the room's
sequence number and its people are the same afterwards.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rooms import messages
from tests.live.driver import Client, Hub

#: A good message of each type, ``room`` and ``id`` to be added.
GOOD: dict[str, dict[str, Any]] = {
    "enter": {},
    "leave": {},
    "say": {"text": "hello"},
    "unsay": {"seq": 1},
    "react": {"emoji": "👍"},
    "hand": {"up": True},
    "roster": {},
    "moderate": {"action": "lock"},
    "media": {"pc": "publish", "sdp": "v=0\r\n"},
    "media_close": {"pc": "publish"},
    "source": {"source": "camera", "muted": True},
    "view": {"main": "auto", "thumbs": 1, "audio_only": False},
    "signal": {"to": "bob", "data": {"restart": True}},
    "note": {"base": 0, "ops": ["a"]},
    "notes": {},
}
#: Hostile or wrong-typed values of each field beyond ``id`` and ``room``.
WRONG: dict[str, dict[str, list[Any]]] = {
    "enter": {"wait": [None, "yes", 1, []]},
    "say": {
        "text": [None, 7, "", " \n ", "x" * 2001, ["a"], {"a": 1}, "a\x00b", "a\x1bb", "\u202eabc"],
        "channel": [7, "x" * 65, "", "sides", "lobby:", "lobby:a b", "side\n"],
    },
    "unsay": {"seq": [None, "1", -1, 1.5, 2**63, True]},
    "react": {"emoji": [None, 7, "", "💣", "x" * 17, "<b>"]},
    "hand": {"up": [None, 1, "true"]},
    "roster": {"after": [7, "x" * 201], "limit": [0, -1, 101, "9", 1.5, None, True]},
    "moderate": {
        "action": [None, "", "fire", 7, "LOCK"],
        "message": ["x" * 501, 7],
        "participant": [None, "", "a b", "x" * 65, "a\n", "ü"],
        "capacity": [0, -5, 100_001, "9", 1.5, True],
        "seconds": [0, -1, 31_536_001, "1"],
        "source": ["eye", 7, None],
        "mode": ["maybe", None],
        "slow_mode_s": [-1, 3601, "1"],
    },
    "media": {
        "pc": [None, "both", 7],
        "sdp": [None, "", 7, "x" * 32_769],
        "sources": [None, {}, "camera", [{"mid": "0"}], [{"mid": "", "source": "camera"}],
                    [{"mid": "0", "source": "eye"}], [{"mid": "0", "source": "camera"}] * 17],
        "restart": [None, "no"],
    },
    "media_close": {"pc": [None, "both"]},
    "source": {"source": [None, "eye"], "muted": [None, 1]},
    "view": {"main": [None, "", "a b", "x" * 65], "thumbs": [-1, 49, "1"], "audio_only": [1]},
    "signal": {
        "to": [None, "", "a b", 7, "x" * 65],
        "data": [None, 7, [], {}, {"restart": False}, {"restart": True, "candidate": None},
                 {"candidate": "x"}, {"candidate": {}},
                 {"candidate": {"candidate": "", "sdpMid": 7}},
                 {"candidate": {"candidate": "candidate:1", "sdpMid": "0"}}, {"description": None},
                 {"description": {"type": "offer", "sdp": "v=0"}}, {"description": {"type": 1}},
                 {"description": {"type": "answer", "sdp": "x" * 32_769}}, {"x" * 100: 1}],
    },
    "note": {
        "base": [None, "0", -1, 1.5, True, 2**53],
        "ops": [None, "a", 7, {}, [None], [1.5], [[1]], [True], [1] * 1001],
    },
}  # fmt: skip
COMMON: dict[str, list[Any]] = {
    "room": [None, 7, "", "UPPER", "a/b", "x" * 65, "a\n", "{tag}", ["a"]],
    "id": [None, "1", -1, 1.5, 2**53, 1e400, True],
}


def bad() -> list[tuple[str, str, str]]:
    """(type, what is wrong, the text of the frame with ROOM to be filled in)."""
    cases: list[tuple[str, str, str]] = []
    for kind, good in GOOD.items():
        whole = {"type": kind, "id": 77, "room": "ROOM", **good}
        for field in whole:
            optional = (kind, field) in {
                ("react", "id"), ("view", "main"), ("view", "thumbs"), ("view", "audio_only"),
            }  # fmt: skip
            if not optional:
                without = {key: value for key, value in whole.items() if key != field}
                cases.append((kind, f"no {field}", json.dumps(without)))
        values = {**COMMON, **WRONG.get(kind, {})}
        for field, wrongs in values.items():
            for wrong in wrongs:
                if (kind, field, wrong) == ("react", "id", None):
                    continue
                text = json.dumps({**whole, field: wrong})
                cases.append((kind, f"{field}={str(wrong)[:20]!r}", text))
    for action, fields in messages.ACTION_FIELDS.items():
        for field in fields:
            given = {"participant": "bob", "seconds": 5, "source": "camera"}
            given = {key: given[key] for key in fields if key != field and key in given}
            whole = {"type": "moderate", "id": 77, "room": "ROOM", "action": action, **given}
            cases.append(("moderate", f"{action} without {field}", json.dumps(whole)))
    cases.append(("hello", "twice", '{"type":"hello","id":77,"token":"x"}'))
    cases.append(("none", "no type", '{"id":77,"room":"ROOM"}'))
    cases.append(("none", "unknown type", '{"type":"whistle","id":77,"room":"ROOM"}'))
    cases.append(("none", "type is a list", '{"type":["say"],"id":77}'))
    cases.append(("say", "lone surrogate", '{"type":"say","id":77,"room":"ROOM","text":"\\ud800"}'))
    deep = '{"type":"say","id":77,"room":"ROOM","text":"a","x":' + "[" * 5000 + "]" * 5000 + "}"
    cases.append(("say", "deep", deep))
    return cases


CASES = bad()


@pytest.fixture
async def people(hub: Hub) -> AsyncIterator[tuple[Client, Client]]:
    """A moderator (nothing fails for want of a right) and someone who watches."""
    room = await hub.room()
    (watcher,) = await hub.inside(room, "bob")
    (client,) = await hub.inside(room, "mod", role="moderator")
    yield client, watcher


@pytest.mark.parametrize("kind", [*GOOD, "hello", "none"])
async def test_wrong_content_is_refused_and_changes_nothing(
    hub: Hub, people: tuple[Client, Client], kind: str
) -> None:
    client, watcher = people
    await watcher.expect("roster", total=2)
    before = await hub.services.admission.snapshot(client.room)
    cases = [(what, text) for of, what, text in CASES if of == kind]
    assert cases
    for what, text in cases:
        _calm(hub)
        await client.raw(text.replace("ROOM", client.room).replace("Infinity", "1e400"))
        answer = await client.expect("error", "refused", "ok", "media", "entered", "left")
        assert answer["type"] == "error" and answer["code"] == "bad_message", f"{what}: {answer}"
        readable = "id=" not in what and what not in ("no id", "deep")
        assert answer.get("re") == (77 if readable else None), f"{what}: {answer}"
    after = await hub.services.admission.snapshot(client.room)
    assert after == before
    assert not watcher.kept("event")
    assert (await client.ask("hand", up=False))["type"] == "ok", "the socket lives on"


def _calm(hub: Hub) -> None:
    """Rate limits have their own test."""
    for conn in hub.live.connections.values():
        conn.messages.tokens = 40.0
        conn.chat.tokens = 5.0


async def test_unknown_fields_are_ignored(people: tuple[Client, Client]) -> None:
    client, _ = people
    answer = await client.ask("say", text="hi", role="organiser", seq=99, by="bob", re=1)
    assert answer["type"] == "ok" and answer["seq"] == 1
    event = await client.expect("event")
    assert event["by"] == "mod"


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind not in ("enter", "moderate")])
async def test_outside_a_room_nothing_is_done(hub: Hub, kind: str) -> None:
    room = await hub.room()
    client = hub.client("ada", room)
    await client.hello()
    answer = await client.ask(kind, **GOOD[kind])
    assert (answer["type"], answer["code"]) == ("error", "not_in_room")


async def test_what_may_be_said_arrives_as_it_was_said(people: tuple[Client, Client]) -> None:
    client, watcher = people
    for text in ("<script>alert(1)</script>", "ü 中文 👩‍👩‍👧", "a\nb", "x" * 2000):
        await client.say(text)
        assert (await watcher.expect("event"))["body"]["text"] == text


async def test_a_fault_of_ours_is_answered_and_leaks_nothing(
    hub: Hub, people: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = people

    async def broken(*args: Any, **more: Any) -> None:
        raise RuntimeError("secret-detail /srv/pavilion")

    monkeypatch.setattr(hub.services.admission, "hand", broken)
    answer = await client.ask("hand", up=True)
    assert answer["type"] == "error" and answer["code"] == "recovering"
    assert "secret" not in json.dumps(answer) and answer["retry_after_ms"] > 0
    assert await client.say("alive") == 1
