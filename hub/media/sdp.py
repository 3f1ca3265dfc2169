"""SDP: an offer is parsed, judged and forgotten; the answer is built from what was understood.

Nothing of an offer is passed through. Answers only (RFC 8829, JSEP); bundle and rtcp-mux;
VP8 and Opus; payload types and header-extension ids are the offer's. aiortc's parser does
the reading, after every attribute it need not see has been dropped.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal

from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import MediaDescription, SessionDescription

from rooms.errors import Code, Refusal
from rooms.model import Source

MAX_BYTES: Final = 64 * 1024
MAX_MEDIA: Final = 64
MAX_SSRCS: Final = 4
AUDIO_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"

_KEEP: Final = frozenset(
    {
        *("extmap", "fingerprint", "group", "ice-pwd", "ice-ufrag", "mid", "rtcp-mux", "setup"),
        *("rtpmap", "fmtp", "rtcp-fb", "ssrc", "sendrecv", "sendonly", "recvonly", "inactive"),
    }
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32}")
_ICE_CHARS: Final = re.compile(r"[A-Za-z0-9+/=_-]{4,256}")
_CODECS: Final = {"audio": ("opus", 48_000), "video": ("vp8", 90_000)}
_FEEDBACK: Final = {
    # what we honour, in the order the answer lists it
    "publish": ("nack", "nack pli", "ccm fir", "goog-remb"),
    "subscribe": ("nack", "nack pli", "ccm fir"),
}

Direction = Literal["publish", "subscribe"]


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """One m-line. ``payload_type`` is None for one that the answer rejects (port 0)."""

    kind: str
    mid: str
    profile: str
    formats: tuple[str, ...]
    payload_type: int | None = None
    ssrcs: tuple[int, ...] = ()
    extensions: tuple[tuple[int, str], ...] = ()  # id and URI of those we read
    feedback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that can be answered. ``client``: we open DTLS, for the peer is passive."""

    ufrag: str
    fingerprints: tuple[tuple[str, str], ...]
    client: bool
    media: tuple[MediaOffer, ...]

    @property
    def active(self) -> tuple[MediaOffer, ...]:
        return tuple(m for m in self.media if m.payload_type is not None)


@dataclass(frozen=True, slots=True)
class Stream:
    """What a subscribe answer says of one slot."""

    ssrc: int
    cname: str
    msid: str


@dataclass(frozen=True, slots=True)
class Local:
    """Our side of the answer. ``candidates``: (address, port), best first."""

    ufrag: str
    password: str
    fingerprint: str
    candidates: tuple[tuple[str, int], ...]


def _refuse(why: str) -> Refusal:
    return Refusal(Code.BAD_MESSAGE, f"sdp: {why}")


def _tidy(text: str) -> str:
    """The lines that matter, in a form the parser can take."""
    lines: list[str] = []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith(("v=", "m=")):
            lines.append(line)
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            if name not in _KEEP:
                continue
            if name == "extmap":  # attributes after the URI are allowed, and nothing to us
                line = "a=extmap:" + " ".join(value.split()[:2])
            elif name == "ssrc" and ":" not in value:
                continue
            lines.append(line)
    return "\n".join(lines)


