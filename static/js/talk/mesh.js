/**
 * Everybody else of a direct talk: a Pair for each, what they send by name, the codes to
 * compare, and what each says of itself over its data channel.
 */

import { safetyCode } from "./code.js";
import { LINES, Pair } from "./pair.js";
import { Wire } from "./wire.js";

/** @typedef {import("../messages.js").Source} Source */
/** @typedef {import("./pair.js").Signal} Signal */
/** @typedef {import("./pair.js").Tracks} Tracks */
/**
 * @typedef {object} MeshHooks
 * @property {(to: string, data: Signal) => Promise<void>} send
 * @property {(person: string) => void} changed
 * @property {(person: string, file: import("./wire.js").Received) => void} file
 * @property {(person: string, id: string, done: number, size: number) => void} progress of a file that comes in
 */

/** @typedef {{pair: Pair, wire: Wire|null, code: string[], on: Record<Source, boolean>}} Other */

/** One key for the whole visit, so that a code that was compared stays the same when a
 * connection is made anew. @returns {Promise<RTCCertificate|null>} */
export async function ownKey() {
  try {
    return await RTCPeerConnection.generateCertificate(/** @type {any} */ ({ name: "ECDSA", namedCurve: "P-256" }));
  } catch {
    return null; // the browser makes one for each connection
  }
}

export class Mesh {
  /**
   * @param {string} me @param {Tracks} tracks ours; shared with whoever sets them
   * @param {MeshHooks} hooks
   * @param {(configuration: RTCConfiguration) => RTCPeerConnection} [make]
   */
  constructor(me, tracks, hooks, make = (configuration) => new RTCPeerConnection(configuration)) {
    this.me = me;
    this.tracks = tracks;
    this.hooks = hooks;
    this.make = make;
    /** @type {Map<string, Other>} */
    this.others = new Map();
    /** @type {RTCConfiguration} */
    this.configuration = { iceServers: [], bundlePolicy: "max-bundle" };
    this.running = false;
  }

  /** @param {RTCCertificate|null} key @param {boolean} relayOnly */
  start(key, relayOnly) {
    this.running = true;
    if (key) this.configuration.certificates = [key];
    if (relayOnly) this.configuration.iceTransportPolicy = "relay";
  }

  /** @param {RTCIceServer[]} servers */
  ice(servers) {
    this.configuration.iceServers = servers;
    for (const { pair } of this.others.values()) pair.configure({ iceServers: servers });
  }

  /** Who is here besides us, held seats included: those who went are let go.
   * @param {Iterable<string>} people */
  people(people) {
    if (!this.running) return;
    const here = new Set(people);
    here.delete(this.me);
    for (const [id, other] of this.others) {
      if (here.has(id)) continue;
      other.pair.close();
      other.wire?.close();
      this.others.delete(id);
      this.hooks.changed(id);
    }
    for (const id of here) if (!this.others.has(id)) this.#meet(id, false);
    for (const { pair } of this.others.values()) void pair.share(this.others.size);
  }

  /** @param {string} id @param {boolean} anew they have just begun */
  #meet(id, anew) {
    const pair = new Pair(this.me, id, this.tracks, {
      send: (data) => this.hooks.send(id, data),
      make: () => this.make(this.configuration),
      changed: () => void this.#changed(id),
      channel: (_, channel) => this.#wire(id, channel),
    });
    /** @type {Other} */
    const other = { pair, wire: null, code: [], on: { microphone: false, camera: false, screen: false } };
    this.others.set(id, other);
    pair.start(anew);
    return other;
  }

  /** @param {string} id @param {RTCDataChannel} channel */
  #wire(id, channel) {
    const other = this.others.get(id);
    if (!other) return;
    other.wire?.close();
    const wire = new Wire(channel, {
      open: () => wire.say({ on: this.#own() }),
      said: (message) => {
        for (const source of LINES) other.on[source] = message.on?.[source] === true;
        this.hooks.changed(id);
      },
      file: (file) => this.hooks.file(id, file),
      progress: (file, done, size) => this.hooks.progress(id, file, done, size),
    });
    other.wire = wire;
  }

  /** What of ours is on. @returns {Record<Source, boolean>} */
  #own() {
    const on = (/** @type {Source} */ source) => this.tracks[source]?.enabled === true;
    return { microphone: on("microphone"), camera: on("camera"), screen: on("screen") };
  }

  /** @param {string} id */
  async #changed(id) {
    const other = this.others.get(id);
    if (!other) return;
    const { pc } = other.pair;
    if (pc?.localDescription && pc.remoteDescription) {
      other.code = await safetyCode(pc.localDescription.sdp, pc.remoteDescription.sdp);
    }
    if (this.others.get(id) !== other) return;
    if (other.pair.state === "connected") void other.pair.share(this.others.size);
    this.hooks.changed(id);
  }

  /** A signal the hub passed on. @param {string} from @param {Signal} data */
  async heard(from, data) {
    if (!this.running || from === this.me) return;
    // The roster may be a moment behind the hub, which passes signals of members alone.
    const other = this.others.get(from) ?? this.#meet(from, data.restart === true);
    await other.pair.heard(data);
  }

  /** Our track of a source is another one, or was switched. @param {Source} source */
  async replaced(source) {
    await Promise.all([...this.others.values()].map(({ pair, wire }) => {
      wire?.say({ on: this.#own() });
      return pair.replace(source).catch(() => undefined); // closed meanwhile
    }));
  }

  /** Everybody who can be handed a file just now, by the hub's word of who is here.
   * @returns {[string, Wire][]} */
  reachable() {
    return [...this.others].flatMap(([id, { wire }]) => (wire?.isOpen ? [[id, wire]] : []));
  }

  /** How loud each other person is, 0 to 1. @returns {Map<string, number>} */
  levels() {
    const out = new Map();
    for (const [id, { pair, on }] of this.others) {
      const receiver = pair.pc?.getTransceivers()[0]?.receiver;
      const heard = receiver?.getSynchronizationSources?.()[0];
      out.set(id, on.microphone ? heard?.audioLevel ?? 0 : 0);
    }
    return out;
  }

  /** All of the others can be seen and heard. */
  get settled() {
    return [...this.others.values()].every(({ pair }) => pair.state === "connected");
  }

  check() {
    for (const { pair } of this.others.values()) pair.check();
  }

  stop() {
    this.running = false;
    for (const { pair, wire } of this.others.values()) {
      wire?.close();
      pair.close();
    }
    this.others.clear();
  }
}
