/** Chat: an append-only log. A line that was taken back is emptied in place, never re-read. */

import { el, icon, setText } from "../dom.js";
import { clock, t } from "../i18n.js";
import { outcomeOf } from "../refusals.js";
import { tab } from "../settings.js";
import { Refused } from "../socket.js";

/** @typedef {import("../state.js").RoomState} RoomState */
/** @typedef {import("../state.js").Line} Line */

/**
 * What a log needs of the room it is in.
 * @typedef {object} Room
 * @property {{slug: string, ask: (type: string, fields?: Record<string, unknown>) => Promise<import("../messages.js").Message>}} page
 * @property {{id: string}} me
 * @property {(act: string) => boolean} may
 * @property {(type: string, fields: Record<string, unknown>) => Promise<boolean>} act
 */
/**
 * Which log: the room's own, or a channel's. `id` names it in the page and in this tab's memory.
 * @typedef {object} Log
 * @property {string} id
 * @property {string} label of what is typed
 * @property {string} empty while nothing was said
 * @property {string} [channel]
 * @property {(state: RoomState) => readonly Line[]} lines
 * @property {(n: number) => void} unread
 */

export class Chat {
  /** @param {Room} live @param {Log} log */
  constructor(live, log) {
    this.live = live;
    this.which = log;
    this.shown = false;
    this.unread = 0;
    this.last = 0;
    this.epoch = "";
    /** @type {Map<number, {node: HTMLElement, unsaid: boolean}>} */
    this.lines = new Map();
    this.log = el("div", { class: "log", role: "log", "aria-label": t("Messages"), tabindex: "0" });
    this.empty = el("p", { class: "muted log-empty" }, log.empty);
    this.text = el("textarea", { id: log.id, rows: 2, maxlength: 2000, "aria-describedby": `${log.id}-note`, enterkeyhint: "send" });
    this.kept = log.channel ? `unsent.${live.page.slug}.${log.channel}` : `unsent.${live.page.slug}`;
    this.text.value = tab.get(this.kept);
    this.text.addEventListener("input", () => tab.set(this.kept, this.text.value));
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        void this.#say();
      }
    });
    this.note = el("p", { class: "say-note", id: `${log.id}-note` });
    this.send = el("button", { type: "submit", class: "btn btn-primary", "aria-label": t("Send") }, icon("send"));
    this.form = el("form", { class: "say", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void this.#say(); } },
      el("label", { for: log.id }, log.label), this.text, this.send, this.note);
    this.node = el("div", { class: "chat" }, this.empty, this.log, this.form);
    this.busy = false;
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    if (state.epoch !== this.epoch) {
      this.epoch = state.epoch;
      this.log.replaceChildren();
      this.lines.clear();
      this.last = 0;
    }
    if (state.room && state.room !== before?.room) this.#mode(state);
    const lines = this.which.lines(state);
    if (before && lines === this.which.lines(before)) return;
    const first = before === null;
    const stick = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
    for (const line of lines) {
      const known = this.lines.get(line.seq);
      if (known === undefined && line.seq > this.last) this.#append(line, first);
      else if (known && line.unsaid && !known.unsaid) this.#empty(line.seq);
    }
    this.empty.hidden = this.lines.size > 0;
    if (stick || first) this.log.scrollTop = this.log.scrollHeight;
    this.which.unread(this.shown ? (this.unread = 0) : this.unread);
  }

  /** @param {Line} line @param {boolean} old it was there when we came */
  #append(line, old) {
    this.last = line.seq;
    const mine = line.by === this.live.me.id;
    const body = el("p", { class: "line-text", lang: "" }, line.unsaid ? t("This message was taken back.") : line.text);
    const head = el("p", { class: "line-head" },
      el("b", { lang: "" }, line.kind === "announcement" ? t("Announcement") : line.name), " ",
      el("time", { datetime: line.at }, clock(line.at)));
    const node = el("div", { class: `line line-${line.kind}${mine ? " line-mine" : ""}` }, head, body);
    if (line.unsaid) node.classList.add("line-unsaid");
    else if (line.kind === "chat" && !this.which.channel && (mine || this.live.may("unsay"))) {
      head.append(el("button", {
        type: "button", class: "line-unsay", "aria-label": t("Take back the message of {name}", { name: line.name }),
        onclick: () => void this.live.act("unsay", { seq: line.seq }),
      }, icon("undo")));
    }
    this.lines.set(line.seq, { node, unsaid: line.unsaid });
    this.log.append(node);
    if (this.lines.size > 500) this.#forgetOldest();
    if (!old && !mine && !this.shown) this.unread += 1;
  }

  #forgetOldest() {
    const [seq, { node }] = /** @type {[number, {node: HTMLElement}]} */ (this.lines.entries().next().value);
    node.remove();
    this.lines.delete(seq);
  }

  /** @param {number} seq */
  #empty(seq) {
    const line = this.lines.get(seq);
    if (!line) return;
    line.unsaid = true;
    line.node.classList.add("line-unsaid");
    line.node.querySelector(".line-unsay")?.remove();
    const text = line.node.querySelector(".line-text");
    if (text) setText(text, t("This message was taken back."));
  }

  /** @param {RoomState} state */
  #mode(state) {
    const off = state.room?.chat === "off" && !this.live.may("chat");
    this.text.disabled = off;
    this.send.disabled = off;
    const slow = state.room?.slow_mode_s ?? 0;
    setText(this.note, off ? t("The host has closed the chat for now.")
      : slow > 0 ? t("Slow mode: one message every {n} s.", { n: slow }) : "");
  }

  async #say() {
    const text = this.text.value.trim();
    if (!text || this.busy) return;
    this.busy = true;
    try {
      await this.live.page.ask("say", this.which.channel ? { text, channel: this.which.channel } : { text });
      this.text.value = "";
      tab.set(this.kept, "");
      setText(this.note, "");
    } catch (fault) {
      // What was typed stays; it can be sent again when the line is back.
      const code = fault instanceof Refused ? fault.code : "no_answer";
      setText(this.note, code === "no_answer"
        ? t("Not sent: no connection. Your text is kept.")
        : t("Not sent.") + " " + outcomeOf(code).text);
    } finally {
      this.busy = false;
    }
  }

  /** @param {RoomState} _state */
  opened(_state) {
    this.shown = true;
    this.unread = 0;
    this.which.unread(0);
    this.log.scrollTop = this.log.scrollHeight;
  }

  closed() {
    this.shown = false;
  }

  /** @param {HTMLElement} heading */
  focus(heading) {
    (this.text.disabled ? heading : this.text).focus();
  }
}
