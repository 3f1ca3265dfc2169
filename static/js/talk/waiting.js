/** At the door: a calm page for who must be let in, with a word to the host side; else the line. */

import { announce } from "../announce.js";
import { byId, el, icon } from "../dom.js";
import { t } from "../i18n.js";
import { save, settings } from "../settings.js";
import { Chat } from "../views/chat.js";
import { Waiting } from "../views/waiting.js";
import { linesOf } from "./talking.js";

/** @typedef {import("./state.js").TalkState} TalkState */
/** @typedef {import("../state.js").RoomState} RoomState */

export class AtTheDoor {
  /** @param {import("../pages/negotiation.js").NegotiationPage} page */
  constructor(page) {
    this.page = page;
    this.line = new Waiting(page);
    /** @type {Chat|null} */
    this.chat = null;
    /** @type {"lobby"|"line"|""} */
    this.shown = "";
  }

  open() {
    this.shown = "";
    this.draw(this.page.state);
  }

  /** @param {RoomState} state */
  draw(state) {
    const lobby = /** @type {TalkState} */ (state).lobby;
    const wanted = lobby ? "lobby" : "line";
    if (wanted !== this.shown) {
      if (this.shown === "lobby") announce(t("You may come in. There is a seat for you in a moment."));
      this.shown = wanted;
      if (lobby) this.#lobby();
      else this.line.open();
    }
    if (!lobby) this.line.draw(state);
    else if (this.chat) {
      const before = this.before ?? null;
      this.before = state;
      this.chat.draw(state, before);
    }
  }

  /** @type {RoomState|null} */
  before = null;

  #lobby() {
    this.before = null;
    const { page } = this;
    const me = { id: page.me?.id ?? "" };
    const channel = `lobby:${me.id}`;
    this.chat = new Chat({
      page, me, may: () => false,
      act: async (type, fields) => page.ask(type, fields).then(() => true, () => false),
    }, {
      id: "say-lobby", label: t("Message to the host side"), empty: t("You can write to the host side while you wait."),
      channel: "lobby", lines: (state) => linesOf(state, channel), unread: () => undefined,
    });
    const title = el("h1", { tabindex: "-1" }, t("You are at the door"));
    const sound = el("input", { type: "checkbox", checked: settings.sounds, onchange: () => save({ sounds: sound.checked }) });
    byId("outcome").replaceChildren(
      el("p", { class: "eyebrow", lang: "" }, page.talk?.subject ?? ""), title,
      el("p", { class: "lede" }, t("The host side sees your name and will let you in. You enter by yourself; a reload or a short loss of network does not lose your place.")),
      el("p", { class: "door-wait" }, el("span", { class: "door-dot", "aria-hidden": "true" }), icon("door"), el("span", {}, t("Waiting to be let in …"))),
      el("div", { class: "lobby-chat" }, this.chat.node),
      el("label", { class: "check" }, sound, t("Play a sound when I am in")),
      el("div", { class: "actions" }, el("button", { type: "button", class: "btn", onclick: () => void page.leave() }, t("Stop waiting"))));
    byId("outcome").dataset.code = "lobby";
    this.chat.opened(page.state);
    title.focus();
  }

  close() {
    this.shown = "";
    this.chat = null;
    this.line.close();
  }
}
