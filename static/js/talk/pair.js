/**
 * One other person of a direct talk: one peer connection by "perfect negotiation" over the hub's
 * `signal`. The side with the larger id is the impolite one. It makes the lines (microphone,
 * camera, screen, and a data channel) and the first offer; the polite one answers on the same
 * lines. What is sent changes by replaceTrack alone, so that nothing is negotiated again but a
 * path: either side may restart ICE, and of two offers at once the polite side's is taken back.
 *
 * `{restart: true}` says: I began anew, so do you.
 */

/** @typedef {import("../messages.js").Source} Source */
/** @typedef {{description?: RTCSessionDescriptionInit, candidate?: RTCIceCandidateInit|null, restart?: true}} Signal */
/** @typedef {Record<Source, MediaStreamTrack|null>} Tracks */

/** The lines in the order of the offer. */
export const LINES = /** @type {const} */ (["microphone", "camera", "screen"]);
const KBPS = { microphone: 48, camera: 1_500, screen: 2_500 };
const KBPS_SMALL = 600;
/** A path that is away this long is looked for again. */
const SETTLE_MS = 3_000;
/** Restarts of a path before the whole connection is made anew. */
const RESTARTS = 2;
const RETRY_MS = 6_000;

/**
 * @typedef {object} PairHooks
 * @property {(data: Signal) => Promise<void>} send rejects when it did not get through
 * @property {() => RTCPeerConnection} make a fresh connection
 * @property {(pair: Pair) => void} changed state, tracks or code
 * @property {(pair: Pair, channel: RTCDataChannel) => void} channel a fresh data channel
 */

export class Pair {
  /** @param {string} me @param {string} other @param {Tracks} tracks ours, shared @param {PairHooks} hooks */
  constructor(me, other, tracks, hooks) {
    this.other = other;
    this.polite = me < other;
    this.tracks = tracks;
    this.hooks = hooks;
    /** @type {RTCPeerConnection|null} */
    this.pc = null;
    /** @type {RTCDataChannel|null} */
    this.channel = null;
    /** @type {"connecting"|"connected"|"trouble"|"closed"} */
    this.state = "connecting";
    /** Theirs, by line. @type {Tracks} */
    this.theirs = { microphone: null, camera: null, screen: null };
    this.making = false;
    this.ignoring = false;
    this.answering = false;
    /** The offer that was answered last. */
    this.taken = "";
    /** Signals are taken one after the other. @type {Promise<void>} */
    this.queue = Promise.resolve();
    this.timer = 0;
    this.restarts = 0;
  }

  /** Begin. @param {boolean} anew the other side has just said that it begins too */
  start(anew) {
    this.#fresh();
    // The other side may still hold a connection to a page of ours that is gone.
    if (!this.polite || !anew) this.#send({ restart: true });
    if (!this.polite) this.#offerLines();
    this.#await(RETRY_MS);
  }

