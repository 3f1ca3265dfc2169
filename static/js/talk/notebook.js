/** The notes everybody in the talk sees and edits: a plain text that grows together. */

import { el, setText } from "../dom.js";
import { number, t } from "../i18n.js";
import { Refused } from "../socket.js";
import { indexAt, length, moved, NotesClient, pointsAt, TEXT_MAX } from "./notes.js";

/** @typedef {import("../messages.js").Message} Message */
/** @typedef {import("./notes.js").Ops} Ops */

const RETRY_MS = 1_000;

/** Without what the hub takes in no text: NUL, half a character. @param {string} text */
function plain(text) {
  return text.replaceAll("\0", "").toWellFormed();
}

/** What no other page's changes are named. */
function series() {
  return [...crypto.getRandomValues(new Uint32Array(2))].map((n) => n.toString(36)).join("");
}

export class Notebook {
  /** @param {import("./live.js").TalkLive} talk */
  constructor(talk) {
    this.talk = talk;
    this.seen = true;
    this.open = false;
    this.text = el("textarea", { id: "notes", class: "notes-text", "aria-describedby": "notes-note notes-state", spellcheck: "true", lang: "", disabled: true });
    this.state = el("p", { class: "notes-state muted small", id: "notes-state" }, t("Opening …"));
    this.lost = el("div", { class: "notes-lost", hidden: true });
    this.node = el("div", { class: "notes" },
      el("label", { for: "notes", class: "vh" }, t("Notes")),
      el("p", { class: "muted small", id: "notes-note" }, t("Everybody in the talk sees and edits this text. It is kept with the talk.")),
      this.text, this.lost, this.state);
    this.client = new NotesClient(talk.me.id, {
      send: (base, ops, change) => void this.#send(base, ops, change),
      show: (text, theirs) => this.#show(text, theirs),
    }, series());
    this.text.addEventListener("input", () => this.#typed());
    this.asking = false;
    this.timer = 0;
  }

  /** The whole text, first or again. */
  async fetch() {
    if (this.asking) return;
    this.asking = true;
    try {
      const first = !this.client.known;
      for (;;) { // until nothing else was sent while we asked
        const change = this.client.change;
        const answer = await this.talk.page.ask("notes", change === null ? {} : { change });
        if (this.client.reset(answer.rev, answer.text, change, answer.taken)) break;
      }
      if (first) this.talk.bar.count("notes", 0); // it was there before us
      this.text.disabled = false;
      this.#told();
    } catch (fault) {
      if (fault instanceof Refused && fault.code !== "no_answer") this.#later(() => void this.fetch(), fault.detail.retry_after_ms);
    } finally {
      this.asking = false;
    }
  }

  /** @param {() => void} act @param {number} [ms] */
  #later(act, ms = RETRY_MS) {
    clearTimeout(this.timer);
    this.timer = /** @type {any} */ (setTimeout(() => { if (!this.talk.over) act(); }, ms));
  }

  /** The line to the hub is back; nothing was missed, or the whole text comes. @param {boolean} gap */
  back(gap) {
    if (gap || !this.client.known) void this.fetch();
    else this.client.again();
  }

  /** @param {number} base @param {Ops} ops @param {string} change */
  async #send(base, ops, change) {
    this.#told();
    try {
      await this.talk.page.ask("note", { base, ops, change }); // the event says what became of it
    } catch (fault) {
      this.#refused(fault instanceof Refused ? fault : null);
    }
    this.#told();
  }

  /** @param {Refused|null} fault */
  #refused(fault) {
    const code = fault?.code ?? "no_answer";
    if (code === "no_answer" || code === "not_in_room") return; // it goes again when we are back
    if (code === "gap") void this.fetch();
    else if (code === "rate_limited" || code === "recovering" || code === "server_draining") {
      this.#later(() => this.client.again(), fault?.detail.retry_after_ms);
    } else this.#keep(this.client.giveUp(), code);
  }

  /** What could not be taken is not thrown away. @param {string} text @param {string} code */
  #keep(text, code) {
    const area = el("textarea", { readonly: true, rows: 4, "aria-label": t("Your text that was not taken"), lang: "" });
    area.value = text;
    this.lost.replaceChildren(
      el("p", {}, code === "too_large"
        ? t("The notes hold {n} characters at most. Your last change was too much; it is kept here.", { n: number(TEXT_MAX) })
        : t("Your last change was not taken. It is kept here.")),
      area, el("button", { type: "button", class: "btn btn-small", onclick: () => { this.lost.hidden = true; this.text.focus(); } }, t("Close")));
    this.lost.hidden = false;
  }

  #typed() {
    const value = plain(this.text.value);
    if (length(value) > TEXT_MAX) {
      const kept = value;
      this.#put(this.client.text, this.text.selectionStart, this.text.selectionStart);
      this.#keep(kept, "too_large");
      return;
    }
    this.client.edit(value, pointsAt(value, this.text.selectionStart));
    this.#told();
  }

  /** Somebody else's change: the caret stays with its letters. @param {string} text @param {Ops} theirs */
  #show(text, theirs) {
    const { value, selectionStart, selectionEnd } = this.text;
    const to = (/** @type {number} */ index) => indexAt(text, moved(pointsAt(value, index), theirs));
    if (value !== text) this.#put(text, to(selectionStart), to(selectionEnd));
    if (!this.open && theirs.some((part) => typeof part === "string" || part < 0) && this.client.known && value !== text) {
      this.seen = false;
      this.talk.bar.count("notes", 1);
    }
    this.#told();
  }

  /** @param {string} text @param {number} start @param {number} end */
  #put(text, start, end) {
    const { scrollTop, selectionDirection } = this.text;
    this.text.value = text;
    this.text.setSelectionRange(start, end, selectionDirection);
    this.text.scrollTop = scrollTop;
  }

  #told() {
    if (!this.client.known) return;
    setText(this.state, this.client.saved ? t("Saved") : t("Saving …"));
  }

  /** @param {Message} event */
  heard(event) {
    if (!this.client.heard(event.body.rev, event.body.ops, event.by, event.body.change)) void this.fetch();
    this.#told();
  }

  opened() {
    this.open = true;
    this.seen = true;
    this.talk.bar.count("notes", 0);
    if (!this.client.known) void this.fetch();
  }

  closed() {
    this.open = false;
  }

  /** @param {HTMLElement} heading */
  focus(heading) {
    (this.text.disabled ? heading : this.text).focus();
  }
}
