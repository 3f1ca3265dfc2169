/** Our own camera, microphone and screen, and the two connections. */

import { announce } from "../announce.js";
import { faultOf, faultText, meter, openTrack } from "../devices.js";
import { Hearing } from "../hearing.js";
import { t } from "../i18n.js";
import { Publisher, Subscriber } from "../peer.js";
import { save, settings } from "../settings.js";
import { onStage } from "../state.js";

/** @typedef {import("../messages.js").Source} Source */
/** @typedef {import("../state.js").RoomState} RoomState */

/**
 * What the devices need of the room they are in.
 * @typedef {object} Room
 * @property {{state: RoomState, ask: (type: string, fields?: Record<string, unknown>) => Promise<import("../messages.js").Message>,
 *   lobby: {checked: boolean}}} page
 * @property {{id: string}} me
 * @property {boolean} staged
 * @property {{say: (text: string, again?: () => void) => void, own: () => void,
 *   lines: (lines: {mid: string, track: MediaStreamTrack}[]) => void}} stage
 * @property {{draw: (state: RoomState, before: RoomState|null) => void}} bar
 * @property {(text: string, kind: "info"|"warn", options?: {urgent?: boolean, ways?: {text: string, act: () => void}[]}) => void} toast
 * @property {import("../peer.js").Slots} [slots]
 */

export class Devices {
  /** @param {Room} live */
  constructor(live) {
    this.live = live;
    /** @type {Record<Source, MediaStreamTrack|null>} */
    this.tracks = { microphone: null, camera: null, screen: null };
    const ask = (/** @type {string} */ type, /** @type {Record<string, unknown>} */ fields) => live.page.ask(type, fields);
    this.publisher = new Publisher(ask, (state, code) => this.#told("publish", state, code));
    this.subscriber = new Subscriber(ask, (state, code) => this.#told("subscribe", state, code),
      (lines) => live.stage.lines(lines), live.slots);
    this.staged = false;
    /** How each connection is, while wanted. @type {Map<string, string>} */
    this.states = new Map();
    /** Ends listening to our own microphone. */
    this.deafen = () => {};
  }

  /** @param {RoomState} state */
  start(state) {
    if (state.media_mode !== "sfu" || !("RTCPeerConnection" in globalThis)) return;
    this.subscriber.start();
    if (onStage(state, this.live.me.id)) this.asChosen();
  }

  /** Someone who looked at the devices in the lobby goes on as chosen there. */
  asChosen() {
    if (!this.live.page.lobby.checked) return;
    if (settings.microphoneOn) void this.toggle("microphone", true);
    if (settings.cameraOn) void this.toggle("camera", true);
  }

  /** What is sent as a source from now on. @param {Source} source @param {MediaStreamTrack|null} track */
  async send(source, track) {
    await this.publisher.set(source, track);
  }

  /** @param {RoomState} state @param {RoomState|null} _before */
  draw(state, _before) {
    const staged = onStage(state, this.live.me.id);
    if (staged === this.staged) return;
    this.staged = staged;
    if (staged) this.publisher.start();
    else {
      this.publisher.stop();
      for (const source of /** @type {Source[]} */ (["microphone", "camera", "screen"])) this.#drop(source);
    }
    this.live.stage.own();
  }

  /** @param {RTCIceServer[]} servers */
  ice(servers) {
    this.publisher.servers = this.subscriber.servers = servers;
    if (servers.length === 0) return;
    for (const peer of [this.publisher, this.subscriber]) {
      peer.pc?.setConfiguration({ ...peer.pc.getConfiguration(), iceServers: servers });
      if (peer.pc && peer.pc.connectionState !== "connected") void peer.restart().catch(() => peer.again());
    }
  }

  /** The server lost our media. @param {number} after_ms */
  again(after_ms) {
    for (const peer of [this.subscriber, this.publisher]) {
      if (peer.wanted) this.#told(peer.kind, "trouble", "media_unavailable");
      peer.again(after_ms);
    }
  }

  check() {
    this.subscriber.check();
    this.publisher.check();
  }

  /** One calm line while any of our connections is away; none once all are back.
   * @param {string} kind @param {string} state @param {string} code */
  #told(kind, state, code) {
    if (state === "connecting") return; // as it was, until this try has an end
    if (state === "connected" || state === "halted" || code === "not_on_stage" || code === "not_in_room") this.states.delete(kind);
    else this.states.set(kind, state);
    const states = [...this.states.values()];
    if (states.includes("blocked")) {
      this.live.stage.say(t("Your network lets no sound or picture through. Chat works; another network, or one without VPN, may help."), () => {
        this.subscriber.hurry();
        this.publisher.hurry();
      });
    } else if (states.length > 0) {
      this.live.stage.say(t("Sound and picture are coming back in a moment. The room goes on; chat works."));
    } else this.live.stage.say("");
  }