  #fresh() {
    this.#drop();
    const pc = this.hooks.make();
    this.pc = pc;
    this.making = this.ignoring = this.answering = false;
    this.taken = "";
    pc.onnegotiationneeded = () => void this.#offer(pc);
    pc.onicecandidate = (event) => this.#send({ candidate: event.candidate ? event.candidate.toJSON() : null });
    pc.onconnectionstatechange = () => this.#changed(pc);
  }

  #drop() {
    const { pc } = this;
    if (pc === null) return;
    pc.onnegotiationneeded = pc.onicecandidate = pc.onconnectionstatechange = null;
    pc.close();
    this.pc = null;
    this.channel = null;
    this.theirs = { microphone: null, camera: null, screen: null };
  }

  /** The impolite side lays the lines; that makes the browser ask for an offer. */
  #offerLines() {
    const pc = /** @type {RTCPeerConnection} */ (this.pc);
    for (const source of LINES) {
      pc.addTransceiver(this.tracks[source] ?? (source === "microphone" ? "audio" : "video"), {
        direction: "sendrecv", sendEncodings: [{ maxBitrate: KBPS[source] * 1000 }],
      });
    }
    this.#data(pc);
  }

  /** @param {RTCPeerConnection} pc */
  #data(pc) {
    this.channel = pc.createDataChannel("talk", { negotiated: true, id: 0 });
    this.channel.binaryType = "arraybuffer";
    this.hooks.channel(this, this.channel);
  }

  /** The polite side sends on the lines it was offered. @param {RTCPeerConnection} pc */
  async #takeLines(pc) {
    const lines = pc.getTransceivers();
    for (const [index, source] of LINES.entries()) {
      const line = lines[index];
      if (line === undefined) continue;
      line.direction = "sendrecv";
      await line.sender.replaceTrack(this.tracks[source]);
    }
    if (this.channel === null) this.#data(pc);
  }

  /** @param {RTCPeerConnection} pc */
  async #offer(pc) {
    if (pc !== this.pc || (this.polite && pc.remoteDescription === null)) return;
    try {
      this.making = true;
      await pc.setLocalDescription();
      this.#describe(pc);
    } catch {
      this.#await(SETTLE_MS); // closed or overtaken meanwhile
    } finally {
      this.making = false;
    }
  }

  /** @param {RTCPeerConnection} pc */
  #describe(pc) {
    if (pc !== this.pc || pc.localDescription === null) return;
    this.#send({ description: { type: pc.localDescription.type, sdp: pc.localDescription.sdp } });
  }

  /** What is lost on the way is made good by the next restart. @param {Signal} data */
  #send(data) {
    this.hooks.send(data).catch(() => this.#await(SETTLE_MS));
  }

  /** A signal of the other side. @param {Signal} data */
  heard(data) {
    this.queue = this.queue.then(() => this.#take(data)).catch(() => undefined);
    return this.queue;
  }

  /** @param {Signal} data */
  async #take(data) {
    if (this.state === "closed") return;
    if (data.restart) this.#restarted();
    else if (data.description) await this.#description(data.description);
    else if (data.candidate !== undefined) await this.#candidate(data.candidate);
  }

  #restarted() {
    const { pc } = this;
    if (pc === null) return;
    if (this.polite) {
      if (pc.remoteDescription !== null) this.#fresh();
    } else if (pc.signalingState === "have-local-offer" && pc.remoteDescription === null) {
      this.#describe(pc); // it was not there yet when we offered
    } else if (pc.remoteDescription !== null) {
      this.#fresh();
      this.#offerLines();
    }
    this.#tell("connecting");
    this.#await(RETRY_MS);
  }

  /** @param {RTCSessionDescriptionInit} description */
  async #description(description) {
    const pc = /** @type {RTCPeerConnection} */ (this.pc);
    const offer = description.type === "offer";
    // The lines are the impolite side's to lay: an offer before its own is for a page that is gone.
    const ready = !this.making && (pc.signalingState === "stable" || this.answering)
      && (this.polite || pc.remoteDescription !== null);
    this.ignoring = !this.polite && offer && !ready;
    if (this.ignoring || (!offer && pc.signalingState !== "have-local-offer")) return;
    if (offer && origin(description.sdp) !== "" && origin(description.sdp) === this.taken && pc.signalingState === "stable") {
      this.#describe(pc); // sent again, because we may not have been there: so is the answer
      return;
    }
    this.answering = !offer;
    try {
      await pc.setRemoteDescription(description);
    } finally {
      this.answering = false;
    }
    if (offer) {
      this.taken = origin(description.sdp);
      if (this.polite) await this.#takeLines(pc);
      await pc.setLocalDescription();
      this.#describe(pc);
    }
    for (const [index, source] of LINES.entries()) {
      this.theirs[source] = pc.getTransceivers()[index]?.receiver.track ?? null;
    }
    this.hooks.changed(this);
  }

  /** @param {RTCIceCandidateInit|null} candidate */
  async #candidate(candidate) {
    const { pc } = this;
    if (pc === null || pc.remoteDescription === null) return;
    try {
      await pc.addIceCandidate(candidate ?? undefined);
    } catch (fault) {
      if (!this.ignoring) throw fault;
    }
  }

  /** @param {RTCPeerConnection} pc */
  #changed(pc) {
    if (pc !== this.pc) return;
    if (pc.connectionState === "connected") {
      clearTimeout(this.timer);
      this.restarts = 0;
      this.#tell("connected");
    } else if (pc.connectionState === "failed") this.#mend();
    else if (pc.connectionState === "disconnected") this.#await(SETTLE_MS);
  }

  /** @param {number} ms */
  #await(ms) {
    if (this.state === "closed") return;
    clearTimeout(this.timer);
    this.timer = /** @type {any} */ (setTimeout(() => this.#mend(), ms));
  }

  /** The path is away: look for another one; when that does not help, begin anew. */
  #mend() {
    const { pc } = this;
    if (this.state === "closed" || pc === null || pc.connectionState === "connected") return;
    this.#tell("trouble");
    this.restarts += 1;
    if (pc.remoteDescription !== null && this.restarts <= RESTARTS) pc.restartIce();
    else {
      this.restarts = 0;
      this.#fresh();
      this.#send({ restart: true });
      if (!this.polite) this.#offerLines();
    }
    this.#await(RETRY_MS);
  }

  /** Our line to the hub is back: whoever is not connected tries at once. */
  check() {
    if (this.state === "closed" || this.pc?.connectionState === "connected") return;
    clearTimeout(this.timer);
    this.#mend();
  }

  /** Send this track as that source from now on. @param {Source} source */
  async replace(source) {
    const line = this.pc?.getTransceivers()[LINES.indexOf(source)];
    if (line && this.pc?.signalingState !== "closed") await line.sender.replaceTrack(this.tracks[source]);
  }

  /** With several others each picture is small and is sent once to each: half the size will do.
   * @param {number} others */
  async share(others) {
    const sender = this.pc?.getTransceivers()[LINES.indexOf("camera")]?.sender;
    const given = sender?.getParameters?.();
    const [first] = given?.encodings ?? [];
    if (!sender || !given || !first) return;
    const small = others > 1;
    first.scaleResolutionDownBy = small ? 2 : 1;
    first.maxBitrate = (small ? KBPS_SMALL : KBPS.camera) * 1000;
    await sender.setParameters(given).catch(() => undefined); // closed, or set by an act just before
  }

  /** @param {RTCConfiguration} change */
  configure(change) {
    if (this.pc === null || this.pc.signalingState === "closed") return;
    this.pc.setConfiguration({ ...this.pc.getConfiguration(), ...change });
  }

  /** @param {Pair["state"]} state */
  #tell(state) {
    if (this.state === "closed") return;
    this.state = state;
    this.hooks.changed(this);
  }

  close() {
    clearTimeout(this.timer);
    this.state = "closed";
    this.#drop();
  }
}

/** Which session and version of it a description is: its `o=` line (RFC 8866). @param {string|undefined} sdp */
function origin(sdp) {
  return /^o=\S+ (\d+ \d+)/m.exec(sdp ?? "")?.[1] ?? "";
}
