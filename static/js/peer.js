/**
 * Our two peer connections, each negotiated once: `publish` (fixed sendonly lines for
 * microphone, camera, screen) and `subscribe` (fixed recvonly slots the server fills).
 * What is shown changes by replaceTrack and `source` here, by `slots` there; never by a new offer.
 */

import { delay } from "./backoff.js";
import { Refused } from "./socket.js";

/** @typedef {import("./messages.js").Source} Source */
/** @typedef {import("./messages.js").Message} Message */
/** @typedef {(type: string, fields: Record<string, unknown>) => Promise<Message>} Ask */
/**
 * `blocked`: the server answered and no packet passes; `halted`: not wanted any more.
 * @typedef {"connecting"|"connected"|"trouble"|"blocked"|"halted"} PeerState
 */

export const THUMBS = 4;
export const AUDIO_SLOTS = 3;
/** @typedef {{video: number, audio: number}} Slots */
/** @type {Slots} */
const SLOTS = Object.freeze({ video: 1 + THUMBS, audio: AUDIO_SLOTS });
/** An answered offer that carries nothing for this long never will: the path is blocked. */
const CONNECT_MS = 8_000;
/** Long enough for a path to come back by itself, short enough not to be waited for. */
const SETTLE_MS = 2_000;

/** A connection that is offered again, with back-off, while it is wanted and not there. */
class Peer {
  /**
   * @param {"publish"|"subscribe"} kind @param {Ask} ask
   * @param {(state: PeerState, code: string) => void} told
   */
  constructor(kind, ask, told) {
    this.kind = kind;
    this.ask = ask;
    this.told = told;
    /** @type {RTCPeerConnection|null} */
    this.pc = null;
    /** @type {RTCIceServer[]} */
    this.servers = [];
    this.wanted = false;
    this.attempt = 0;
    this.timer = 0;
    this.patience = 0;
    this.run = 0;
    /** A path has been open, now or earlier. */
    this.opened = false;
  }

  /** @param {RTCPeerConnection} _pc */
  prepare(_pc) {}

  /** @returns {Record<string, unknown>} */
  extra() {
    return {};
  }

  /** The answer is in. */
  ready() {}

  start() {
    if (this.wanted) return;
    this.wanted = true;
    this.attempt = 0;
    void this.#offer();
  }

  /** Offer again, now or when the server said. @param {number} [after_ms] */
  again(after_ms = 0) {
    if (!this.wanted) return;
    clearTimeout(this.timer);
    this.timer = /** @type {any} */ (setTimeout(
      () => void this.#offer(), delay(this.attempt, Math.random(), after_ms)));
    this.attempt += 1;
  }

  /** The room was entered again: keep what still runs. */
  check() {
    if (this.wanted && this.pc?.connectionState !== "connected") {
      this.attempt = 0;
      this.again();
    }
  }

  /** Keep the connection, change its path. */
  async restart() {
    const pc = this.pc;
    if (!this.wanted || pc === null) return;
    pc.restartIce();
    await pc.setLocalDescription();
    const answer = await this.ask("media", {
      pc: this.kind, sdp: pc.localDescription?.sdp ?? "", restart: true, ...this.extra(),
    });
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  /** Offer again at once: the person asked. */
  hurry() {
    if (!this.wanted || this.pc?.connectionState === "connected") return;
    clearTimeout(this.timer);
    this.attempt = 0;
    void this.#offer();
  }

  /** @param {RTCPeerConnection} pc */
  #changed(pc) {
    if (pc !== this.pc) return;
    const state = pc.connectionState;
    if (state === "connected") {
      clearTimeout(this.patience);
      clearTimeout(this.timer);
      this.attempt = 0;
      this.told("connected", "");
    } else if (state === "failed") {
      clearTimeout(this.patience);
      this.told(this.#why(), "media_unavailable");
      this.again();
    } else if (state === "disconnected") {
      this.#await(pc, SETTLE_MS);
    }
    if (state === "connected") this.opened = true;
  }

  /** What no path means: a network that never let one through, or one that was lost.
   * @returns {PeerState} */
  #why() {
    return this.opened ? "trouble" : "blocked";
  }

  /** Give `pc` this long to connect. @param {RTCPeerConnection} pc @param {number} ms */
  #await(pc, ms) {
    clearTimeout(this.patience);
    this.patience = /** @type {any} */ (setTimeout(() => {
      if (pc !== this.pc || !this.wanted || pc.connectionState === "connected") return;
      this.told(this.#why(), "media_unavailable");
      this.again();
    }, ms));
  }

  async #offer() {
    const run = ++this.run;
    clearTimeout(this.patience);
    this.pc?.close();
    const pc = new RTCPeerConnection({ iceServers: this.servers, bundlePolicy: "max-bundle" });
    this.pc = pc;
    this.told("connecting", "");
    pc.onconnectionstatechange = () => this.#changed(pc);
    try {
      this.prepare(pc);
      await pc.setLocalDescription();
      const answer = await this.ask("media", {
        pc: this.kind, sdp: pc.localDescription?.sdp ?? "", ...this.extra(),
      });
      if (run !== this.run || pc !== this.pc) return;
      await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      if (pc.connectionState !== "connected") this.#await(pc, CONNECT_MS);
      this.ready();
    } catch (fault) {
      if (run !== this.run || !this.wanted) return;
      const code = fault instanceof Refused ? fault.code : "media_unavailable";
      this.told("trouble", code);
      // Not on stage, not in the room: the room's state will say when to try again.
      if (code === "not_on_stage" || code === "not_in_room") this.halt();
      else this.again(fault instanceof Refused ? fault.detail.retry_after_ms ?? 0 : 0);
    }
  }

  halt() {
    this.wanted = false;
    this.run += 1;
    clearTimeout(this.timer);
    clearTimeout(this.patience);
    this.pc?.close();
    this.pc = null;
    this.told("halted", "");
  }

  stop() {
    if (!this.wanted) return;
    this.halt();
    void this.ask("media_close", { pc: this.kind }).catch(() => undefined);
  }
}

/** What we send. The lines are there from the start; a source that is off sends nothing. */
export class Publisher extends Peer {
  /** @param {Ask} ask @param {(state: PeerState, code: string) => void} told */
  constructor(ask, told) {
    super("publish", ask, told);
    /** @type {Record<Source, MediaStreamTrack|null>} */
    this.tracks = { microphone: null, camera: null, screen: null };
    /** @type {Partial<Record<Source, RTCRtpTransceiver>>} */
    this.lines = {};
  }

