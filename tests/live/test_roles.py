"""Every act of moderating by every role, over the socket; and every message has its matrix."""

from __future__ import annotations

from typing import Any

from rooms.messages import ACTION_FIELDS, CLIENT_MESSAGES
from rooms.model import Mode, Role
from tests.live.driver import Client, Hub
from tests.live.test_talks import by_ticket, come, talk

#: Who may, from the least on: everybody further right may too. Said here once more, apart from
#: ``rooms.permissions``: what is to hold, not what happens to.
LADDER = ("participant", "speaker", "host", "moderator", "organiser")
FIRST = {
    "lock": "host", "unlock": "host", "remove": "host", "stage": "host", "unstage": "host",
    "mute": "host", "chat": "host", "announce": "host", "admit": "host", "deny": "host",
    "capacity": "moderator", "ban": "moderator", "unban": "moderator", "close": "moderator",
}  # fmt: skip
FIELDS: dict[str, Any] = {
    "participant": "nobody-here", "capacity": 7, "seconds": 60, "source": "microphone",
    "mode": "on", "text": "Doors close soon",
}  # fmt: skip
#: Messages that ask for no role but a seat (test_bad_input: without one nothing is done), or for
#: less than that.
NO_ROLE = {
    "enter", "hand", "hello", "leave", "media", "media_close", "note", "notes", "react", "roster",
    "say", "signal", "source", "unsay", "view",
}  # fmt: skip


#: What is said in a talk, with what, and by whom it is done. ``host`` and ``helper`` are of the
#: host side, ``guest`` of the other, all seated; ``knocks`` waits to be let in; ``removed`` was
#: inside; ``other`` is no member. ``{}``: each of the host side has somebody to let in and
#: somebody to send away.
SEATED = {"host", "helper", "guest"}
TALKING: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "signal": ("signal", {"to": "host", "data": {"restart": True}}, SEATED),
    "note": ("note", {"base": 0, "ops": ["x"]}, SEATED),
    "notes": ("notes", {}, SEATED),
    "say": ("say", {"text": "Hello"}, SEATED),
    "say in side": ("say", {"text": "Hello", "channel": "side"}, SEATED),
    "say in the lobby": ("say", {"text": "Hello", "channel": "lobby"}, {"knocks"}),
    "say in somebody's lobby": (
        "say", {"text": "Hello", "channel": "lobby:knocks"}, {"host", "helper", "knocks"},
    ),
    "deny": ("moderate", {"action": "deny", "participant": "out-{}"}, {"host", "helper"}),
    "admit": ("moderate", {"action": "admit", "participant": "in-{}"}, {"host", "helper"}),
}  # fmt: skip


async def test_what_is_said_in_a_talk_by_everybody(hub: Hub) -> None:
    room = await talk(hub, lobby=True, mode=Mode.ONE_TO_MANY)
    people: dict[str, Client] = {}
    for person in ("host", "helper"):
        people[person] = await come(hub, room, person, "host", "pearl")
    for person in ("guest", "removed", "knocks", "in-host", "in-helper", "out-host", "out-helper"):
        people[person] = await come(hub, room, person)
    for person in ("guest", "removed"):
        await people["host"].ask("moderate", action="admit", participant=person)
        await people[person].expect("entered")
    await people["host"].ask("moderate", action="remove", participant="removed")
    assert (await people["removed"].closed())[0] == 4503
    for person in ("removed", "other"):
        people[person] = await by_ticket(hub, room, person)
    wrong = []
    for what, (type, fields, allowed) in TALKING.items():
        for person in ("other", "removed", "knocks", "guest", "helper", "host"):
            of = person if person == "helper" else "host"
            given = {
                key: value.format(of) if key == "participant" else value
                for key, value in fields.items()
            }
            if (what, person) == ("signal", "host"):
                given["to"] = "helper"
            answer = await people[person].ask(type, room=room, **given)
            if (answer["type"] in {"ok", "notes"}) != (person in allowed):
                wrong.append((what, person, answer))
    assert wrong == []


async def test_every_act_by_every_role(hub: Hub) -> None:
    assert FIRST.keys() == ACTION_FIELDS.keys() and set(LADDER) == {role.value for role in Role}
    room = await hub.room()
    actors = {role: hub.client(f"p-{role}", room, role) for role in LADDER}
    for actor in actors.values():
        await actor.hello()
    wrong = []
    for action in sorted(FIRST, key=lambda name: name == "close"):
        fields = {name: FIELDS[name] for name in ACTION_FIELDS[action]}
        for role, actor in actors.items():
            answer = await actor.ask("moderate", action=action, **fields)
            refused = answer.get("code") == "forbidden"
            if refused == (LADDER.index(role) >= LADDER.index(FIRST[action])):
                wrong.append((role, action, answer))
    assert wrong == []


def test_every_message_is_in_a_matrix() -> None:
    tags = {one.__struct_config__.tag for one in CLIENT_MESSAGES}
    assert tags == NO_ROLE | {"moderate"}, "say here or in FIRST whom it is for"