  /** On or off; without `on`, the other way. @param {Source} source @param {boolean} [on] */
  async toggle(source, on) {
    const now = this.tracks[source];
    const wanted = on ?? !(now !== null && now.enabled);
    try {
      if (source === "microphone") await this.#microphone(wanted);
      else if (wanted) await this.#show(source);
      else this.#drop(source);
    } catch (error) {
      this.#failed(source, error);
      return;
    }
    announce(SAID[source](wanted));
    this.live.bar.draw(this.live.page.state, null);
    this.live.stage.own();
  }

  /** The microphone stays open while muted, so that unmuting is instant. @param {boolean} on */
  async #microphone(on) {
    let track = this.tracks.microphone;
    if (on && track === null) {
      track = await openTrack("audio");
      this.#take("microphone", track);
    }
    if (track) track.enabled = on;
    await this.send("microphone", track);
  }

  /** @param {Source} source @param {MediaStreamTrack} track */
  #take(source, track) {
    this.tracks[source] = track;
    // Told only when the device or the browser's own bar ends it, never for our own stop().
    track.onended = () => void this.#unplugged(source);
    if (source === "microphone") this.#listen(track);
  }

  /** Hear what the person's own microphone hears, muted or not: on a copy that nobody is sent.
   * @param {MediaStreamTrack} track */
  #listen(track) {
    this.deafen();
    const copy = track.clone();
    copy.enabled = true;
    const hearing = new Hearing();
    const stop = meter(copy, (level) => {
      const what = hearing.hear(level, track.enabled, performance.now());
      if (!what || !settings.microphoneHints) return;
      const never = { text: t("Do not tell me again"), act: () => save({ microphoneHints: false }) };
      if (what === "muted") this.live.toast(t("You are talking, and your microphone is off: nobody hears you."), "warn", { ways: [never] });
      else this.live.toast(t("No sound comes from your microphone. Check that it is plugged in, not switched off, and the right one."), "warn", { ways: [never] });
    });
    this.deafen = () => {
      stop();
      copy.stop();
      this.deafen = () => {};
    };
  }

  /** @param {"camera"|"screen"} source */
  async #show(source) {
    const track = source === "camera"
      ? await openTrack("video")
      : (await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false })).getVideoTracks()[0];
    if (source === "screen") track.contentHint = "detail";
    this.#take(source, track);
    await this.send(source, track);
  }

  /** @param {Source} source */
  #drop(source) {
    const track = this.tracks[source];
    if (track === null) return;
    track.onended = null;
    track.stop();
    if (source === "microphone") this.deafen();
    this.tracks[source] = null;
    void this.send(source, null);
    this.live.bar.draw(this.live.page.state, null);
    this.live.stage.own();
  }

  /** A moderator turned it off; only we can turn it on again. @param {Source} source */
  mutedBy(source) {
    if (source === "microphone") void this.#microphone(false).then(() => this.live.bar.draw(this.live.page.state, null));
    else this.#drop(source);
  }

  /** @param {Source} source @param {unknown} error */
  #failed(source, error) {
    // Closing the browser's own screen picker is a choice, not a fault.
    if (source === "screen" && error instanceof DOMException && error.name === "NotAllowedError") return;
    const { title, text } = faultText(faultOf(error));
    this.live.toast(`${title}. ${text}`, "warn", { urgent: true });
  }

  /** The device is gone. Another one goes on in its place, as on or off as it was; that can be undone.
   * @param {Source} source */
  async #unplugged(source) {
    const on = this.tracks[source]?.enabled === true;
    this.#drop(source);
    if (source === "screen") {
      announce(SAID.screen(false));
      return;
    }
    const track = await openTrack(source === "microphone" ? "audio" : "video").catch(() => null);
    if (track === null || this.tracks[source] !== null || !this.live.staged) {
      track?.stop();
      this.live.toast(source === "microphone"
        ? t("The microphone was unplugged. Turn it on again to use another one.")
        : t("The camera was unplugged. Turn it on again to use another one."), "warn");
      return;
    }
    track.enabled = on;
    this.#take(source, track);
    await this.send(source, track);
    this.live.bar.draw(this.live.page.state, null);
    this.live.stage.own();
    const name = track.label || t("another device");
    this.live.toast(source === "microphone"
      ? t("The microphone was unplugged. Now in use: {name}", { name })
      : t("The camera was unplugged. Now in use: {name}", { name }), "warn",
    { ways: [{ text: t("Turn it off"), act: () => void this.toggle(source, false) }] });
  }

  stop() {
    this.deafen();
    this.publisher.halt();
    this.subscriber.halt();
    for (const source of /** @type {Source[]} */ (["microphone", "camera", "screen"])) {
      this.tracks[source]?.stop();
      this.tracks[source] = null;
    }
  }
}

/** What a screen reader hears after a toggle. */
const SAID = /** @type {Record<Source, (on: boolean) => string>} */ ({
  microphone: (on) => (on ? t("Microphone turned on") : t("Microphone turned off")),
  camera: (on) => (on ? t("Camera turned on") : t("Camera turned off")),
  screen: (on) => (on ? t("You are sharing your screen") : t("Screen sharing stopped")),
});
