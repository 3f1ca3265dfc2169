/**
 * Sound and picture of a talk: straight between the browsers while up to four are there, over the
 * fair's media server from the fifth on. It changes over without anybody leaving: the new way is
 * up before the old one goes down, as far as possible.
 */

import { t } from "../i18n.js";
import { tab } from "../settings.js";
import { onStage } from "../state.js";
import { Devices } from "../views/own-media.js";
import { Mesh, ownKey } from "./mesh.js";

/** @typedef {import("../messages.js").Source} Source */
/** @typedef {import("../messages.js").Message} Message */
/** @typedef {import("../state.js").RoomState} RoomState */
/** @typedef {{camera: MediaStreamTrack|null, screen: MediaStreamTrack|null, audio: MediaStreamTrack|null,
 *   muted: boolean, away: boolean}} Seen */

const TICK_MS = 300;
/** The old way is kept at most this long beside the new one. */
const OVERLAP_MS = 10_000;
/** Servers come right after one has entered; a hub that has none says nothing. */
const ICE_MS = 1_500;
/** Loud enough to be a voice (RTCRtpContributingSource.audioLevel, 0 to 1). */
const VOICE = 0.02;

export class TalkMedia extends Devices {
  /** @param {import("./live.js").TalkLive} talk */
  constructor(talk) {
    super(talk);
    this.talk = talk;
    this.mesh = new Mesh(talk.me.id, this.tracks, {
      send: async (to, data) => { await talk.page.ask("signal", { to, data }); },
      changed: () => talk.gallery.later(),
      file: (person, file) => talk.files.received(person, file),
      progress: (person, id, done, size) => talk.files.coming(person, id, done, size),
    });
    /** The way that is wanted, and until when the other is kept beside it. */
    this.mode = "";
    this.overlap = 0;
    this.begun = false;
    /** Media of the server, by line. @type {Map<string, MediaStreamTrack>} */
    this.lines = new Map();
    this.timer = 0;
    /** @type {string[]} */
    this.voices = [];
    this.hidden = false;
  }

  /** @override @param {RoomState} state */
  start(state) {
    if (!("RTCPeerConnection" in globalThis)) return;
    this.asChosen();
    const begin = async () => {
      if (this.begun || this.stopped) return;
      this.begun = true;
      this.key = await ownKey();
      if (!this.stopped) this.draw(this.talk.page.state, null);
    };
    this.begin = begin;
    setTimeout(() => void begin(), ICE_MS);
    this.timer = /** @type {any} */ (setInterval(() => this.#tick(), TICK_MS));
    this.draw(state, null);
  }

  stopped = false;
  /** @type {RTCCertificate|null} */
  key = null;
  begin = async () => {};

  /** @override @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    this.staged = onStage(state, this.talk.me.id);
    if (!this.begun) return;
    if (state.media_mode !== this.mode) this.#change(state);
    else if (before && state.people === before.people) return;
    if (this.mesh.running && this.mode === "direct") this.mesh.people(here(state));
  }

  /** @param {RoomState} state */
  #change(state) {
    const first = this.mode === "";
    this.mode = state.media_mode;
    this.overlap = first ? 0 : Date.now() + OVERLAP_MS;
    if (this.mode === "direct") {
      this.mesh.start(this.key, this.talk.relayOnly);
      if (first) this.talk.secured(true);
    } else {
      this.publisher.start();
      this.subscriber.start();
      // Told at once: from now on the fair's server passes the media on.
      this.talk.secured(false, first);
    }
  }

  /** Both directions over the server are up. */
  get #served() {
    const up = (/** @type {RTCPeerConnection|null} */ pc) => pc?.connectionState === "connected";
    return up(this.publisher.pc) && up(this.subscriber.pc);
  }

  #tick() {
    if (this.overlap > 0) {
      const late = Date.now() > this.overlap;
      if (this.mode === "sfu" && (this.#served || late)) this.#endDirect();
      else if (this.mode === "direct" && (this.mesh.settled || late)) this.#endServed();
    }
    this.#voices();
    this.#path();
  }

  #endDirect() {
    this.overlap = 0;
    this.mesh.stop();
    this.talk.gallery.later();
  }

