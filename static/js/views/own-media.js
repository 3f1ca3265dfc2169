/** Our own camera, microphone and screen, and the two connections. */

import { announce } from "../announce.js";
import { faultOf, faultText, openTrack } from "../devices.js";
import { t } from "../i18n.js";
import { Publisher, Subscriber } from "../peer.js";
import { settings } from "../settings.js";
import { onStage } from "../state.js";

/** @typedef {import("../messages.js").Source} Source */
/** @typedef {import("../state.js").RoomState} RoomState */

export class Devices {
  /** @param {import("./live.js").Live} live */
  constructor(live) {
    this.live = live;
    /** @type {Record<Source, MediaStreamTrack|null>} */
    this.tracks = { microphone: null, camera: null, screen: null };
    const ask = (/** @type {string} */ type, /** @type {Record<string, unknown>} */ fields) => live.page.ask(type, fields);
    this.publisher = new Publisher(ask, (state, code) => this.#told("publish", state, code));
    this.subscriber = new Subscriber(ask, (state, code) => this.#told("subscribe", state, code),
      (lines) => live.stage.lines(lines));
    this.staged = false;
    this.onUnplugged = () => void this.#devicesChanged();
  }

  /** @param {RoomState} state */
  start(state) {
    navigator.mediaDevices?.addEventListener?.("devicechange", this.onUnplugged);
    if (state.media_mode !== "sfu" || !("RTCPeerConnection" in globalThis)) return;
    this.subscriber.start();
    // Someone who looked at the devices in the lobby and is on stage goes on as chosen there.
    if (onStage(state, this.live.me.id) && this.live.page.lobby.checked) {
      if (settings.microphoneOn) void this.toggle("microphone", true);
      if (settings.cameraOn) void this.toggle("camera", true);
    }
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

  /** @param {number} after_ms */
  again(after_ms) {
    this.subscriber.again(after_ms);
    this.publisher.again(after_ms);
  }

  check() {
    this.subscriber.check();
    this.publisher.check();
  }

  /** @param {string} _kind @param {string} state @param {string} code */
  #told(_kind, state, code) {
    if (state === "connected") this.live.stage.say("");
    else if (state === "trouble" && code !== "not_on_stage" && code !== "not_in_room") {
      this.live.stage.say(t("Picture and sound are interrupted. Chat goes on; we keep trying."));
    }
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
      track = this.tracks.microphone = await openTrack("audio");
      track.onended = () => this.#drop("microphone");
    }
    if (track) track.enabled = on;
    await this.publisher.set("microphone", track);
  }

  /** @param {"camera"|"screen"} source */
  async #show(source) {
    const track = source === "camera"
      ? await openTrack("video")
      : (await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false })).getVideoTracks()[0];
    if (source === "screen") track.contentHint = "detail";
    this.tracks[source] = track;
    track.onended = () => this.#drop(source);
    await this.publisher.set(source, track);
  }

  /** @param {Source} source */
  #drop(source) {
    const track = this.tracks[source];
    if (track === null) return;
    track.onended = null;
    track.stop();
    this.tracks[source] = null;
    void this.publisher.set(source, null);
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
    this.live.toast(`${title}. ${text}`, "warn", true);
  }

  async #devicesChanged() {
    for (const source of /** @type {Source[]} */ (["microphone", "camera"])) {
      if (this.tracks[source]?.readyState === "ended") {
        this.#drop(source);
        this.live.toast(source === "microphone"
          ? t("The microphone was unplugged. Turn it on again to use another one.")
          : t("The camera was unplugged. Turn it on again to use another one."), "warn");
      }
    }
  }

  stop() {
    navigator.mediaDevices?.removeEventListener?.("devicechange", this.onUnplugged);
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
