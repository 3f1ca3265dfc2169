"""Signals are rebuilt from an allow-list: what browsers need stays, everything else goes.

``sdp-chromium.json`` is what Chromium offers and answers (audio, simulcast video, a receiving
video, a data channel); FIREFOX has the shape of Firefox's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooms import signalling
from rooms.signalling import BadSignal, candidate, clean, rebuild

CHROMIUM = json.loads((Path(__file__).parent / "sdp-chromium.json").read_text("utf-8"))
FINGERPRINT = "sha-256 " + ":".join(["0A"] * 32)
FIREFOX = f"""v=0
o=mozilla...THIS_IS_SDPARTA-128.0 5172893417629304811 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:{FINGERPRINT}
a=group:BUNDLE 0 1 2
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 51234 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 192.168.1.20
a=candidate:0 1 UDP 2122252543 192.168.1.20 51234 typ host
a=candidate:1 1 TCP 2105524479 192.168.1.20 9 typ host tcptype active
a=candidate:2 1 UDP 1686052351 203.0.113.7 41234 typ srflx raddr 192.168.1.20 rport 51234
a=candidate:3 1 UDP 92216831 198.51.100.9 50000 typ relay raddr 203.0.113.7 rport 41234
a=sendrecv
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:0d2f6e9c2f4a8b1c7d3e5f6a7b8c9d0e
a=ice-ufrag:8f3b2a1c
a=mid:0
a=msid:{{5e7c8d1a-3b2f-4c6d-9e8f-7a6b5c4d3e2f}} {{0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0}}
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:1863473290 cname:{{9f8e7d6c-5b4a-3928-1706-f5e4d3c2b1a0}}
m=video 0 UDP/TLS/RTP/SAVPF 120 124 126
c=IN IP4 0.0.0.0
a=bundle-only
a=sendrecv
a=extmap:5 urn:ietf:params:rtp-hdrext:toffset
a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1
a=fmtp:120 max-fs=12288;max-fr=60
a=fmtp:124 apt=120
a=ice-pwd:0d2f6e9c2f4a8b1c7d3e5f6a7b8c9d0e
a=ice-ufrag:8f3b2a1c
a=mid:1
a=msid:- {{1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809}}
a=rtcp-fb:120 nack
a=rtcp-fb:120 nack pli
a=rtcp-fb:120 ccm fir
a=rtcp-fb:120 goog-remb
a=rtcp-fb:120 transport-cc
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:120 VP8/90000
a=rtpmap:124 rtx/90000
a=rtpmap:126 H264/90000
a=setup:actpass
a=ssrc:2071648871 cname:{{9f8e7d6c-5b4a-3928-1706-f5e4d3c2b1a0}}
m=application 0 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=bundle-only
a=sendrecv
a=ice-pwd:0d2f6e9c2f4a8b1c7d3e5f6a7b8c9d0e
a=ice-ufrag:8f3b2a1c
a=mid:2
a=setup:actpass
a=sctp-port:5000
a=max-message-size:1073741823
""".replace("\n", "\r\n")
SHAPES = {
    "chromium offer": "".join(f"{line}\r\n" for line in CHROMIUM["offer"]),
    "chromium answer": "".join(f"{line}\r\n" for line in CHROMIUM["answer"]),
    "firefox": FIREFOX,
}


def lines(sdp: str) -> list[str]:
    return sdp.removesuffix("\r\n").split("\r\n")


@pytest.mark.parametrize("shape", ["chromium offer", "chromium answer"])
def test_what_chromium_needs_stays(shape: str) -> None:
    sdp = SHAPES[shape]
    after = lines(rebuild(sdp, relay_only=False))
    assert after == [line for line in lines(sdp) if line != "a=rtcp-xr:rcvr-rtt=all"]


def test_what_firefox_needs_stays_and_what_tells_of_it_goes() -> None:
    after = lines(rebuild(FIREFOX, relay_only=False))
    assert not {line for line in after if "SDPARTA" in line or line == "c=IN IP4 192.168.1.20"}
    changed = {
        "o=": "o=- 5172893417629304811 0 IN IP4 127.0.0.1",
        "c=IN IP4 192": "c=IN IP4 0.0.0.0",
        "m=audio 51234": "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101",
    }
    wanted = []
    for line in lines(FIREFOX):
        new = next((new for old, new in changed.items() if line.startswith(old)), line)
        if new.startswith("a=candidate:"):
            new = new.replace(" UDP ", " udp ").replace(" TCP ", " tcp ")
        wanted.append(new)
    assert after == wanted
    named = FIREFOX.replace("s=-", "s=Ada's laptop").replace("t=0 0", "t=3034423619 3042462419")
    assert lines(rebuild(named, relay_only=False)) == wanted


@pytest.mark.parametrize("shape", SHAPES)
def test_relayed_only_has_no_address_of_either_side(shape: str) -> None:
    after = rebuild(SHAPES[shape], relay_only=True)
    kinds = [line.split(" typ ")[1].split()[0] for line in lines(after) if "candidate:" in line]
    assert set(kinds) <= {"relay"}
    for address in ("192.168.1.20", "203.0.113.7", ".local", "51234", "41234"):
        assert address not in after
    if shape == "firefox":
        relayed = "198.51.100.9 50000 typ relay raddr 0.0.0.0 rport 9"
        assert relayed in after and len(kinds) == 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("relay_only", [False, True])
def test_what_was_rebuilt_is_left_as_it_is(shape: str, relay_only: bool) -> None:
    once = rebuild(SHAPES[shape], relay_only=relay_only)
    assert rebuild(once, relay_only=relay_only) == once


#: A line of a browser's, or one that means harm or nothing.
odd_lines = st.sampled_from(
    [*sorted({line for sdp in SHAPES.values() for line in lines(sdp)}),
       "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc", "a=tool:x", "i=about", "u=http://x/",
       "e=a@b", "p=+1", "k=prompt", "z=0 0", "r=1", "b=AS:500", "b=X-YZ:1", "c=IN IP4 203.0.113.5",
       "a=candidate:9 1 udp 1 203.0.113.5 9 typ host", "a=remote-candidates:1 203.0.113.5 9",
       "a=candidate:9 1 udp 1 203.0.113.5 9 typ srflx raddr 203.0.113.5 rport 9", "",
       "a=rtcp:5 IN IP4 203.0.113.5", "a=ssrc:5 host:203.0.113.5", "a", "m=audio 1 RTP/AVP 0",
       "a=candidate:9 1 udp 1 2001:db8::5 9 typ prflx raddr 2001:db8::5 rport 1"]
)  # fmt: skip


@settings(deadline=None)  # two loaded cores
@given(
    st.sampled_from(sorted(SHAPES)),
    st.lists(
        st.tuples(st.integers(0, 400), st.booleans(), odd_lines | st.text(max_size=60)),
        max_size=12,
    ),
)
def test_whatever_is_put_in_only_listed_lines_come_out(
    shape: str, edits: list[tuple[int, bool, str]]
) -> None:
    mixed = lines(SHAPES[shape])
    for at, over, line in edits:
        at %= len(mixed) + 1
        mixed[at : at + over] = [line]
    try:
        after = rebuild("\r\n".join(mixed) + "\r\n", relay_only=True)
    except BadSignal:
        return
    assert "203.0.113.5" not in after and "2001:db8::5" not in after
    names = {"v", "o", "s", "t", "m", "c", "a", "b"}
    for line in lines(after):
        assert line[0] in names and line[1] == "=" and line.isascii() and line.isprintable()
        name = line[2:].partition(":")[0]
        listed = signalling._FLAGS | signalling._VALUES.keys() | {"candidate", "rtcp"}
        assert line[0] != "a" or name in listed
    assert rebuild(after, relay_only=True) == after


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_description_or_refused(text: str) -> None:
    for sdp in (text, "v=0\r\n" + text, FIREFOX + text):
        try:
            rebuild(sdp, relay_only=False)
        except BadSignal:
            continue


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v=0", "v=1"),
        ("a=ice-ufrag:8f3b2a1c", "a=ice-ufrag:8f 3b"),
        ("a=ice-pwd:0d2f6e9c2f4a", "a=ice-pwd:0"),
        ("a=setup:actpass", "a=setup:any"),
        ("a=mid:0", "a=mid:"),
        (f"a=fingerprint:{FINGERPRINT}\r\n", ""),
        (f"a=fingerprint:{FINGERPRINT}", "a=fingerprint:sha-1 00:11"),
        ("UDP/TLS/RTP/SAVPF 109", "RTP/AVP 109"),
        ("UDP/DTLS/SCTP webrtc-datachannel", "TCP/MRCPv2 1"),
        ("o=mozilla", "o=a b"),
        ("typ host\r\n", "typ host extra\r\n"),
        ("raddr 192.168.1.20", "raddr <script>"),
        ("203.0.113.7 41234 typ", "203.0.113.7 70000 typ"),
        ("s=-", "s=\x00"),
        ("s=-", "\u202e=-"),
        ("s=-", "s=" + "x" * 1024),
        ("m=audio", "m=image"),
    ],
)
def test_what_is_no_description_is_refused(old: str, new: str) -> None:
    assert old in FIREFOX
    with pytest.raises(BadSignal):
        rebuild(FIREFOX.replace(old, new), relay_only=False)


def test_a_description_has_bounds() -> None:
    section = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
    head = f"v=0\r\na=fingerprint:{FINGERPRINT}\r\n"
    assert rebuild(head + section * 32, relay_only=False)
    with pytest.raises(BadSignal, match="sections"):
        rebuild(head + section * 33, relay_only=False)
    line = "a=candidate:0 1 UDP 2122252543 192.168.1.20 51234 typ host\r\n"
    assert rebuild(FIREFOX + line * 60, relay_only=False)
    with pytest.raises(BadSignal, match="candidates"):
        rebuild(FIREFOX + line * 61, relay_only=False)
    with pytest.raises(BadSignal, match="at most"):
        clean({"description": {"type": "offer", "sdp": "v" * 32_769}}, relay_only=False)


RELAY = "candidate:3 1 udp 92216831 198.51.100.9 50000 typ relay raddr 203.0.113.7 rport 41234"


def test_a_relayed_candidate_forgets_where_it_was_seen_from() -> None:
    assert candidate(RELAY, relay_only=False) == RELAY
    assert candidate(RELAY, relay_only=True) == RELAY.replace(
        "203.0.113.7 rport 41234", "0.0.0.0 rport 9"
    )
    six = RELAY.replace("203.0.113.7", "2001:db8::7")
    assert candidate(six, relay_only=True) == RELAY.replace("203.0.113.7 rport 41234", ":: rport 9")


@pytest.mark.parametrize("kind", ["host", "srflx", "prflx"])
def test_other_candidates_are_hidden_where_media_is_relayed(kind: str) -> None:
    line = RELAY.replace("relay", kind)
    assert candidate(line, relay_only=False) == line
    assert candidate(line, relay_only=True) is None
    assert clean({"candidate": {"candidate": line, "sdpMid": "0"}}, relay_only=True) is None


def test_chromiums_candidates_pass_whole_but_for_words_nobody_knows() -> None:
    for given_ in CHROMIUM["candidates"]:
        found = clean({"candidate": given_}, relay_only=False)
        assert found is not None
        before, after = given_["candidate"].split(), found["candidate"]["candidate"].split()
        assert set(before) == set(after) and found["candidate"].keys() == given_.keys()
        strange = {**given_, "candidate": given_["candidate"] + " secret word", "host": "1.2.3.4"}
        assert clean({"candidate": strange}, relay_only=False) == found


@pytest.mark.parametrize(
    "data",
    [
        {"candidate": None},
        {"restart": True},
        {"candidate": {"candidate": "", "sdpMid": "0"}},
        {"description": {"type": "rollback", "sdp": ""}},
    ],
)
def test_what_carries_nothing_passes_as_it_is(data: dict[str, Any]) -> None:
    assert clean(data, relay_only=True) == data
    assert signalling.counts_as_candidate(data) == ("candidate" in data)


@pytest.mark.parametrize(
    "data",
    [
        {}, {"restart": 1}, {"restart": True, "candidate": None}, {"other": 1},
        {"candidate": "candidate:1"}, {"candidate": {}}, {"candidate": {"candidate": RELAY}},
        {"candidate": {"candidate": RELAY, "sdpMid": "a b"}},
        {"candidate": {"candidate": RELAY, "sdpMid": None, "sdpMLineIndex": None}},
        {"candidate": {"candidate": RELAY, "sdpMLineIndex": True}},
        {"candidate": {"candidate": RELAY, "sdpMLineIndex": -1}},
        {"candidate": {"candidate": RELAY, "sdpMLineIndex": 32}},
        {"candidate": {"candidate": RELAY, "sdpMid": "0", "usernameFragment": "a b"}},
        {"candidate": {"candidate": RELAY + " generation", "sdpMid": "0"}},
        {"candidate": {"candidate": RELAY + " generation a.b", "sdpMid": "0"}},
        {"candidate": {"candidate": RELAY + "\r\na=x", "sdpMid": "0"}},
        {"candidate": {"candidate": RELAY + " x" * 600, "sdpMid": "0"}},
        {"candidate": {"candidate": RELAY.replace(" 1 udp", " 3 udp"), "sdpMid": "0"}},
        {"candidate": {"candidate": RELAY.replace("92216831", "4294967296"), "sdpMid": "0"}},
        {"candidate": {"candidate": RELAY.replace("198.51.100.9", "evil.example"), "sdpMid": "0"}},
        {"description": None}, {"description": {"type": "offer"}},
        {"description": {"type": "offer", "sdp": 7}},
        {"description": {"type": "x", "sdp": FIREFOX}},
    ],
)  # fmt: skip
def test_what_is_no_signal_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(BadSignal):
        clean(data, relay_only=False)
