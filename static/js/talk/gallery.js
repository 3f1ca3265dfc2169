/** Everybody in the talk, side by side; a shared screen large with the others below it. */

import { el, icon, setText } from "../dom.js";
import { useSpeaker } from "../devices.js";
import { t } from "../i18n.js";
import { announce } from "../announce.js";
import { settings } from "../settings.js";
import { Tile } from "../views/stage.js";

/** @typedef {import("../state.js").RoomState} RoomState */

/** Tiles at once; more people than these are in the list of people. */
const TILES = 12;

export class Gallery {
  /** @param {import("./live.js").TalkLive} talk */
  constructor(talk) {
    this.talk = talk;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {Map<string, HTMLAudioElement>} */
    this.audio = new Map();
    this.grid = el("div", { class: "gallery" });
    this.strip = el("div", { class: "strip" });
    this.emptyText = el("p", { class: "stage-empty-title" });
    this.empty = el("div", { class: "stage-empty", hidden: true }, icon("people", "icon-xl"), this.emptyText,
      el("p", { class: "stage-empty-more" }, t("You will see and hear the others as soon as they enter.")));
    this.noticeText = el("span", {});
    this.retry = el("button", { type: "button", class: "notice-retry", hidden: true }, t("Try again"));
    this.notice = el("div", { class: "stage-notice", hidden: true }, icon("info"), this.noticeText, this.retry);
    this.sound = el("div", { class: "sound", hidden: true });
    this.startAudio = el("button", { type: "button", class: "btn btn-primary start-audio", hidden: true, onclick: () => this.#play() }, icon("speaker"), t("Start audio"));
    this.node = el("section", { class: "stage", "aria-label": t("Pictures") },
      el("div", { class: "stage-main" }, this.empty, this.grid, this.notice, this.startAudio), this.strip, this.sound);
    this.due = false;
  }

  /** Draw soon, once for everything that changes now. */
  later() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.draw(this.talk.page.state, null);
    });
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    if (state.room === null || this.talk.over) return;
    if (before && state.room === before.room && state.slots === before.slots && state.speaking === before.speaking && state.people === before.people) return;
    const { media, me } = this.talk;
    const others = [...state.people.values()].filter((one) => one.id !== me.id && one.state !== "offered");
    const speaking = media.speaking(state);
    /** @type {{key: string, id: string, name: string, track: MediaStreamTrack|null, muted: boolean, note: string, screen: boolean}[]} */
    const shown = [];
    for (const one of others) {
      const seen = media.of(state, one.id);
      const note = one.state === "held" ? t("reconnecting") : seen.away ? t("connecting …") : "";
      if (seen.screen) shown.push({ key: `${one.id}/screen`, id: one.id, name: t("Screen of {name}", { name: one.name }), track: seen.screen, muted: seen.muted, note: "", screen: true });
      shown.push({ key: one.id, id: one.id, name: one.name, track: seen.camera, muted: seen.muted, note, screen: false });
    }
    // Screens first; who was here first keeps their place.
    shown.sort((a, b) => Number(b.screen) - Number(a.screen));
    shown.splice(TILES);
    const alone = others.length === 0;
    const large = shown.find((one) => one.screen) ?? null;
    if (!settings.hideSelf || alone) {
      shown.push({ key: me.id, id: me.id, name: t("You"), track: media.tracks.camera, muted: media.tracks.microphone?.enabled !== true, note: "", screen: false });
    }
    this.#fill(shown, large?.key ?? "", speaking);
    this.#layout(shown.length, large !== null, others.length);
    setText(this.emptyText, t("Nobody else is here yet"));
    this.empty.hidden = !alone;
    this.#sounds();
  }

  /** @param {{key: string, id: string, name: string, track: MediaStreamTrack|null, muted: boolean, note: string, screen: boolean}[]} shown
   * @param {string} large @param {string[]|readonly string[]} speaking */
  #fill(shown, large, speaking) {
    const keys = new Set(shown.map((one) => one.key));
    for (const [key, tile] of this.tiles) {
      if (keys.has(key)) continue;
      tile.hide();
      tile.node.remove();
      this.tiles.delete(key);
    }
    for (const one of shown) {
      let tile = this.tiles.get(one.key);
      if (tile === undefined) {
        tile = new Tile({ pin: () => undefined }, "tile-talk");
        tile.pin.remove();
        tile.node.querySelector(".tile-label")?.append(el("span", { class: "tile-note" }));
        this.tiles.set(one.key, tile);
      }
      const mine = one.id === this.talk.me.id;
      tile.node.classList.toggle("tile-screen", one.screen);
      tile.node.classList.toggle("tile-self", mine);
      tile.node.classList.toggle("tile-thumb", large !== "" && one.key !== large);
      tile.show(one.id, one.name, one.track, { muted: one.muted, speaking: !one.screen && speaking.includes(one.id), pinned: false });
      const note = /** @type {HTMLElement} */ (tile.node.querySelector(".tile-note"));
      setText(note, one.note);
      const place = large !== "" && one.key !== large ? this.strip : this.grid;
      if (tile.node.parentElement !== place) place.append(tile.node);
    }
  }

  /** @param {number} tiles @param {boolean} large @param {number} others */
  #layout(tiles, large, others) {
    // Two people: the other large, oneself in the corner.
    const pair = !large && others === 1;
    this.grid.dataset.shape = large ? "large" : pair ? "pair" : others === 0 ? "alone" : "grid";
    const columns = tiles <= 1 ? 1 : tiles <= 4 ? 2 : tiles <= 9 ? 3 : 4;
    this.grid.style.setProperty("--cols", String(columns));
    this.grid.style.setProperty("--rows", String(Math.ceil(tiles / columns)));
  }

  #sounds() {
    const tracks = new Map(this.talk.media.sounds().map((track) => [track.id, track]));
    for (const [id, node] of this.audio) {
      if (tracks.has(id)) continue;
      node.srcObject = null;
      node.remove();
      this.audio.delete(id);
    }
    let fresh = false;
    for (const [id, track] of tracks) {
      if (this.audio.has(id)) continue;
      const node = el("audio", { autoplay: true });
      node.srcObject = new MediaStream([track]);
      void useSpeaker(node);
      this.audio.set(id, node);
      this.sound.append(node);
      fresh = true;
    }
    if (fresh) this.#play();
  }

  /** Browsers may refuse sound before a click: then one clear button asks for it. */
  #play() {
    Promise.all([...this.audio.values()].map((node) => node.play())).then(
      () => { this.startAudio.hidden = true; },
      (fault) => { this.startAudio.hidden = !(fault instanceof DOMException && fault.name === "NotAllowedError"); });
  }

  /** Lines of a fresh subscribe connection. @param {{mid: string, track: MediaStreamTrack}[]} lines */
  lines(lines) {
    this.talk.media.lines = new Map(lines.map((line) => [line.mid, line.track]));
    this.later();
  }

  own() {
    this.later();
  }

  /** @param {string} text empty: nothing to tell @param {() => void} [again] */
  say(text, again) {
    if (text && this.noticeText.textContent !== text) announce(text);
    setText(this.noticeText, text);
    this.notice.hidden = text === "";
    this.retry.hidden = again === undefined;
    this.retry.onclick = () => again?.();
  }
}
