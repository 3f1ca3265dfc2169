"""RTCP: the few packets an SFU reads and writes, with bounds.

RFC 3550 (SR, RR, SDES), RFC 4585 (generic NACK, PLI), RFC 5104 (FIR),
draft-alvestrand-rmcat-remb-03 (REMB). Everything here is plaintext; SRTCP is the caller's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

SR: Final = 200
RR: Final = 201
SDES: Final = 202
BYE: Final = 203
RTPFB: Final = 205  # fmt 1: generic NACK
PSFB: Final = 206  # fmt 1: PLI, 4: FIR, 15: REMB
NACK: Final = 1
PLI: Final = 1
FIR: Final = 4
AFB: Final = 15
#: packets of a compound that are looked at; browsers send up to 5
MAX_PACKETS: Final = 32
#: sequence numbers taken from one NACK packet
MAX_NACKS: Final = 256
NTP_EPOCH: Final = 2_208_988_800  # seconds between 1900 and 1970


class Part(NamedTuple):
    """One packet of a compound: ``body`` is what follows the 4-byte common header."""

    fmt: int  # feedback format, or count of reports
    kind: int
    body: bytes


class SenderInfo(NamedTuple):
    ssrc: int
    ntp: int  # 64 bits, 32.32 seconds since 1900
    rtp: int


class ReportBlock(NamedTuple):
    ssrc: int
    fraction: int  # lost since the last report, in 1/256
    lost: int  # 24 bits, cumulative
    highest: int  # extended sequence number
    jitter: int  # in clock ticks
    lsr: int  # middle 32 bits of the last SR's NTP time
    dlsr: int  # since then, in 1/65536 s


def parse(data: bytes) -> Iterator[Part]:
    """The packets of a compound; stops at the first that is cut short or of another version."""
    at = 0
    size = len(data)
    for _ in range(MAX_PACKETS):
        if at + 4 > size or data[at] >> 6 != 2:
            return
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if end > size:
            return
        yield Part(data[at] & 31, data[at + 1], data[at + 4 : end])
        at = end


def sender_info(body: bytes) -> SenderInfo | None:
    if len(body) < 24:
        return None
    ssrc, ntp, rtp = struct.unpack_from("!IQI", body)
    return SenderInfo(ssrc, ntp, rtp)


def report_blocks(part: Part) -> Iterator[ReportBlock]:
    """The report blocks of an SR or RR, as many as are really there."""
    at = 24 if part.kind == SR else 4
    for _ in range(part.fmt):
        if at + 24 > len(part.body):
            return
        ssrc, loss, highest, jitter, lsr, dlsr = struct.unpack_from("!IIIIII", part.body, at)
        yield ReportBlock(ssrc, loss >> 24, loss & 0xFFFFFF, highest, jitter, lsr, dlsr)
        at += 24


def media_ssrcs(part: Part) -> list[int]:
    """Whom a PLI or FIR is about."""
    body = part.body
    if len(body) < 8:
        return []
    if part.fmt == FIR:
        return [int.from_bytes(body[at : at + 4], "big") for at in range(8, len(body) - 7, 8)][:32]
    return [int.from_bytes(body[4:8], "big")]


def nacked(body: bytes) -> tuple[int, list[int]]:
    """(media SSRC, sequence numbers) of a generic NACK's body; (0, []) when too short."""
    if len(body) < 12:
        return 0, []
    found: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, mask = struct.unpack_from("!HH", body, at)
        found.append(first)
        found += [(first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1]
        if len(found) > MAX_NACKS:
            break
    return int.from_bytes(body[4:8], "big"), found[:MAX_NACKS]


def remb_bitrate(body: bytes) -> int | None:
    """Bits per second from a REMB body; None when it is not one."""
    if len(body) < 16 or body[8:12] != b"REMB":
        return None
    return (((body[13] & 3) << 16) | (body[14] << 8) | body[15]) << (body[13] >> 2)


def pli(sender: int, media: int) -> bytes:
    return struct.pack("!BBHII", 0x80 | PLI, PSFB, 2, sender, media)


def nack(sender: int, media: int, sequences: Iterable[int]) -> bytes:
    """A generic NACK; ``sequences`` in order (wrapping) packs best."""
    pairs: list[list[int]] = []
    for sequence in sequences:
        if pairs and 0 < (ahead := (sequence - pairs[-1][0]) & 0xFFFF) <= 16:
            pairs[-1][1] |= 1 << (ahead - 1)
        else:
            pairs.append([sequence, 0])
    head = struct.pack("!BBHII", 0x80 | NACK, RTPFB, 2 + len(pairs), sender, media)
    return head + b"".join(struct.pack("!HH", first, mask) for first, mask in pairs)


def remb(sender: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """Receiver estimated maximum bitrate, in bits per second, for all of ``ssrcs`` together."""
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    head = struct.pack("!BBHII", 0x80 | AFB, PSFB, 4 + len(ssrcs), sender, 0)
    value = bytes((len(ssrcs), exponent << 2 | mantissa >> 16)) + (mantissa & 0xFFFF).to_bytes(
        2, "big"
    )
    return head + b"REMB" + value + struct.pack(f"!{len(ssrcs)}I", *ssrcs)


def receiver_report(sender: int, blocks: Sequence[ReportBlock]) -> bytes:
    """At most 31 blocks (RFC 3550 6.4.2)."""
    out = struct.pack("!BBHI", 0x80 | len(blocks), RR, 1 + 6 * len(blocks), sender)
    for block in blocks:
        loss = block.fraction << 24 | block.lost
        out += struct.pack("!IIIIII", block.ssrc, loss, *block[3:])
    return out


def sender_report(ssrc: int, ntp: int, rtp: int, packets: int, octets: int, cname: bytes) -> bytes:
    """SR without report blocks, and the SDES that names the sender, as one compound."""
    report = struct.pack(
        "!BBHIQIII", 0x80, SR, 6, ssrc, ntp, rtp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    chunk = struct.pack("!IBB", ssrc, 1, len(cname)) + cname + b"\0"
    chunk += bytes(-len(chunk) % 4)
    return report + struct.pack("!BBH", 0x81, SDES, len(chunk) // 4) + chunk


def ntp_now(seconds: float) -> int:
    """Unix time in seconds as a 64-bit NTP timestamp."""
    return int((seconds + NTP_EPOCH) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF
