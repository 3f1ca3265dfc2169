/** Chat of a talk: with everyone, and with one's own company alone where several companies meet. */

import { el } from "../dom.js";
import { t } from "../i18n.js";
import { Chat } from "../views/chat.js";

/** @typedef {import("./state.js").TalkState} TalkState */
/** @typedef {import("../state.js").RoomState} RoomState */

const NONE = /** @type {readonly import("../state.js").Line[]} */ (Object.freeze([]));

/** The lines of a channel. @param {RoomState} state @param {string} name */
export function linesOf(state, name) {
  return /** @type {TalkState} */ (state).channels.get(name)?.lines ?? NONE;
}

export class Talking {
  /** @param {import("./live.js").TalkLive} talk */
  constructor(talk) {
    this.talk = talk;
    this.unread = { all: 0, side: 0 };
    this.open = false;
    /** @type {"all"|"side"} */
    this.shown = "all";
    this.all = new Chat(talk, {
      id: "say", label: t("Message to everyone"), empty: t("No messages yet. Say hello."),
      lines: (state) => state.chat, unread: (n) => this.#count("all", n),
    });
    this.side = talk.hasSide ? new Chat(talk, {
      id: "say-side", label: t("Message to your own company"), empty: t("Only people of your own company read what is written here."),
      channel: "side", lines: (state) => linesOf(state, "side"), unread: (n) => this.#count("side", n),
    }) : null;
    this.tabs = {
      all: this.#tab("all", t("Everyone")), side: this.#tab("side", t("Our company")),
    };
    this.bar = el("div", { class: "chat-tabs", role: "tablist", "aria-label": t("Whom you write to"), hidden: this.side === null },
      this.tabs.all.button, this.tabs.side.button);
    this.body = el("div", { class: "chat-body", role: this.side ? "tabpanel" : null, id: "chat-body" }, this.all.node);
    this.node = el("div", { class: "talking" }, this.bar, this.body);
    this.#mark();
  }

  /** @param {"all"|"side"} name @param {string} label */
  #tab(name, label) {
    const count = el("span", { class: "tabs-count", hidden: true });
    const button = el("button", {
      type: "button", role: "tab", id: `chat-tab-${name}`, "aria-controls": "chat-body",
      onclick: () => this.show(name), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#arrow(event),
    }, label, count);
    return { button, count };
  }

  /** @param {KeyboardEvent} event */
  #arrow(event) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    this.show(this.shown === "all" ? "side" : "all");
    this.tabs[this.shown].button.focus();
  }

  #mark() {
    for (const name of /** @type {const} */ (["all", "side"])) {
      const { button } = this.tabs[name];
      button.setAttribute("aria-selected", String(name === this.shown));
      button.tabIndex = name === this.shown ? 0 : -1;
    }
    this.body.setAttribute("aria-labelledby", this.side ? `chat-tab-${this.shown}` : "panel-title");
  }

  /** @param {"all"|"side"} name */
  show(name) {
    const next = name === "side" ? this.side : this.all;
    if (next === null || name === this.shown) return;
    this.#now.closed();
    this.shown = name;
    this.body.replaceChildren(next.node);
    this.#mark();
    next.draw(this.talk.page.state, null);
    if (this.open) next.opened(this.talk.page.state);
  }

  get #now() {
    return this.shown === "side" && this.side ? this.side : this.all;
  }

  /** @param {"all"|"side"} name @param {number} n */
  #count(name, n) {
    this.unread[name] = n;
    const { count } = this.tabs[name];
    count.hidden = n === 0;
    count.textContent = String(n);
    this.talk.bar.count("chat", this.unread.all + this.unread.side);
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    this.all.draw(state, before);
    this.side?.draw(state, before);
  }

  /** @param {RoomState} state */
  opened(state) {
    this.open = true;
    this.#now.opened(state);
  }

  closed() {
    this.open = false;
    this.#now.closed();
  }

  /** @param {HTMLElement} heading */
  focus(heading) {
    this.#now.focus(heading);
  }
}
