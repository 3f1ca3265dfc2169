"""What two browsers of a talk may tell each other through the hub, checked and rebuilt.

Nothing is passed on as it came: a description is taken apart line by line and put together
again from an allow-list (RFC 8866, RFC 8829), a candidate from its grammar (RFC 8839 section
5.1). In a room that is ``relay_only`` no address of either side is in what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

SDP_MAX: Final = 32 * 1024  # characters
LINE_MAX: Final = 1024
SECTIONS_MAX: Final = 32
CANDIDATES_MAX: Final = 64  # in one description

_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*\Z")
_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{1,256}\Z")
_MID: Final = re.compile(r"[A-Za-z0-9._:-]{1,32}\Z")
_ORIGIN: Final = re.compile(r"\S{1,64} (\d{1,20}) (\d{1,20}) IN IP[46] \S{1,64}\Z")
_MEDIA: Final = re.compile(
    r"(?:(audio|video) (\d{1,5}) (UDP/TLS/RTP/SAVPF) (\d{1,3}(?: \d{1,3}){0,63})"
    r"|(application) (\d{1,5}) ((?:UDP|TCP)/DTLS/SCTP) (webrtc-datachannel))\Z"
)
_FINGERPRINT: Final = re.compile(r"sha-(?:256|384|512) [0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31,63}\Z")
_BANDWIDTH: Final = re.compile(r"(?:AS|TIAS):\d{1,10}\Z")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f.:]{2,45}\Z|[A-Za-z0-9-]{1,63}\.local\Z")
_CANDIDATE: Final = re.compile(
    r"candidate:([A-Za-z0-9+/]{1,32}) ([12]) (udp|tcp|UDP|TCP) (\d{1,10}) (\S{1,70}) (\d{1,5})"
    r" typ (host|srflx|prflx|relay)((?: \S{1,64} \S{1,256}){0,8})\Z"
)
_EXTENSIONS: Final = frozenset({"tcptype", "generation", "ufrag", "network-id", "network-cost"})

#: Attributes that are passed on, with what their value must be; None: printable is enough.
_FLAGS: Final = frozenset(
    {
        "sendrecv", "sendonly", "recvonly", "inactive", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize",
        "bundle-only", "extmap-allow-mixed", "end-of-candidates",
    }
)  # fmt: skip
_VALUES: Final[dict[str, re.Pattern[str]]] = {
    "group": re.compile(r"BUNDLE(?: [A-Za-z0-9._:-]{1,32}){0,32}\Z"),
    "msid-semantic": re.compile(r" ?WMS(?: [A-Za-z0-9+/._:*-]{1,64}){0,32}\Z"),
    "ice-options": re.compile(
        r"(?:trickle|renomination|ice2)(?: (?:trickle|renomination|ice2))*\Z"
    ),
    "ice-ufrag": _UFRAG,
    "ice-pwd": re.compile(r"[A-Za-z0-9+/]{22,256}\Z"),
    "fingerprint": _FINGERPRINT,
    "setup": re.compile(r"(?:active|passive|actpass|holdconn)\Z"),
    "mid": _MID,
    "extmap": re.compile(r"\d{1,3}(?:/\w{8})? [A-Za-z0-9:/.#_-]{1,200}\Z"),
    "msid": re.compile(r"[A-Za-z0-9+/.{}_:-]{1,64}(?: [A-Za-z0-9+/.{}_:-]{1,64})?\Z"),
    "rtpmap": re.compile(r"\d{1,3} [A-Za-z0-9_-]{1,32}/\d{1,9}(?:/\d)?\Z"),
    "rtcp-fb": re.compile(r"(?:\d{1,3}|\*) [a-z-]{1,32}(?: [a-z-]{1,32})?\Z"),
    "fmtp": re.compile(r"\d{1,3} [A-Za-z0-9=;., /_-]{1,500}\Z"),
    "ssrc": re.compile(r"\d{1,10} (?:cname|msid):[A-Za-z0-9+/.{}_: -]{1,200}\Z"),
    "ssrc-group": re.compile(r"(?:FID|FEC-FR|SIM)(?: \d{1,10}){1,8}\Z"),
    "rid": re.compile(r"[A-Za-z0-9_-]{1,16} (?:send|recv)(?: [A-Za-z0-9=;,.-]{1,100})?\Z"),
    "simulcast": re.compile(r"(?:send|recv) [A-Za-z0-9_~;,-]{1,100}\Z"),
    "sctp-port": re.compile(r"\d{1,5}\Z"),
    "max-message-size": re.compile(r"\d{1,10}\Z"),
    "ptime": re.compile(r"\d{1,4}\Z"),
    "maxptime": re.compile(r"\d{1,4}\Z"),
}


class BadSignal(ValueError):
    """What cannot be passed on; the reason is for the sender."""


def clean(data: Mapping[str, Any], *, relay_only: bool) -> dict[str, Any] | None:
    """``data`` rebuilt; None when nothing is to be passed on (a candidate that is hidden).

    ``{description: {type, sdp}}``, ``{candidate: RTCIceCandidateInit | null}`` or
    ``{restart: true}``, exactly one of them. Raises BadSignal.
    """
    if len(data) != 1:
        raise BadSignal("data: one of description, candidate, restart")
    (kind, value), *_ = data.items()
    if kind == "description":
        return {"description": _description(value, relay_only)}
    if kind == "candidate":
        if value is None:
            return {"candidate": None}
        found = _trickled(value, relay_only)
        return None if found is None else {"candidate": found}
    if kind == "restart" and value is True:
        return {"restart": True}
    raise BadSignal("data: one of description, candidate, restart")


def counts_as_candidate(data: Mapping[str, Any]) -> bool:
    return "candidate" in data


# --- candidates -----------------------------------------------------------------------------


def candidate(line: str, *, relay_only: bool) -> str | None:
    """A ``candidate:…`` rebuilt; None when it is hidden. Raises BadSignal."""
    found = _CANDIDATE.match(line) if len(line) <= LINE_MAX else None
    if found is None:
        raise BadSignal("candidate: not as RFC 8839 has it")
    foundation, component, transport, priority, address, port, kind, rest = found.groups()
    if not _ADDRESS.match(address) or int(port) > 65535 or int(priority) > 2**32 - 1:
        raise BadSignal("candidate: address, port or priority")
    if relay_only and kind != "relay":
        return None
    words = rest.split()
    parts = [
        f"candidate:{foundation}", component, transport.lower(), priority, address, port,
        "typ", kind,
    ]  # fmt: skip
    named = dict(zip(words[::2], words[1::2], strict=True))
    if "raddr" in named or "rport" in named:
        parts += _related(named, hidden=relay_only)
    for name in sorted(_EXTENSIONS & named.keys()):
        if not re.match(r"[A-Za-z0-9+/]{1,256}\Z", named[name]):
            raise BadSignal(f"candidate: {name}")
        parts += (name, named[name])
    return " ".join(parts)


def _related(named: Mapping[str, str], *, hidden: bool) -> tuple[str, ...]:
    """Where the candidate was seen from."""
    address, port = named.get("raddr", ""), named.get("rport", "")
    if not _ADDRESS.match(address) or not re.match(r"\d{1,5}\Z", port):
        raise BadSignal("candidate: raddr or rport")
    if hidden:
        return ("raddr", "::" if ":" in address else "0.0.0.0", "rport", "9")
    return ("raddr", address, "rport", port)


def _trickled(value: Any, relay_only: bool) -> dict[str, Any] | None:
    """RTCIceCandidateInit (W3C WebRTC section 4.8.1)."""
    if not isinstance(value, dict) or not isinstance(value.get("candidate"), str):
        raise BadSignal("candidate: an RTCIceCandidateInit is expected")
    out: dict[str, Any] = {}
    mid, line, ufrag = (value.get(name) for name in ("sdpMid", "sdpMLineIndex", "usernameFragment"))
    if mid is not None:
        if not isinstance(mid, str) or not _MID.match(mid):
            raise BadSignal("candidate: sdpMid")
        out["sdpMid"] = mid
    if line is not None:
        if type(line) is not int or not 0 <= line < SECTIONS_MAX:
            raise BadSignal("candidate: sdpMLineIndex")
        out["sdpMLineIndex"] = line
    if ufrag is not None:
        if not isinstance(ufrag, str) or not _UFRAG.match(ufrag):
            raise BadSignal("candidate: usernameFragment")
        out["usernameFragment"] = ufrag
    if not out:
        raise BadSignal("candidate: sdpMid or sdpMLineIndex is needed")
    if value["candidate"] == "":  # no more of this generation
        return {"candidate": "", **out}
    found = candidate(value["candidate"], relay_only=relay_only)
    return None if found is None else {"candidate": found, **out}


# --- descriptions -----------------------------------------------------------------------------


def _description(value: Any, relay_only: bool) -> dict[str, str]:
    """RTCSessionDescriptionInit."""
    if not isinstance(value, dict):
        raise BadSignal("description: {type, sdp} is expected")
    kind, sdp = value.get("type"), value.get("sdp", "")
    if kind not in ("offer", "answer", "pranswer", "rollback"):
        raise BadSignal("description: type")
    if kind == "rollback":
        return {"type": "rollback", "sdp": ""}
    if not isinstance(sdp, str) or len(sdp) > SDP_MAX:
        raise BadSignal(f"description: sdp of at most {SDP_MAX} characters")
    return {"type": kind, "sdp": rebuild(sdp, relay_only=relay_only)}


def rebuild(sdp: str, *, relay_only: bool) -> str:
    """A description with what is on the list, line by line; what is not is left out.

    Raises BadSignal: no description of media between browsers.
    """
    lines = sdp.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if lines[:1] != ["v=0"]:
        raise BadSignal("sdp: v=0 comes first")
    out = ["v=0"]
    sections = candidates = 0
    secured = [False]  # whether a fingerprint was seen: of the session, of each section
    for line in lines[1:]:
        if len(line) > LINE_MAX or not _PRINTABLE.match(line) or line[1:2] != "=":
            raise BadSignal("sdp: a line that is none")
        kind, value = line[0], line[2:]
        if kind == "m":
            sections += 1
            if sections > SECTIONS_MAX:
                raise BadSignal("sdp: too many sections")
            secured.append(secured[0])
            out += (_section(value), "c=IN IP4 0.0.0.0")
        elif kind == "o":
            out.append(_origin(value))
        elif kind == "s":
            out.append("s=-")
        elif kind == "t":
            out.append("t=0 0")
        elif kind == "b" and sections and _BANDWIDTH.match(value):
            out.append(line)
        elif kind == "a":
            made = _attribute(value, relay_only)
            candidates += made is not None and made.startswith("a=candidate:")
            if candidates > CANDIDATES_MAX:
                raise BadSignal("sdp: too many candidates")
            if made is not None:
                out.append(made)
                secured[-1] = secured[-1] or made.startswith("a=fingerprint:")
    if not sections or not all(secured[1:]):
        raise BadSignal("sdp: each section needs a fingerprint")
    return "\r\n".join(out) + "\r\n"


def _section(value: str) -> str:
    """``m=``: the port says no more than whether the section is used."""
    found = _MEDIA.match(value)
    if found is None:
        raise BadSignal("sdp: m= of audio, video or data channels is expected")
    kind, port, protocol, formats = [group for group in found.groups() if group is not None]
    return f"m={kind} {'0' if int(port) == 0 else '9'} {protocol} {formats}"


def _origin(value: str) -> str:
    found = _ORIGIN.match(value)
    if found is None:
        raise BadSignal("sdp: o= is not as RFC 8866 has it")
    return f"o=- {found[1]} {found[2]} IN IP4 127.0.0.1"


def _attribute(value: str, relay_only: bool) -> str | None:
    """``a=``: rebuilt, or None when it is not passed on. Raises BadSignal."""
    name, colon, rest = value.partition(":")
    if not colon:
        return f"a={name}" if name in _FLAGS else None
    if name == "candidate":
        found = candidate(value, relay_only=relay_only)
        return None if found is None else f"a={found}"
    if name == "rtcp":
        return "a=rtcp:9 IN IP4 0.0.0.0"
    wanted = _VALUES.get(name)
    if wanted is None:
        return None
    if not wanted.match(rest):
        if name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "mid"):
            raise BadSignal(f"sdp: {name}")
        return None
    return f"a={name}:{rest}"
