/**
 * What is being said, under the picture where a tall screen has room for it (room.css). A glance
 * only: the log itself, for reading back and for screen readers, is in the chat panel.
 */

import { el } from "../dom.js";
import { t } from "../i18n.js";

/** @typedef {import("../state.js").RoomState} RoomState */

const LINES = 12;
/** Where room.css shows it. */
const SHOWN = matchMedia("(max-width: 48rem) and (orientation: portrait)");

export class Peek {
  /** @param {import("./live.js").Live} live */
  constructor(live) {
    this.live = live;
    this.lines = el("div", { class: "peek-lines", "aria-hidden": "true" });
    this.say = el("button", { type: "button", class: "peek-say", onclick: () => live.toggle("chat") }, t("Write a message"));
    this.node = el("div", { class: "peek" }, this.lines, this.say);
    this.turned = () => this.draw(live.page.state, null);
    SHOWN.addEventListener("change", this.turned);
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    if (state.room && state.room !== before?.room) this.say.hidden = state.room.chat === "off" && !this.live.may("chat");
    if (!SHOWN.matches || (before && state.chat === before.chat)) return;
    const lines = state.chat.filter((line) => !line.unsaid).slice(-LINES);
    this.lines.replaceChildren(...(lines.length === 0
      ? [el("p", { class: "peek-none" }, t("No messages yet. Say hello."))]
      : lines.map((line) => el("p", { class: "peek-line" },
        el("b", { lang: "" }, line.kind === "announcement" ? t("Announcement") : line.name), " ", el("span", { lang: "" }, line.text)))));
  }

  stop() {
    SHOWN.removeEventListener("change", this.turned);
  }
}