  #endServed() {
    this.overlap = 0;
    this.publisher.stop();
    this.subscriber.stop();
    this.lines.clear();
    this.talk.secured(true);
    this.talk.gallery.later();
  }

  #voices() {
    if (this.mode !== "direct") return;
    const loud = [...this.mesh.levels()].filter(([, level]) => level > VOICE).sort((a, b) => b[1] - a[1]).map(([id]) => id);
    if (loud.join() === this.voices.join()) return;
    this.voices = loud;
    this.talk.gallery.later();
  }

  /** One calm line while somebody cannot be reached. */
  #path() {
    if (this.mode !== "direct") return;
    const lost = [...this.mesh.others.values()].some(({ pair }) => pair.state === "trouble");
    if (lost === this.hidden) return;
    this.hidden = lost;
    this.talk.stage.say(lost ? t("Sound and picture are coming back in a moment. The room goes on; chat works.") : "", lost ? () => this.mesh.check() : undefined);
  }

  /** Who speaks, loudest first. @param {RoomState} state */
  speaking(state) {
    return this.mode === "direct" ? this.voices : state.speaking;
  }

  /** What there is to see and hear of somebody, by whichever way it comes.
   * @param {RoomState} state @param {string} id @returns {Seen} */
  of(state, id) {
    const member = state.room?.stage.find((one) => one.id === id);
    const served = this.#fromServer(state, id, member);
    const other = this.mesh.others.get(id);
    if (!other || (this.mode === "sfu" && (served.camera || served.screen))) return served;
    const { pair: { theirs, state: path }, on } = other;
    return {
      camera: on.camera ? theirs.camera : served.camera, screen: on.screen ? theirs.screen : served.screen,
      audio: theirs.microphone, muted: !on.microphone, away: path !== "connected" && this.mode === "direct",
    };
  }

  /** @param {RoomState} state @param {string} id
   * @param {import("../messages.js").StageMember|undefined} member @returns {Seen} */
  #fromServer(state, id, member) {
    const line = (/** @type {Source} */ source) => {
      const slot = state.slots.find((one) => one.participant === id && one.source === source);
      return slot ? this.lines.get(slot.mid) ?? null : null;
    };
    const microphone = member?.sources.find((one) => one.source === "microphone");
    return { camera: line("camera"), screen: line("screen"), audio: null, muted: microphone?.muted ?? true, away: false };
  }

  /** What is to be heard: of each person directly, or each line of the server's.
   * @returns {MediaStreamTrack[]} */
  sounds() {
    // While both ways are up one is heard: the one that was there before.
    const direct = (this.mode === "direct") === (this.overlap === 0);
    if (!direct) return [...this.lines.values()].filter((track) => track.kind === "audio");
    return [...this.mesh.others.values()].flatMap(({ pair }) => (pair.theirs.microphone ? [pair.theirs.microphone] : []));
  }

  /** After a reload as it was before it; else as chosen at the entrance. @override */
  asChosen() {
    const kept = tab.get(onKey(this.talk.page.slug));
    if (kept) for (const source of kept.split(" ")) void this.toggle(/** @type {Source} */ (source), true);
    else super.asChosen();
  }

  /** @override @param {Source} source @param {MediaStreamTrack|null} track */
  async send(source, track) {
    const on = /** @type {Source[]} */ (["microphone", "camera"]).filter((one) => this.tracks[one]?.enabled === true);
    if (!this.stopped) tab.set(onKey(this.talk.page.slug), on.join(" "));
    await super.send(source, track);
    await this.mesh.replaced(source);
    this.talk.gallery.later();
  }

  /** @override @param {RTCIceServer[]} servers */
  ice(servers) {
    super.ice(servers);
    this.mesh.ice(servers);
    void this.begin();
  }

  /** A signal of somebody else. @param {Message} message */
  signal(message) {
    void this.mesh.heard(message.from, message.data);
  }

  /** @override */
  check() {
    if (this.mode === "sfu") super.check();
    else this.mesh.check();
  }

  /** @override */
  stop() {
    this.stopped = true;
    tab.set(onKey(this.talk.page.slug), "");
    clearInterval(this.timer);
    this.mesh.stop();
    super.stop();
  }
}

/** What of ours was on, kept in this tab. @param {string} slug */
export function onKey(slug) {
  return `on.${slug}`;
}

/** Everybody who has a seat. @param {RoomState} state */
function here(state) {
  return [...state.people.values()].filter((one) => one.state !== "offered").map((one) => one.id);
}
