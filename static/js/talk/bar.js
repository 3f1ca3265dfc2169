/** The few controls of a talk: microphone, camera, screen; chat, notes, files, people, the talk; leave. */

import { el, icon, setIcon, setText } from "../dom.js";
import { t } from "../i18n.js";

/** @typedef {import("../state.js").RoomState} RoomState */

export class TalkBar {
  /** @param {import("./live.js").TalkLive} talk */
  constructor(talk) {
    this.talk = talk;
    this.mic = this.#button("mic", "mic-off", t("Microphone"), "M", () => void talk.media.toggle("microphone"), true);
    this.camera = this.#button("camera", "camera-off", t("Camera"), "V", () => void talk.media.toggle("camera"), true);
    this.share = this.#button("share", "screen", t("Share screen"), "S", () => void talk.media.toggle("screen"), true);
    this.share.hidden = !navigator.mediaDevices?.getDisplayMedia;
    /** @type {Record<string, {button: HTMLButtonElement, count: HTMLElement}>} */
    this.openers = {};
    for (const [name, sign, label, key] of /** @type {[string, string, string, string][]} */ ([
      ["chat", "chat", t("Chat"), "C"], ["notes", "edit", t("Notes"), "N"], ["files", "file", t("Files"), "F"],
      ["people", "people", t("People"), "P"], ["talk", "list", t("This talk"), "T"]])) {
      const button = this.#button(name, sign, label, key, () => talk.toggle(name));
      button.setAttribute("aria-expanded", "false");
      const count = el("span", { class: "badge", hidden: true });
      button.append(count);
      this.openers[name] = { button, count };
    }
    this.leave = el("button", { type: "button", class: "ctl ctl-leave", id: "bar-leave", onclick: () => void talk.page.leave() }, icon("leave"), el("span", {}, t("Leave")));
    this.node = el("div", { class: "bar", role: "region", "aria-label": t("Call controls"), "data-staged": true },
      el("div", { class: "bar-in" }, this.mic, this.camera, this.share, ...Object.values(this.openers).map((one) => one.button)), this.leave);
  }

  /** @param {string} id @param {string} sign @param {string} label @param {string} key @param {() => void} act
   * @param {boolean} [toggle] */
  #button(id, sign, label, key, act, toggle = false) {
    return el("button", {
      type: "button", class: "ctl", id: `bar-${id}`, onclick: act, "aria-pressed": toggle ? "false" : null, "aria-keyshortcuts": key,
    }, icon(sign), el("span", { class: "ctl-text" }, label));
  }

  /** @param {RoomState} _state @param {RoomState|null} _before */
  draw(_state, _before) {
    const { tracks } = this.talk.media;
    press(this.mic, tracks.microphone?.enabled === true, "mic");
    press(this.camera, tracks.camera !== null, "camera");
    press(this.share, tracks.screen !== null, "");
  }

  /** @param {string} open the panel that is */
  panels(open) {
    for (const [name, { button }] of Object.entries(this.openers)) button.setAttribute("aria-expanded", String(name === open));
  }

  /** Something new in a panel. @param {string} name @param {number} n */
  count(name, n) {
    const { count } = this.openers[name];
    count.hidden = n === 0;
    setText(count, n > 99 ? "99+" : String(n));
  }

  focus() {
    this.mic.focus();
  }

  /** @returns {Record<string, () => void>} */
  shortcuts() {
    const { talk } = this;
    return {
      m: () => void talk.media.toggle("microphone"), v: () => void talk.media.toggle("camera"), s: () => void talk.media.toggle("screen"),
      c: () => talk.toggle("chat"), n: () => talk.toggle("notes"), f: () => talk.toggle("files"),
      p: () => talk.toggle("people"), t: () => talk.toggle("talk"),
    };
  }
}

/** @param {HTMLElement} button @param {boolean} on @param {string} sign */
function press(button, on, sign) {
  button.setAttribute("aria-pressed", String(on));
  if (sign) setIcon(button.querySelector(".icon"), on ? sign : `${sign}-off`);
}
