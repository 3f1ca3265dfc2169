"""Talks over the live socket: who may come in, channels, the lobby, signals, media mode, notes."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from hub.live import talking
from hub.store import keys
from rooms import notes as ot
from rooms.model import Identity, Kind, Mode, Role
from tests.fair.conftest import Clock
from tests.fair.rig import Rig
from tests.live.driver import Client, Hub

NEGOTIATION = Kind.NEGOTIATION
FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
SDP = (
    "v=0\r\no=mozilla 4611 2 IN IP4 192.0.2.7\r\ns=Ada's laptop\r\nt=0 0\r\n"
    f"a=fingerprint:{FINGERPRINT}\r\na=group:BUNDLE 0\r\na=tool:spy\r\n"
    "m=application 53211 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.7\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=mid:0\r\n"
    "a=sctp-port:5000\r\na=candidate:1 1 udp 2122260223 192.0.2.7 53211 typ host\r\n"
    "a=candidate:2 1 udp 41885439 198.51.100.9 3478 typ relay raddr 192.0.2.7 rport 9999\r\n"
)
HOST_LINE = "candidate:1 1 udp 2122260223 192.0.2.7 53211 typ host generation 0"


async def talk(hub: Hub, **settings: Any) -> str:
    settings = {"kind": NEGOTIATION, "capacity": 8, **settings}
    return await hub.room(**settings)


async def come(
    hub: Hub, room: str, person: str, role: str = "participant", side: str = "guest", **fields: Any
) -> Client:
    """Greeted by a room token of that side; inside, or waiting."""
    client = hub.client(person, room, role)
    await client.hello(token=hub.token(person, room, role, side=side))
    client.entered = await client.enter(**fields)
    return client


async def by_ticket(hub: Hub, room: str, person: str, role: Role = Role.PARTICIPANT) -> Client:
    """Greeted as an account; not entered yet."""
    ticket, _ = await hub.services.vault.issue_ticket(Identity(id=person, name=person, role=role))
    client = hub.client(person, room)
    await client.hello(ticket=ticket)
    return client


async def rig_of(hub: Hub) -> Rig:
    """Companies and accounts in this hub's database; the clock is the real one."""
    clock = Clock()
    rig = Rig(hub.services.config.database_url, clock)
    clock.ms = hub.services.fair.talks._now_ms()  # type: ignore[attr-defined]
    await rig.fill()
    return rig


# --- who may come in ----------------------------------------------------------------------


async def test_a_talk_is_there_for_its_members_alone(two: tuple[Hub, Hub]) -> None:
    one, other = two
    rig = await rig_of(one)
    room = await rig.talk()
    host, guest = await by_ticket(one, room, "u_pearl1"), await by_ticket(other, room, "u_v1")
    entered = await host.enter()
    assert entered["media_mode"] == "direct" and entered["snapshot"]["channels"] == {}
    assert entered["snapshot"]["room"]["mode"] == "one_to_one"
    assert (await guest.enter())["type"] == "entered"
    people = {one["id"]: one for one in (await guest.ask("roster"))["items"]}
    assert people["u_pearl1"]["role"] == "host" and people["u_pearl1"]["side"] == "pearl"
    assert people["u_v1"]["side"] == "guest" and all(one["stage"] for one in people.values())
    outsiders = [
        await by_ticket(one, room, "u_v2"),
        await by_ticket(other, room, "boss", Role.ORGANISER),
        await by_ticket(one, room, "u_lotus1"),
    ]
    for client in outsiders:
        told = []
        for slug in (room, "no-such-room"):
            answers = [await client.enter(room=slug)]
            for type, fields in (
                ("say", {"text": "hello"}), ("roster", {}), ("notes", {}), ("leave", {}),
                ("moderate", {"action": "remove", "participant": "u_v1"}),
                ("moderate", {"action": "close"}),
                ("signal", {"to": "u_v1", "data": {"restart": True}}),
                ("media", {"pc": "subscribe", "sdp": "v=0\r\n"}),
                ("note", {"base": 0, "ops": ["x"]}), ("unsay", {"seq": 1}),
            ):  # fmt: skip
                answers.append(await client.ask(type, room=slug, **fields))
            told.append([{**one, "re": 0, "room": ""} for one in answers])
        assert told[0] == told[1], client.person
        assert told[0][0]["type"] == "refused" and told[0][0]["code"] == "unknown_room"
    await rig.engine.dispose()


