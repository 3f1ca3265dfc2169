"""Offers of the shapes that come, good and bad; answers that claim nothing they should not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.media import sdp
from rooms.errors import Code, Refusal
from rooms.model import Source

PRINT = ":".join(["AB"] * 32)
LOCAL = sdp.Local("lufrag", "lpassword" * 3, PRINT, (("192.0.2.7", 9000), ("2001:db8::7", 9000)))

CHROMIUM = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 f0e1-d2.local 50000 typ host generation 0 network-cost 999
a=ice-ufrag:Ab+/
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 {PRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:stream track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1001 cname:c
a=ssrc:1001 msid:stream track
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:Ab+/
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 {PRINT}
a=setup:actpass
a=mid:1
a=extmap:14 urn:ietf:params:rtp-hdrext:toffset
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:stream picture
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=ssrc-group:FID 2001 2002
a=ssrc:2001 cname:c
a=ssrc:2002 cname:c
"""

FIREFOX = f"""v=0
o=mozilla...THIS_IS_SDPARTA-99.0 7 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 {PRINT}
a=group:BUNDLE 0 1
a=ice-options:trickle
a=msid-semantic:WMS *
m=video 9 UDP/TLS/RTP/SAVPF 120 124
c=IN IP4 0.0.0.0
a=recvonly
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:5 urn:ietf:params:rtp-hdrext:toffset
a=fmtp:120 max-fs=12288;max-fr=60
a=ice-pwd:fedcba9876543210fedcba9876543210
a=ice-ufrag:cafe1234
a=mid:0
a=rtcp-fb:120 nack
a=rtcp-fb:120 nack pli
a=rtcp-fb:120 ccm fir
a=rtcp-fb:120 goog-remb
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:120 VP8/90000
a=rtpmap:124 rtx/90000
a=fmtp:124 apt=120
a=setup:actpass
a=ssrc:777 cname:{{b}}
m=audio 9 UDP/TLS/RTP/SAVPF 109
c=IN IP4 0.0.0.0
a=recvonly
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=ice-pwd:fedcba9876543210fedcba9876543210
a=ice-ufrag:cafe1234
a=mid:1
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=setup:actpass
"""

FFMPEG = f"""v=0
o=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1
s=FFmpegPublishSession
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:7f3a
a=ice-pwd:0123456789abcdef0123456789abcdef
a=fingerprint:sha-256 {PRINT}
a=setup:passive
a=mid:0
a=sendonly
a=msid:FFmpeg audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=ssrc:31337 cname:FFmpeg
a=ssrc:31337 msid:FFmpeg audio
"""


def sections(answer: str) -> list[str]:
    return ["m=" + part for part in answer.split("\r\nm=")[1:]]


def test_a_chromium_publish_offer() -> None:
    offer = sdp.parse(CHROMIUM.replace("\n", "\r\n"), "publish")
    assert offer.ufrag == "Ab+/"
    assert offer.client is False
    audio, video = offer.media
    assert (audio.payload_type, audio.ssrcs) == (111, (1001,))
    assert (video.payload_type, video.ssrcs) == (96, (2001, 2002))
    assert dict(audio.extensions)[1] == sdp.AUDIO_LEVEL
    assert sdp.sources(offer, None) == {"0": Source.MICROPHONE, "1": Source.CAMERA}
    answer = sdp.answer(offer, "publish", LOCAL, {})
    sound, picture = sections(answer)
    assert answer.count("\r\n") == len(answer.splitlines())
    assert "a=ice-lite" in answer
    assert "a=group:BUNDLE 0 1\r\n" in answer
    assert picture.startswith("m=video 9000 UDP/TLS/RTP/SAVPF 96\r\n")
    assert "a=extmap:1 " + sdp.AUDIO_LEVEL in sound
    assert "a=recvonly" in sound and "a=recvonly" in picture
    assert "a=setup:passive" in picture
    for feedback in ("nack", "nack pli", "ccm fir", "goog-remb"):
        assert f"a=rtcp-fb:96 {feedback}\r\n" in picture
    for absent in ("transport-cc", "rtx", "abs-send-time", "toffset", "H264", ".local", "track"):
        assert absent not in answer
    assert "a=candidate:1 1 udp 2130706175 192.0.2.7 9000 typ host\r\n" in sound
    assert "2001:db8::7 9000 typ host" in sound
    assert "a=end-of-candidates" in sound


def test_a_firefox_subscribe_offer() -> None:
    offer = sdp.parse(FIREFOX, "subscribe")
    assert [m.payload_type for m in offer.media] == [120, 109]
    assert offer.fingerprints == (("sha-256", PRINT),), "from the session level"
    streams = {"0": sdp.Stream(11, "cn", "main"), "1": sdp.Stream(12, "cn", "main")}
    picture, sound = sections(sdp.answer(offer, "subscribe", LOCAL, streams))
    assert "a=sendonly" in picture
    assert "a=ssrc:11 cname:cn" in picture
    assert "a=rtpmap:109 opus/48000/2" in sound
    assert "extmap" not in picture + sound, "what we send carries no header extensions"
    assert "goog-remb" not in picture