  /** @override @param {RTCPeerConnection} pc */
  prepare(pc) {
    const stream = new MediaStream();
    /** @param {"audio"|"video"} kind @param {Source} source @param {number} kbps */
    const line = (kind, source, kbps) => {
      this.lines[source] = pc.addTransceiver(this.tracks[source] ?? kind, {
        direction: "sendonly", streams: [stream],
        sendEncodings: [{ maxBitrate: kbps * 1000 }],
      });
    };
    line("audio", "microphone", 48);
    line("video", "camera", 1_500);
    line("video", "screen", 2_500);
  }

  /** @override */
  extra() {
    const sources = [];
    for (const [source, line] of Object.entries(this.lines)) {
      if (line.mid !== null) sources.push({ mid: line.mid, source });
    }
    return { sources };
  }

  /** @override */
  ready() {
    for (const source of /** @type {Source[]} */ (["microphone", "camera", "screen"])) this.#tell(source);
  }

  /** Send a track as this source, or nothing. @param {Source} source @param {MediaStreamTrack|null} track */
  async set(source, track) {
    this.tracks[source] = track;
    const line = this.lines[source];
    if (line && this.pc && this.pc.signalingState !== "closed") await line.sender.replaceTrack(track);
    if (this.pc?.remoteDescription) this.#tell(source);
  }

  /** @param {Source} source */
  #tell(source) {
    const track = this.tracks[source];
    const muted = track === null || !track.enabled;
    void this.ask("source", { source, muted }).catch(() => undefined); // the next offer tells again
  }
}

/** The codecs the server forwards, with what mends them. */
function forwarded() {
  const known = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  return known.filter((codec) => /^video\/(vp8|rtx)$/i.test(codec.mimeType));
}

/** What we are shown: slots of fixed lines. `onTrack` is called once a line. */
export class Subscriber extends Peer {
  /**
   * @param {Ask} ask @param {(state: PeerState, code: string) => void} told
   * @param {(lines: {mid: string, track: MediaStreamTrack}[]) => void} onLines
   * @param {Slots} [slots] how many of each
   */
  constructor(ask, told, onLines, slots = SLOTS) {
    super("subscribe", ask, told);
    this.onLines = onLines;
    this.slots = slots;
  }

  /** @override @param {RTCPeerConnection} pc */
  prepare(pc) {
    for (let i = 0; i < this.slots.video; i += 1) {
      const line = pc.addTransceiver("video", { direction: "recvonly" });
      // With every codec of the browser's, many lines are more than the server reads of an offer.
      if (this.slots.video > SLOTS.video) line.setCodecPreferences(forwarded());
    }
    for (let i = 0; i < this.slots.audio; i += 1) pc.addTransceiver("audio", { direction: "recvonly" });
  }

  /** @override */
  ready() {
    const lines = [];
    for (const line of this.pc?.getTransceivers() ?? []) {
      if (line.mid !== null) lines.push({ mid: line.mid, track: line.receiver.track });
    }
    this.onLines(lines);
  }
}
