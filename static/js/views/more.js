/** "More": the room's tools for those who run it, settings, and the list of shortcuts. */

import { el, icon } from "../dom.js";
import { t } from "../i18n.js";
import { applyMotion, save, settings } from "../settings.js";

/** @typedef {import("../state.js").RoomState} RoomState */

/** @typedef {"shortcuts"|"sounds"|"announceHands"|"announcePeople"|"microphoneHints"|"hideSelf"|"still"} Switch */

/** @typedef {{page: {state: RoomState}, stage: {own: () => void}, may: (act: string) => boolean,
 *   act: (type: string, fields: Record<string, unknown>) => Promise<boolean>}} Room */

export class More {
  /** @param {Room} live @param {{title: string, tools: boolean, keys: [string, string][], switches?: Switch[]}} what */
  constructor(live, what) {
    this.live = live;
    this.what = what;
    /** @type {Map<Switch, HTMLInputElement>} */
    this.boxes = new Map();
    this.host = el("section", { class: "more-host", "aria-labelledby": "more-host-title" });
    this.dialog = el("dialog", { class: "more", "aria-labelledby": "more-title" },
      el("div", { class: "panel-head" }, el("h2", { id: "more-title" }, what.title),
        el("button", { type: "button", class: "panel-close", "aria-label": t("Close"), onclick: () => this.dialog.close() }, icon("close"))),
      this.host, this.#settings(), this.#shortcuts());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.key = "";
  }

  open() {
    for (const [key, input] of this.boxes) input.checked = settings[key];
    this.draw(this.live.page.state);
    this.dialog.showModal();
  }

  /** @param {RoomState} state */
  draw(state) {
    const room = state.room;
    const tools = this.what.tools && ["lock", "chat", "announce"].some((act) => this.live.may(act));
    this.host.hidden = !tools;
    if (!tools || room === null) return;
    const key = JSON.stringify([room.locked, room.lock_message, room.chat, room.slow_mode_s]);
    if (key === this.key) return; // do not take a half-typed text away
    this.key = key;
    const moderate = (/** @type {string} */ action, /** @type {object} */ fields = {}) => this.live.act("moderate", { action, ...fields });
    this.host.replaceChildren(el("h3", { id: "more-host-title" }, t("Run the room")),
      this.#lock(room, moderate), this.#chat(room, moderate), this.#announce(moderate));
  }

  /** @param {NonNullable<RoomState["room"]>} room @param {(a: string, f?: object) => Promise<boolean>} moderate */
  #lock(room, moderate) {
    const message = el("input", { id: "lock-message", maxlength: 200, autocomplete: "off", value: room.lock_message ?? "" });
    return el("form", { class: "tool", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      void moderate(room.locked ? "unlock" : "lock", room.locked ? {} : { message: message.value.trim() || null });
    } },
    room.locked ? el("p", {}, icon("lock"), " ", t("The room is locked: nobody else can enter."))
      : el("div", { class: "field" }, el("label", { for: "lock-message" }, t("Words for those at the door (may be empty)")), message),
    el("button", { class: "btn", type: "submit" }, icon(room.locked ? "unlock" : "lock"), room.locked ? t("Unlock the room") : t("Lock the room")));
  }

  /** @param {NonNullable<RoomState["room"]>} room @param {(a: string, f?: object) => Promise<boolean>} moderate */
  #chat(room, moderate) {
    const slow = el("select", { id: "slow", onchange: () => void moderate("chat", { mode: "on", slow_mode_s: Number(slow.value) }) },
      ...[0, 5, 15, 30, 60].map((s) => el("option", { value: s, selected: s === room.slow_mode_s }, s === 0 ? t("No pause") : t("{n} s between messages", { n: s }))));
    return el("div", { class: "tool" },
      room.chat === "on" ? el("div", { class: "field" }, el("label", { for: "slow" }, t("Slow mode")), slow) : el("p", {}, t("Chat is closed for now.")),
      el("button", { class: "btn", type: "button", onclick: () => void moderate("chat", { mode: room.chat === "on" ? "off" : "on" }) },
        icon("chat"), room.chat === "on" ? t("Close the chat") : t("Open the chat")));
  }

  /** @param {(a: string, f?: object) => Promise<boolean>} moderate */
  #announce(moderate) {
    const text = el("input", { id: "announce-text", maxlength: 500, autocomplete: "off" });
    return el("form", { class: "tool", onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      if (text.value.trim() && await moderate("announce", { text: text.value.trim() })) text.value = "";
    } }, el("div", { class: "field" }, el("label", { for: "announce-text" }, t("Announcement to everyone")), text),
    el("button", { class: "btn", type: "submit" }, icon("info"), t("Announce")));
  }

  #settings() {
    /** @param {Switch} key @param {string} label */
    const box = (key, label) => {
      const input = el("input", { type: "checkbox", checked: settings[key], onchange: () => {
        save({ [key]: input.checked });
        this.live.stage.own();
        applyMotion();
      } });
      this.boxes.set(key, input);
      return el("label", { class: "check" }, input, label);
    };
    /** @type {[Switch, string][]} */
    const all = [["shortcuts", t("Keyboard shortcuts")], ["sounds", t("Sounds")], ["announceHands", t("Tell me of raised hands")],
      ["announcePeople", t("Tell me how many people are here when it changes")],
      ["microphoneHints", t("Warn me when my microphone is silent, or when I talk while muted")],
      ["hideSelf", t("Hide my own picture")], ["still", t("Less movement on the screen")]];
    const { switches } = this.what;
    return el("section", { "aria-labelledby": "more-settings" }, el("h3", { id: "more-settings" }, t("Settings")),
      ...all.filter(([key]) => !switches || switches.includes(key)).map(([key, label]) => box(key, label)));
  }

  #shortcuts() {
    const { keys } = this.what;
    return el("section", { "aria-labelledby": "more-keys" }, el("h3", { id: "more-keys" }, t("Keyboard shortcuts")),
      el("dl", { class: "keys" }, ...keys.flatMap(([key, does]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, does)])));
  }
}