def test_an_ffmpeg_offer_says_passive_and_is_answered_active() -> None:
    offer = sdp.parse(FFMPEG, "publish")
    assert offer.client is True
    assert "a=setup:active" in sdp.answer(offer, "publish", LOCAL, {})


def test_what_cannot_be_served_is_rejected_line_by_line() -> None:
    channel = (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=mid:2\n"
        "a=sctp-port:5000\n"
    )
    offer = sdp.parse(CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + channel, "publish")
    answer = sdp.answer(offer, "publish", LOCAL, {})
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in answer
    assert "a=group:BUNDLE 0 1\r\n" in answer
    one = CHROMIUM.replace("a=sendonly\na=msid:stream picture", "a=inactive\na=msid:stream picture")
    assert [m.payload_type for m in sdp.parse(one, "publish").media] == [111, None]


def without(text: str) -> Callable[[str], str]:
    return lambda offer: "\n".join(line for line in offer.split("\n") if not re.match(text, line))


def put(old: str, new: str) -> Callable[[str], str]:
    def change(offer: str) -> str:
        assert old in offer
        return offer.replace(old, new)

    return change


BAD: dict[str, Callable[[str], str]] = {
    "empty": lambda offer: "",
    "no sdp": lambda offer: "hello",
    "only the session": lambda offer: offer.split("m=")[0],
    "too long": lambda offer: offer + "a=x:" + "y" * sdp.MAX_BYTES,
    "too many m-lines": lambda offer: offer + "m=audio 9 UDP/TLS/RTP/SAVPF 0\n" * 65,
    "wrong direction": put("a=sendonly", "a=recvonly"),
    "no ufrag": without("a=ice-ufrag"),
    "no password": without("a=ice-pwd"),
    "short password": put("a=ice-pwd:0123456789abcdefghijklmn", "a=ice-pwd:short"),
    "hostile ufrag": put("a=ice-ufrag:Ab+/", "a=ice-ufrag:Ab <x>"),
    "no fingerprint": without("a=fingerprint"),
    "weak fingerprint": put("sha-256", "md5"),
    "no setup": without("a=setup"),
    "unknown setup": put("a=setup:actpass", "a=setup:holdconn"),
    "no mid": without("a=mid"),
    "same mid twice": put("a=mid:1", "a=mid:0"),
    "hostile mid": put("a=mid:1", "a=mid:1 2\x00"),
    "no rtcp-mux": without("a=rtcp-mux"),
    "not bundled": without("a=group"),
    "other bundle": put("BUNDLE 0 1", "BUNDLE 0"),
    "no VP8": put("VP8/90000", "VP7/90000"),
    "no Opus": put("opus/48000/2", "speex/48000/2"),
    "plain RTP": put("UDP/TLS/RTP/SAVPF 96", "RTP/AVP 96"),
    "payload type out of range": put("96", "300"),
    "payload type is rtcp's": put("SAVPF 96", "SAVPF 72"),
    "not a number": put("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8/x"),
    "rtpmap alone": put("a=rtpmap:96 VP8/90000", "a=rtpmap"),
    "fmtp of nothing": put("a=fmtp:97 apt=96", "a=fmtp:99 apt=96"),
    "huge ssrc": put("a=ssrc:2001 cname:c", "a=ssrc:99999999999 cname:c"),
    "extmap alone": put("a=extmap:14 urn", "a=extmap:x urn"),
    "m-line broken": put("m=video 9 UDP", "m=video x UDP"),
    "group of nothing but noise": put("a=fingerprint:sha-256 ", "a=fingerprint:"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_offer_is_refused_as_a_bad_message(name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        sdp.parse(BAD[name](CHROMIUM), "publish")
    assert refusal.value.code is Code.BAD_MESSAGE
    assert len(refusal.value.message) < 200


@given(st.integers(0, len(CHROMIUM)), st.integers(0, 60), st.text(max_size=30))
def test_a_mangled_offer_is_answered_or_refused_never_worse(at: int, cut: int, put_: str) -> None:
    text = CHROMIUM[:at] + put_ + CHROMIUM[at + cut :]
    try:
        offer = sdp.parse(text, "publish")
        named = sdp.sources(offer, None)
    except Refusal as refusal:
        assert refusal.code is Code.BAD_MESSAGE
        return
    assert named
    answer = sdp.answer(offer, "publish", LOCAL, {})
    for line in answer.split("\r\n")[:-1]:
        assert re.fullmatch(r"[a-z]=[\x20-\x7e]*", line), "nothing of an offer breaks a line"


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"9": Source.CAMERA},
        {"0": Source.CAMERA},
        {"1": Source.MICROPHONE},
        {"0": Source.MICROPHONE, "1": Source.MICROPHONE},
    ],
)
def test_sources_must_fit_the_offer(named: dict[str, Source]) -> None:
    with pytest.raises(Refusal) as refusal:
        sdp.sources(sdp.parse(CHROMIUM, "publish"), named)
    assert refusal.value.code is Code.BAD_MESSAGE