async def test_who_was_removed_finds_no_room(hub: Hub) -> None:
    rig = await rig_of(hub)
    room = await rig.talk(mode=Mode.MANY_TO_MANY, sides={"pearl": 2, "guest": 2}, capacity=4)
    host, guest = await by_ticket(hub, room, "u_pearl1"), await by_ticket(hub, room, "u_v1")
    await host.enter()
    await guest.enter()
    answer = await host.ask("moderate", action="remove", participant="u_v1")
    assert answer["type"] == "ok"
    assert (await guest.closed())[0] == 4503
    again = await by_ticket(hub, room, "u_v1")
    removed, unknown = await again.enter(), await again.enter(room="no-such-room")
    assert {**removed, "re": 0, "room": ""} == {**unknown, "re": 0, "room": ""}
    assert removed["code"] == "unknown_room"
    assert await hub.services.fair.talks.access(room, "u_v1") is None
    await rig.engine.dispose()


async def test_outsiders_and_strangers_cost_the_same_questions(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same code path: the same calls of SQL and none of Redis."""
    rig = await rig_of(hub)
    room = await rig.talk()
    asked: list[str] = []
    services = hub.services
    for part, name in ((services.directory, "room"), (services.fair.talks, "access")):
        real = getattr(part, name)

        async def counted(*args: Any, _real: Any = real, _name: str = name, **more: Any) -> Any:
            asked.append(_name)
            return await _real(*args, **more)

        monkeypatch.setattr(part, name, counted)
    client = await by_ticket(hub, room, "u_v2")
    calls = []
    for slug in (room, "no-such-room", room):
        asked.clear()
        assert (await client.enter(room=slug))["code"] == "unknown_room"
        calls.append(list(asked))
    assert calls == [["room", "access"]] * 3
    await rig.engine.dispose()


# --- the lobby and channels ------------------------------------------------------------------


async def test_a_guest_knocks_is_talked_to_and_let_in(two: tuple[Hub, Hub]) -> None:
    one, other = two
    room = await talk(one, lobby=True)
    host = await come(one, room, "hana", "host", "pearl")
    guest = await come(other, room, "gil")
    assert guest.entered["type"] == "waiting" and guest.entered["lobby"] is True
    knock = await host.expect("knocking")
    assert (knock["person"]["id"], knock["waiting"]) == ("gil", True)
    late = await come(other, room, "hiro", "host", "pearl")
    assert (await late.expect("knocking"))["person"]["id"] == "gil"
    # Before being let in: numbered apart, heard by those who admit and by the guest alone.
    stranger = await come(other, room, "gus")
    assert (await guest.ask("say", text="hello", channel="lobby"))["seq"] == 1
    assert (await host.ask("say", text="a moment", channel="lobby:gil"))["seq"] == 2
    for client in (guest, host, late):
        texts = [await client.expect("event", channel="lobby:gil") for _ in range(2)]
        assert [(m["seq"], m["body"]["text"]) for m in texts] == [(1, "hello"), (2, "a moment")]
    assert (await guest.ask("say", text="loud"))["code"] == "not_in_room"
    assert (await stranger.ask("say", text="psst", channel="lobby:gil"))["code"] == "forbidden"
    assert (await guest.ask("moderate", action="admit", participant="gil"))["code"] == "forbidden"
    assert (await host.ask("moderate", action="admit", participant="gil"))["type"] == "ok"
    entered = await guest.expect("entered")
    assert entered["room"] == room
    for client in (host, late):
        over = await client.expect("knocking", waiting=False)
        assert over["person"]["id"] == "gil"
    # Turned away: gone for good.
    assert (await late.ask("moderate", action="deny", participant="gus"))["type"] == "ok"
    code, bye = await stranger.closed()
    assert code == 4503 and bye is not None and bye["code"] == "removed"
    assert not stranger.kept("event")
    back = await come(one, room, "gus")
    assert back.entered["code"] == "unknown_room"


async def test_a_lobby_that_is_come_back_to_has_its_words(hub: Hub) -> None:
    room = await talk(hub, lobby=True)
    host = await come(hub, room, "hana", "host", "pearl")
    guest = await come(hub, room, "gil")
    await guest.ask("say", text="hello", channel="lobby")
    await guest.quit()
    await host.ask("say", text="are you there", channel="lobby:gil")
    back = hub.client("gil", room)
    point = {"room": room, "epoch": "", "seq": 0}
    await back.hello(resume=guest.welcome["resume"], rooms=[point])
    waiting = await back.expect("waiting")
    assert waiting["lobby"] is True
    texts = [one["body"]["text"] for one in waiting["channels"]["lobby:gil"]["chat"]]
    assert texts == ["hello", "are you there"]


async def test_a_side_speaks_among_itself(two: tuple[Hub, Hub]) -> None:
    one, other = two
    room = await talk(one, mode=Mode.MANY_TO_MANY, sides={"pearl": 2, "lotus": 2}, capacity=4)
    ann = await come(one, room, "ann", side="pearl")
    ben = await come(other, room, "ben", side="pearl")
    lea = await come(other, room, "lea", side="lotus")
    assert (await ann.ask("say", text="ten percent?", channel="side"))["seq"] == 1
    heard = await ben.expect("event", channel="side")
    assert (heard["by"], heard["seq"], heard["body"]["text"]) == ("ann", 1, "ten percent?")
    assert (await lea.ask("say", text="ours", channel="side"))["seq"] == 1  # numbered apart
    # Away and back: what was missed once and in order, the room's numbers untouched.
    last = await ann.say("to all")
    await ben.expect("event", kind="chat", seq=last)
    await ben.quit()
    for text in ("a", "b", "c"):
        await ann.ask("say", text=text, channel="side")
    back = one.client("ben", room)
    point = {
        "room": room, "epoch": ben.entered["epoch"], "seq": last, "channels": {"side": 1},
    }  # fmt: skip
    await back.hello(resume=ben.welcome["resume"], rooms=[point])
    missed = [await back.expect("event", channel="side") for _ in range(3)]
    assert [(m["seq"], m["body"]["text"]) for m in missed] == [(2, "a"), (3, "b"), (4, "c")]
    assert (await back.expect("resumed"))["seq"] == last
    # Who enters anew has the tail.
    await back.ask("leave")
    tail = (await back.enter())["snapshot"]["channels"]["side"]
    assert tail["seq"] == 4
    assert [one["body"]["text"] for one in tail["chat"]] == ["ten percent?", "a", "b", "c"]
    await lea.say("still here")
    heard_by_lea = [one["body"]["text"] for one in lea.kept("event") if one.get("channel")]
    assert set(heard_by_lea) <= {"ours"}


# --- signals and media mode --------------------------------------------------------------------


async def test_a_signal_reaches_its_person_and_says_who_sent_it(two: tuple[Hub, Hub]) -> None:
    one, other = two
    room = await talk(one)
    ann, ben = await come(one, room, "ann"), await come(other, room, "ben")
    cyd = await come(other, room, "cyd")
    data = {"description": {"type": "offer", "sdp": SDP}}
    answer = await ann.ask("signal", to="ben", data=data, **{"from": "cyd"})
    assert answer["type"] == "ok"
    got = await ben.expect("signal")
    assert (got["from"], got["room"], list(got["data"])) == ("ann", room, ["description"])
    sdp = got["data"]["description"]["sdp"]
    assert "webrtc-datachannel" in sdp and FINGERPRINT in sdp and "candidate:1 1 udp" in sdp
    assert "laptop" not in sdp and "a=tool" not in sdp and "IN IP4 192.0.2.7" not in sdp
    candidate = {"candidate": HOST_LINE, "sdpMid": "0", "sdpMLineIndex": 0}
    await ben.ask("signal", to="ann", data={"candidate": candidate})
    assert (await ann.expect("signal", **{"from": "ben"}))["data"]["candidate"] == candidate
    for to, code in (("nobody", "not_in_room"), ("ann", "bad_message")):
        refused = await ann.ask("signal", to=to, data={"restart": True})
        assert refused["code"] == code
    elsewhere = await talk(one)
    moved = await ann.ask("signal", room=elsewhere, to="ben", data={"restart": True})
    assert moved["code"] == "not_in_room"
    await ann.say("mark")
    await cyd.expect("event", kind="chat")
    assert not cyd.kept("signal")


async def test_relay_only_lets_no_address_through(hub: Hub) -> None:
    room = await talk(hub, relay_only=True)
    ann, ben = await come(hub, room, "ann"), await come(hub, room, "ben")
    assert ann.entered["snapshot"]["room"]["relay_only"] is True
    await ann.ask("signal", to="ben", data={"description": {"type": "offer", "sdp": SDP}})
    sdp = (await ben.expect("signal"))["data"]["description"]["sdp"]
    assert "192.0.2.7" not in sdp and "typ host" not in sdp
    assert "198.51.100.9 3478 typ relay raddr 0.0.0.0 rport 9" in sdp
    hidden = {"candidate": {"candidate": HOST_LINE, "sdpMid": "0"}}
    assert (await ann.ask("signal", to="ben", data=hidden))["type"] == "ok"
    relayed = HOST_LINE.replace("typ host", "typ relay raddr 192.0.2.7 rport 7")
    await ann.ask("signal", to="ben", data={"candidate": {"candidate": relayed, "sdpMid": "0"}})
    got = (await ben.expect("signal"))["data"]["candidate"]["candidate"]
    assert got.endswith("typ relay raddr 0.0.0.0 rport 9 generation 0")


async def test_ten_thousand_candidates_are_too_many(hub: Hub) -> None:
    room = await talk(hub)
    ann, _ = await come(hub, room, "ann"), await come(hub, room, "ben")
    conn = next(one for one in hub.live.connections.values() if one.identity.id == "ann")
    candidate = {"candidate": {"candidate": HOST_LINE, "sdpMid": "0"}}
    passed = 0
    for _ in range(10_000):
        if conn.signals is not None:
            conn.signals._bucket.tokens = 2  # the bucket is another limit
        answer = await ann.ask("signal", to="ben", data=candidate)
        if answer["type"] != "ok":
            break
        passed += 1
    assert passed == talking.CANDIDATES
    assert answer["code"] == "rate_limited" and 0 < answer["retry_after_ms"] <= 60_000
    assert (await ann.ask("signal", to="ben", data={"restart": True}))["type"] == "ok"


async def test_signals_have_a_bucket_of_their_own(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talking, "SIGNALS_PER_S", 0.001)  # however slow the machine is
    room = await talk(hub)
    ann, _ben = await come(hub, room, "ann"), await come(hub, room, "ben")
    for _ in range(talking.SIGNALS_BURST + 1):
        await ann.send("signal", room=room, to="ben", data={"restart": True})
    refused = await ann.expect("error", code="rate_limited")
    assert refused["retry_after_ms"] > 0
    assert await ann.say("chat is counted apart") > 0


async def test_the_fifth_moves_media_to_the_server_and_the_fourth_back(
    two: tuple[Hub, Hub],
) -> None:
    one, other = two
    room = await talk(one)
    four = [await come(hub, room, name) for name, hub in zip("abcd", (*two, *two), strict=True)]
    assert {client.entered["media_mode"] for client in four} == {"direct"}
    fifth = await come(other, room, "e")
    assert fifth.entered["media_mode"] == "sfu"
    for client in four:
        event = await client.expect("event", kind="media_mode")
        assert event["body"] == {"mode": "sfu"}
    refused = await four[0].ask("signal", to="b", data={"restart": True})
    assert refused["code"] == "wrong_mode"
    await fifth.ask("leave")
    for client in four:
        assert (await client.expect("event", kind="media_mode"))["body"] == {"mode": "direct"}
    assert (await four[0].ask("signal", to="b", data={"restart": True}))["type"] == "ok"


async def test_only_who_is_seated_gets_the_relay(hub: Hub) -> None:
    room = await talk(hub, lobby=True)
    await come(hub, room, "hana", "host", "pearl")
    guest = await come(hub, room, "gil")
    await guest.ask("say", text="mark", channel="lobby")
    assert not guest.kept("ice")


# --- notes --------------------------------------------------------------------------------


class Writer:
    """A page that writes: the text as it knows it, one change on its way at a time."""

    def __init__(self, client: Client, chance: random.Random) -> None:
        self.client = client
        self.chance = chance
        self.rev, self.text = 0, ""

    async def begin(self) -> Writer:
        page = await self.client.ask("notes")
        self.rev, self.text = page["rev"], page["text"]
        return self

    async def write(self) -> None:
        """A random change; then what others wrote meanwhile, in order, and it among them."""
        at = self.chance.randint(0, len(self.text))
        cut = self.chance.randint(0, min(2, len(self.text) - at))
        ops: list[int | str] = [at] if at else []
        ops.append(self.chance.choice(["你好", "a", "🀄", "bc "]))
        if cut:
            ops.append(-cut)
        if at + cut < len(self.text):
            ops.append(len(self.text) - at - cut)
        answer = await self.client.ask("note", base=self.rev, ops=ops)
        assert answer["type"] == "ok", self.client.failure(str(answer))
        await self.follow(answer["rev"])

    async def follow(self, rev: int) -> None:
        while self.rev < rev:
            event = await self.client.expect("event", kind="note")
            assert event["body"]["rev"] == self.rev + 1
            self.text = ot.apply(self.text, event["body"]["ops"])
            self.rev += 1


async def test_ten_people_on_two_hubs_write_one_text(two: tuple[Hub, Hub]) -> None:
    room = await talk(two[0], capacity=12)
    chance = random.Random(7)
    clients = [await come(two[n % 2], room, f"w{n}") for n in range(10)]
    for hub in two:
        for conn in hub.live.connections.values():
            conn.messages.tokens = 10_000
        hub.live.config.limits.__dict__["messages_burst"] = 10_000
    writers = [await Writer(client, chance).begin() for client in clients]

    async def work(writer: Writer) -> None:
        for _ in range(12):
            await writer.write()

    await asyncio.gather(*(work(writer) for writer in writers))
    notes = await two[0].services.admission.notes(room)
    assert notes.rev == 120
    for writer in writers:
        await writer.follow(notes.rev)
        assert writer.text == notes.text
    late = await come(two[1], room, "late")
    assert await late.ask("notes") == {
        "type": "notes", "re": 2 + 1, "room": room, "rev": 120, "text": notes.text,
    }  # fmt: skip


async def test_keys_are_neither_lost_nor_doubled_whatever_is_dropped_and_sent_again(
    two: tuple[Hub, Hub],
) -> None:
    """People type keys nobody else types; lines drop before or after a change was taken; it is
    sent again by the same name, for the text as it is by then, or through two hubs at once."""
    room = await talk(two[0], capacity=12)
    people = [f"w{n}" for n in range(6)]
    for n, id in enumerate(people):
        await come(two[n % 2], room, id)
    books = [hub.live.notebooks for hub in two]
    chance, keys_typed = random.Random(11), 0

    async def type_keys(person: str) -> None:
        nonlocal keys_typed
        for n in range(12):
            key, name = chr(0x4E00 + keys_typed), f"{person}-{n}"
            keys_typed += 1
            while True:
                page = await chance.choice(books).page(room, person, name)
                if page.taken is not None:
                    break
                at = chance.randint(0, len(page.text))
                parts = (at, key, len(page.text) - at)
                ops = tuple(part for part in parts if part)
                sent = [
                    books[0].change(room, person, page.rev, ops, name),
                    books[1].change(room, person, page.rev, ops, name),
                ]
                chance.shuffle(sent)
                dropped = sent[chance.randint(1, 2) :]  # sent once, or twice at once
                for never in dropped:
                    never.close()
                tasks = [asyncio.ensure_future(one) for one in sent if one not in dropped]
                if chance.random() < 0.4:  # the line is gone: somewhere on the way, or not yet
                    for _ in range(chance.randint(0, 12)):
                        await asyncio.sleep(0)
                    for task in tasks:
                        task.cancel()
                    await asyncio.wait(tasks)
                    continue
                results = await asyncio.gather(*tasks)
                assert len(set(results)) == 1, "both were told the same"
                if chance.random() < 0.5:
                    break  # else the answer was lost

    await asyncio.gather(*(type_keys(person) for person in people))
    notes = await two[0].services.admission.notes(room)
    assert sorted(notes.text) == [chr(0x4E00 + n) for n in range(keys_typed)]
    assert notes.rev == keys_typed == 72


async def test_a_change_whose_answer_was_lost_is_sent_again(two: tuple[Hub, Hub]) -> None:
    room = await talk(two[0])
    ann = await come(two[0], room, "ann")
    ben = await come(two[1], room, "ben")
    await ann.send("note", room=room, base=0, ops=["a"], change="k-1")
    told = await ben.expect("event", kind="note")
    assert told["body"] == {"rev": 1, "ops": ["a"], "change": "k-1"}
    ann.cut()
    assert (await ben.ask("note", base=1, ops=["b", 1]))["rev"] == 2
    back = await ann.resume(to=two[1])
    heard = [event["body"] for event in await back.events(2)]
    assert heard == [told["body"], {"rev": 2, "ops": ["b", 1]}]
    answer = await back.ask("note", base=0, ops=["a"], change="k-1")
    assert (answer["type"], answer["rev"], answer["seq"]) == ("ok", 1, told["seq"])
    page = await back.ask("notes", change="k-1")
    assert (page["rev"], page["text"], page["taken"]) == (2, "ba", 1)
    assert "taken" not in await back.ask("notes", change="k-2")
    for wrong in ("", "a b", "x" * 65, 7):
        answer = await back.ask("note", base=2, ops=[2, "!"], change=wrong)
        assert answer["code"] == "bad_message", wrong


async def test_what_cannot_be_a_note_changes_nothing(hub: Hub) -> None:
    room = await talk(hub)
    ann = await come(hub, room, "ann")
    ok = await ann.ask("note", base=0, ops=["hello"])
    assert (ok["type"], ok["rev"]) == ("ok", 1) and ok["seq"] > 0
    for base, ops, code in (
        (1, [4, "x"], "bad_message"),  # spans too little
        (1, [5, ""], "bad_message"),
        (1, [2, 3], "bad_message"),  # not canonical
        (2, [5, "x"], "bad_message"),  # no such revision yet
        (1, [5, "\x00"], "bad_message"),
        (1, [5, "x" * 20_000], "too_large"),
        (1, [-(2**60)], "bad_message"),
    ):
        answer = await ann.ask("note", base=base, ops=ops)
        assert answer.get("code") == code, (base, ops, answer)
    # Ten megabytes do not even fit into a message.
    assert (await ann.ask("notes"))["text"] == "hello"
    conference = await hub.room()
    (ben,) = await hub.inside(conference, "ben")
    assert (await ben.ask("notes"))["code"] == "wrong_mode"
    assert (await ben.ask("note", base=0, ops=["x"]))["code"] == "wrong_mode"


async def test_a_revision_too_old_is_a_gap(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await talk(hub)
    ann = await come(hub, room, "ann")
    admission = hub.services.admission
    await ann.ask("note", base=0, ops=["a"], change="first")
    for rev in range(1, 502):
        assert await admission.note(room, "ann", rev, rev + 1, b"[1]", "a") is not None
    answer = await ann.ask("note", base=1, ops=[1, "b"])
    assert answer["code"] == "gap"
    again = await ann.ask("note", base=0, ops=["a"], change="first")
    assert (again["type"], again["rev"]) == ("ok", 1), "it is in there, as old as it is"
    assert (await ann.ask("note", base=3, ops=[1, "b"]))["type"] == "ok"


async def test_notes_are_kept_in_sql_and_come_back_from_there(hub: Hub) -> None:
    rig = await rig_of(hub)
    room = await rig.talk()
    host = await by_ticket(hub, room, "u_pearl1")
    await host.enter()
    await host.ask("note", base=0, ops=["agreed: 5 %"])
    await hub.live.notebooks.keep()
    assert await hub.services.fair.talks.notes(room) == (1, "agreed: 5 %")
    submitter = hub.services.admission._gate.submitter  # type: ignore[attr-defined]
    await submitter.call("DEL", keys.room_key(room, "notes"), keys.room_key(room, "ops"))
    page = await host.ask("notes")
    assert (page["rev"], page["text"]) == (1, "agreed: 5 %")
    assert (await host.ask("note", base=1, ops=[11, "!"]))["rev"] == 2
    await rig.engine.dispose()


async def test_what_the_server_tells_is_numbered_with_the_rest(two: tuple[Hub, Hub]) -> None:
    one, other = two
    room = await talk(one)
    ann = await come(other, room, "ann")
    told = await one.services.admission.tell(
        room, "timer", None, b'{"ends_at":"2027-01-15T08:00:00.000Z"}'
    )
    event = await ann.expect("event", kind="timer")
    assert (event["seq"], event["by"]) == (told, None)
    assert event["body"] == {"ends_at": "2027-01-15T08:00:00.000Z"}
