"""Whole journeys: each on one hub worker and across two."""

from __future__ import annotations

from tests.live.driver import Hub

Pair = tuple[Hub, Hub]


async def test_enter_say_roster_leave(pair: Pair) -> None:
    one, other = pair
    room = await one.room(capacity=5)
    (ada,) = await one.inside(room, "ada")
    snapshot = ada.entered["snapshot"]
    assert snapshot["room"]["live"] == 1 and snapshot["room"]["capacity"] == 5
    assert [p["id"] for p in snapshot["roster"]["items"]] == ["ada"]
    (bob,) = await other.inside(room, "bob")
    added = await ada.expect("roster")
    assert [person["id"] for person in added["add"]] == ["bob"] and added["total"] == 2

    seq = await bob.say("hello  é")
    for client in (ada, bob):
        event = await client.expect("event", kind="chat")
        assert (event["seq"], event["by"], event["epoch"]) == (seq, "bob", ada.entered["epoch"])
        assert event["body"] == {"text": "hello  é", "name": "Bob"}
    page = await ada.ask("roster", limit=1)
    assert page["total"] == 2 and len(page["items"]) == 1 and page["next"]
    rest = await ada.ask("roster", limit=1, after=page["next"])
    assert {page["items"][0]["id"], rest["items"][0]["id"]} == {"ada", "bob"}

    assert (await bob.ask("leave"))["type"] == "left"
    gone = await ada.expect("roster", remove=["bob"])
    assert gone["total"] == 1
    assert (await bob.ask("say", text="still here?"))["code"] == "not_in_room"
    assert (await bob.enter())["type"] == "entered"


async def test_resume_after_a_cut_brings_each_missed_event_once(pair: Pair) -> None:
    one, other = pair
    room = await one.room()
    ada, bob = await one.inside(room, "ada", "bob")
    first = await bob.say("one")
    assert (await ada.expect("event"))["seq"] == first
    ada.cut()
    missed = [await bob.say(text) for text in ("two", "three")]
    back = await ada.resume(to=other, seq=first)
    events = await back.events(2)
    assert [event["seq"] for event in events] == missed
    assert (await back.expect("resumed"))["seq"] == missed[-1]
    assert (await back.expect("room"))["live"] == 2
    assert (await back.expect("roster"))["fresh"] is True
    after = await bob.say("four")
    event = await back.expect("event")
    assert event["seq"] == after and not back.kept("event")
    assert back.welcome["session"] == ada.welcome["session"]
    assert back.welcome["resume"] != ada.welcome["resume"]
