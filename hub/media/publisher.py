"""One person's publish session: its tracks, and the feedback that keeps it sending well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from hub.media import private, rtcp
from hub.media.sdp import AUDIO_LEVEL, MID
from hub.media.session import Session
from hub.media.track import Track, extension, wall_offset
from rooms.model import AttachmentKind, Source

#: REMB, bits per second: the sender may use so much (notes: without it Chrome stays at 0.3–0.5)
VIDEO_BITRATE: Final = 2_500_000
AUDIO_BITRATE: Final = 64_000
REPORT_S: Final = 1.0
MAX_LEARNED: Final = 16


class Publisher(Session):
    """``dirty`` is told of a track that has packets to flush; ``heard`` of audio levels."""

    kind = AttachmentKind.PUBLISH

    def __init__(
        self,
        *args: Any,
        sources: Mapping[str, Source],
        dirty: Callable[[Track], None],
        heard: Callable[[str, int], None],
    ) -> None:
        super().__init__(*args)
        self.tracks: dict[Source, Track] = {}
        self.muted: set[Source] = set()
        self._dirty = dirty
        self._heard = heard
        self._by_ssrc: dict[int, Track] = {}
        self._by_mid: dict[bytes, Track] = {}
        self._mid_id = 0
        self._wall: int | None = None
        for media in self.offer.active:
            source = sources.get(media.mid)
            if source is None or media.payload_type is None:
                continue
            ids = {uri: number for number, uri in media.extensions}
            track = Track(self, source, media.payload_type, ids.get(AUDIO_LEVEL, 0))
            self.tracks[source] = track
            self._by_mid[media.mid.encode()] = track
            self._mid_id = ids.get(MID, self._mid_id)
            if media.ssrcs:  # the first; a second one would be RTX, which is not answered
                track.ssrc = media.ssrcs[0]
                self._by_ssrc[track.ssrc] = track

    @property
    def flowing(self) -> frozenset[Source]:
        return frozenset(self.tracks) - self.muted

    def on_ready(self) -> None:
        """The first keyframe is asked for by the first track that has someone waiting."""

    def on_srtp(self, data: bytes) -> None:
        if 192 <= data[1] <= 223:
            self._on_rtcp(data)
            return
        try:
            plain = self.srtp.unprotect(data)
        except private.SrtpError:
            return  # forged, replayed or from before a rekey
        if len(plain) < 12:
            return
        track = self._by_ssrc.get(int.from_bytes(plain[8:12], "big")) or self._learn(plain)
        if track is None:
            return
        now = self.transport.mux.now
        if track.receive(plain, now):
            self._dirty(track)
        if track.level_id and track.source not in self.muted:
            level = extension(plain, track.level_id)
            if level:
                self._heard(self.person, level[0] & 127)

    def _learn(self, plain: bytes) -> Track | None:
        """Whose an unannounced SSRC is: by its MID extension, else by a payload type that
        only one track has."""
        track: Track | None = None
        if self._mid_id:
            mid = extension(plain, self._mid_id)
            track = self._by_mid.get(mid) if mid else None
        if track is None:
            same = [t for t in self.tracks.values() if t.payload_type == plain[1] & 127]
            track = same[0] if len(same) == 1 else None
        if track is None or track.ssrc or len(self._by_ssrc) >= MAX_LEARNED:
            return None
        track.ssrc = int.from_bytes(plain[8:12], "big")
        self._by_ssrc[track.ssrc] = track
        return track

    def _on_rtcp(self, data: bytes) -> None:
        try:
            plain = self.srtp.unprotect_rtcp(data)
        except private.SrtpError:
            return
        now = self.transport.mux.now
        for part in rtcp.parse(plain):
            if part.kind != rtcp.SR:
                continue
            info = rtcp.sender_info(part.body)
            track = self._by_ssrc.get(info.ssrc) if info else None
            if info is None or track is None or not track.live:
                continue
            if self._wall is None:
                self._wall = wall_offset(info)
            track.sender_report(info, (info.ntp + self._wall) & 0xFFFFFFFFFFFFFFFF, now)

    def report(self, now: float) -> None:
        """Receiver reports and REMB, once a second."""
        live = [track for track in self.tracks.values() if track.live]
        if not self.ready or not live:
            return
        budget = sum(
            VIDEO_BITRATE if track.video else AUDIO_BITRATE for track in self.tracks.values()
        )
        plain = rtcp.receiver_report(self.ssrc, [track.report(now) for track in live])
        plain += rtcp.remb(self.ssrc, budget, [track.ssrc for track in live])
        self.send_rtcp(plain)
