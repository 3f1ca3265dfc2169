/** A card of something that rings for the staff of a company, on whatever page they have open. */

import { alertNow } from "../announce.js";
import { ApiError, call } from "../api.js";
import { el, icon, setText } from "../dom.js";
import { t } from "../i18n.js";
import { RING_MS } from "./model.js";
import { quiet } from "./sound.js";

/** The key that leads to what rings, wherever the reader is. */
export const KEY = "F8";
/** How long a card says how it ended. */
const TOLD_MS = 6_000;

/** @param {string} room */
export function enterTalk(room) {
  location.assign(`/negotiations/${room}`);
}

/** A card of something that rings here. */
export class Card {
  /** @param {import("./model.js").Ringing} ring @param {import("./bell.js").Bell} bell */
  constructor(ring, bell) {
    this.ring = ring;
    this.bell = bell;
    const { caller } = ring;
    const who = caller.organisation ? `${caller.name} · ${caller.organisation}` : caller.name;
    this.words = t("{name} is ringing the booth of {company}", { name: caller.name, company: ring.company_name });
    this.note = el("p", { class: "ring-note", id: `ring-note-${ring.id}`, lang: ring.subject ? "" : null }, ring.subject || t("No subject was given."));
    this.take = el("button", { type: "button", class: "btn btn-primary", onclick: () => void this.#answer() }, icon("phone"), t("Take the call"));
    this.decline = el("button", { type: "button", class: "btn", onclick: () => void this.#decline() }, t("Not now"));
    this.hush = el("button", { type: "button", class: "btn btn-quiet ring-hush", "aria-pressed": quiet() ? "true" : "false", onclick: () => bell.hush() }, icon("quiet"), t("No sound"));
    this.acts = el("div", { class: "ring-acts" }, this.take, this.decline, this.hush);
    this.acting = false;
    this.room = ""; // once it is known that this reader took it, on another page
    /** @type {Notification|null} */
    this.notice = null;
    this.node = el("div", { class: "ring-card", role: "alertdialog", tabindex: -1, "aria-keyshortcuts": KEY, "aria-labelledby": `ring-${ring.id}`, "aria-describedby": `ring-note-${ring.id}` },
      el("div", { class: "ring-head" }, icon("phone", "ring-shake"), el("div", {},
        el("h2", { class: "ring-title", id: `ring-${ring.id}` }, this.words), el("p", { class: "muted", lang: "" }, who)),
      el("kbd", { class: "ring-key", "aria-hidden": "true" }, KEY)),
      this.note, this.acts);
    this.timer = setTimeout(() => bell.over({ id: ring.id, state: "missed", why: null, by: null }), RING_MS + 2_000);
  }

  /** Pressed once: a button that was switched off would lose the focus. @param {boolean} on */
  #busy(on) {
    this.acting = on;
    for (const button of [this.take, this.decline]) button.setAttribute("aria-disabled", String(on));
  }

  async #answer() {
    if (this.acting) return;
    this.#busy(true);
    try {
      const { data } = await call("POST", `/api/v1/rings/${this.ring.id}/answer`);
      this.bell.silence();
      enterTalk(data.room);
    } catch (fault) {
      await this.#failed(fault);
    }
  }

  async #decline() {
    if (this.acting) return;
    this.#busy(true);
    try {
      await call("POST", `/api/v1/rings/${this.ring.id}/decline`);
      this.bell.drop(this.ring.id);
    } catch (fault) {
      await this.#failed(fault);
    }
  }

  /** @param {unknown} fault */
  async #failed(fault) {
    if (fault instanceof ApiError && fault.code === "ring_over") {
      // Somebody was quicker, or the visitor is gone: how it ended is told, or asked for.
      const { id } = this.ring;
      try {
        this.bell.over((await call("GET", `/api/v1/rings/${id}`)).data);
      } catch {
        this.bell.over({ id, state: "missed", why: null, by: null });
      }
      return;
    }
    this.#busy(false);
    setText(this.note, t("That did not work. Please try again."));
    alertNow(this.note.textContent ?? "");
  }

  /** It rings no more. @param {string} words */
  ended(words) {
    clearTimeout(this.timer);
    this.node.classList.add("ring-over");
    this.node.setAttribute("role", "status");
    setText(this.note, words);
    this.notice?.close();
    const had = this.acts.contains(document.activeElement);
    const close = el("button", { type: "button", class: "btn", onclick: () => this.bell.drop(this.ring.id) }, t("Close"));
    this.acts.replaceChildren(...(this.room ? [el("a", { class: "btn btn-primary", href: `/negotiations/${this.room}` }, t("Enter the talk"))] : []), close);
    if (had) close.focus();
    this.timer = setTimeout(() => this.bell.drop(this.ring.id), TOLD_MS);
  }
}
