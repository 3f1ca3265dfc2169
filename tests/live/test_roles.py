"""Every act of moderating by every role, over the socket; and every message has its matrix."""

from __future__ import annotations

from typing import Any

from rooms.messages import ACTION_FIELDS, CLIENT_MESSAGES
from rooms.model import Role
from tests.live.driver import Hub

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