def parse(text: str, direction: Direction) -> Offer:
    """Judge an offer for a publish (we receive) or subscribe (we send) connection.

    Raises:
        Refusal: bad_message, with what is wrong; nothing was changed.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise _refuse(f"more than {MAX_BYTES} bytes")
    if not text.startswith("v=0"):
        raise _refuse("does not begin with v=0")
    if text.count("\nm=") > MAX_MEDIA:
        raise _refuse(f"more than {MAX_MEDIA} media lines")
    try:
        session = SessionDescription.parse(_tidy(text))
    except Exception as fault:
        # A parser of someone else's, on a stranger's text: whatever it throws means "malformed".
        raise _refuse(f"malformed ({type(fault).__name__})") from None
    if not session.media:
        raise _refuse("no media line")
    media = tuple(_media(m, direction) for m in session.media)
    mids = [m.mid for m in media]
    if len(set(mids)) != len(mids):
        raise _refuse("a mid is used twice")
    active = [m for m in media if m.payload_type is not None]
    if not active:
        raise _refuse("no media line goes the right way")
    bundled = {str(i) for g in session.group if g.semantic == "BUNDLE" for i in g.items}
    if len(active) > 1 and not bundled.issuperset(m.mid for m in active):
        raise _refuse("media must be bundled")
    first = session.media[media.index(active[0])]
    ufrag = first.ice.usernameFragment if first.ice is not None else None
    password = first.ice.password if first.ice is not None else None
    if not ufrag or not _ICE_CHARS.fullmatch(ufrag):
        raise _refuse("ice-ufrag is missing or malformed")
    if not password or len(password) < 22 or not _ICE_CHARS.fullmatch(password):
        raise _refuse("ice-pwd is missing or malformed")
    if first.dtls is None:
        raise _refuse("setup is missing")
    prints = tuple((f.algorithm.lower(), f.value.upper()) for f in first.dtls.fingerprints)
    known = tuple(p for p in prints if p[0] in {"sha-256", "sha-384", "sha-512"})
    if not known or len(prints) > 8:
        raise _refuse("no usable fingerprint")
    return Offer(ufrag, known, first.dtls.role == "server", media)


def _is_pt(codec: RTCRtpCodecParameters) -> bool:
    return codec.payloadType is not None and 0 <= codec.payloadType < 128


def _media(m: MediaDescription, direction: Direction) -> MediaOffer:
    mid = m.rtp.muxId
    if not mid or not _TOKEN.fullmatch(mid):
        raise _refuse("a media line without a proper mid")
    formats = tuple(str(f) for f in m.fmt)
    if not all(_TOKEN.fullmatch(f) for f in formats) or not _TOKEN.fullmatch(m.kind):
        raise _refuse("a malformed media line")
    rejected = MediaOffer(m.kind, mid, m.profile, formats[:1])
    wanted = ("sendonly", "sendrecv") if direction == "publish" else ("recvonly", "sendrecv")
    if m.kind not in _CODECS or (m.direction or "sendrecv") not in wanted:
        return rejected
    if m.profile not in {"UDP/TLS/RTP/SAVPF", "RTP/SAVPF"}:
        raise _refuse(f"profile {m.profile} is not UDP/TLS/RTP/SAVPF")
    if not m.rtcp_mux:
        raise _refuse("rtcp-mux is needed")
    name, clock = _CODECS[m.kind]
    video = m.kind == "video"
    for codec in m.rtp.codecs:
        if codec.name.lower() == name and codec.clockRate == clock and _is_pt(codec):
            break
    else:
        raise _refuse(f"{m.kind} without {'VP8' if name == 'vp8' else 'Opus'}")
    offered = {f"{f.type} {f.parameter}" if f.parameter else f.type for f in codec.rtcpFeedback}
    ssrcs = tuple(s.ssrc for s in m.ssrc[:MAX_SSRCS])
    if any(not 0 <= s < 1 << 32 for s in ssrcs):
        raise _refuse("an ssrc out of range")
    extensions = tuple(
        (e.id, e.uri)
        for e in m.rtp.headerExtensions
        if direction == "publish"
        and 1 <= e.id <= 14
        and (e.uri == MID or (e.uri == AUDIO_LEVEL and m.kind == "audio"))
    )
    return MediaOffer(
        m.kind, mid, m.profile, (str(codec.payloadType),), codec.payloadType, ssrcs, extensions,
        tuple(f for f in _FEEDBACK[direction] if f in offered and (video or f == "nack")),
    )  # fmt: skip


def sources(offer: Offer, named: Mapping[str, Source] | None) -> dict[str, Source]:
    """Which source each published mid is; by kind where nothing was named (WHIP).

    Raises:
        Refusal: bad_message for an unknown mid, a source of the wrong kind or named twice.
    """
    by_mid = {m.mid: m for m in offer.active}
    if named is None:
        named = {
            m.mid: Source.MICROPHONE if m.kind == "audio" else Source.CAMERA for m in offer.active
        }
    found: dict[str, Source] = {}
    for mid, source in named.items():
        media = by_mid.get(mid)
        if media is None:
            raise _refuse("sources names a mid that is not sent")
        if (media.kind == "audio") != (source is Source.MICROPHONE):
            raise _refuse(f"{source} cannot be {media.kind}")
        if source in found.values():
            raise _refuse(f"{source} is there twice")
        found[mid] = source
    if not found:
        raise _refuse("no source is published")
    return found


def answer(offer: Offer, direction: Direction, local: Local, streams: Mapping[str, Stream]) -> str:
    """The answer. ``streams`` maps the mids of a subscribe connection to what they carry."""
    bundle = " ".join(m.mid for m in offer.active)
    lines = [
        "v=0",
        f"o=- {secrets.randbits(62)} 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {bundle}",
        "a=msid-semantic: WMS *",
        "a=ice-options:ice2",
    ]
    first = True
    for media in offer.media:
        if media.payload_type is None:
            lines += [
                f"m={media.kind} 0 {media.profile} {' '.join(media.formats)}",
                "c=IN IP4 0.0.0.0",
                "a=inactive",
                f"a=mid:{media.mid}",
            ]
            continue
        lines += _answered(media, direction, local, streams.get(media.mid))
        if first:  # candidates of a bundle stand once (RFC 8843 section 7.1.3)
            lines += _candidates(local.candidates)
            first = False
        lines += [f"a=setup:{'active' if offer.client else 'passive'}"]
    return "\r\n".join(lines) + "\r\n"


def _answered(
    media: MediaOffer, direction: Direction, local: Local, stream: Stream | None
) -> list[str]:
    pt = media.payload_type
    codec = "opus/48000/2" if media.kind == "audio" else "VP8/90000"
    host, port = local.candidates[0]
    lines = [
        f"m={media.kind} {port} {media.profile} {pt}",
        f"c=IN IP{ip_address(host).version} {host}",
        f"a=mid:{media.mid}",
        f"a={'recvonly' if direction == 'publish' else 'sendonly'}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=rtpmap:{pt} {codec}",
    ]
    if media.kind == "audio":
        lines.append(f"a=fmtp:{pt} minptime=10;useinbandfec=1")
    lines += [f"a=rtcp-fb:{pt} {feedback}" for feedback in media.feedback]
    lines += [f"a=extmap:{number} {uri}" for number, uri in media.extensions]
    lines += [
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:sha-256 {local.fingerprint}",
    ]
    if stream is not None:
        lines += [
            f"a=msid:{stream.msid} {media.mid}",
            f"a=ssrc:{stream.ssrc} cname:{stream.cname}",
            f"a=ssrc:{stream.ssrc} msid:{stream.msid} {media.mid}",
        ]
    return lines


def _candidates(addresses: Sequence[tuple[str, int]]) -> list[str]:
    """Host candidates (RFC 8445 5.1.2.1: type preference 126, one local preference each)."""
    lines = [
        f"a=candidate:{number} 1 udp {(126 << 24) | ((65_535 - number) << 8) | 255}"
        f" {host} {port} typ host"
        for number, (host, port) in enumerate(addresses, 1)
    ]
    return [*lines, "a=end-of-candidates"]
