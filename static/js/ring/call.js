/** The visitor's own call on a company's page. */

import { announce } from "../announce.js";
import { ApiError, call } from "../api.js";
import { el, icon, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { tab } from "../settings.js";
import { enterTalk } from "./card.js";
import { Countdown, kept } from "./model.js";
import { refusal, toldVisitor } from "./words.js";

/** In the tab's storage: the visitor's own call, so that a reload comes back to it. */
export const MINE = "ring";

/** The visitor's dialog: a subject, ringing, and what came of it. */
export class Call {
  /** @param {import("./bell.js").Bell} bell @param {HTMLElement} button */
  constructor(bell, button) {
    this.bell = bell;
    this.company = button.dataset.ringCompany ?? "";
    this.name = button.dataset.ringName ?? "";
    this.id = "";
    this.timer = 0;
    this.subject = "";
    this.title = el("h2", { id: "call-title" });
    this.body = el("div", { class: "call-body" });
    this.node = el("dialog", { class: "call", "aria-labelledby": "call-title" }, this.title, this.body);
    this.node.addEventListener("cancel", (event) => {
      if (!this.id) return;
      event.preventDefault(); // Escape hangs up, and then says so
      void this.#hangUp();
    });
    this.node.addEventListener("close", () => {
      clearInterval(this.timer);
      button.focus();
    });
    document.body.append(this.node);
  }

  async open() {
    if (!this.id) this.#ask();
    this.node.showModal();
    this.node.querySelector("input")?.focus();
  }

  /** A call of this visitor that may still ring, begun before a reload or on another page.
   * @param {string} id @returns {Promise<boolean>} whether it is shown */
  async back(id) {
    try {
      const { data } = await call("GET", `/api/v1/rings/${id}`);
      if (data.company !== this.company || data.state !== "ringing") {
        tab.set(MINE, "");
        return false;
      }
      if (!this.node.open) this.node.showModal();
      this.#rings(data);
      return true;
    } catch {
      return false; // the news tell what becomes of it
    }
  }

  /** @param {string} [fault] */
  #ask(fault = "") {
    setText(this.title, t("Ring the booth of {company}", { company: this.name }));
    const field = el("input", { id: "call-subject", maxlength: 200, autocomplete: "off", "aria-describedby": "call-hint call-fault", value: this.subject || null });
    const form = el("form", { class: "form", method: "dialog", novalidate: true },
      el("div", { class: "field" },
        el("label", { for: "call-subject" }, t("What is it about?"), " ", el("span", { class: "muted" }, t("(optional)"))),
        el("span", { class: "hint", id: "call-hint" }, t("Everybody of the company who is online is rung at once. Whoever takes the call talks with you in a private room.")),
        field, el("span", { class: "fault", id: "call-fault", role: "alert", hidden: !fault }, fault)),
      el("div", { class: "form-acts" },
        el("button", { type: "submit", class: "btn btn-primary" }, icon("phone"), t("Ring")),
        el("button", { type: "button", class: "btn", onclick: () => this.node.close() }, t("Cancel"))));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.subject = field.value.trim();
      void this.#ring();
    });
    this.body.replaceChildren(form);
    if (fault) field.setAttribute("aria-invalid", "true");
  }

  async #ring() {
    const press = /** @type {HTMLButtonElement|null} */ (this.body.querySelector("button[type=submit]"));
    if (press) press.disabled = true;
    try {
      const { data } = await call("POST", `/api/v1/companies/${this.company}/rings`, { body: this.subject ? { subject: this.subject } : {} });
      if (data.state === "ringing" && !this.bell.gone.has(data.id)) this.#rings(data);
      else this.over(data);
    } catch (fault) {
      const other = fault instanceof ApiError && fault.code === "already_ringing" ? fault.problem.ring : "";
      if (other && (await this.back(other))) return;
      this.#ask(refusal(fault));
      this.node.querySelector("input")?.focus();
    }
  }

  /** @param {{id: string, left_ms: number}} ring */
  #rings(ring) {
    this.id = ring.id;
    tab.set(MINE, kept(this.company, ring.id));
    setText(this.title, t("Ringing {company} …", { company: this.name }));
    const left = el("span", { class: "call-left" });
    const bar = el("progress", { class: "call-bar", max: ring.left_ms, value: ring.left_ms, "aria-label": t("Time left") });
    const hang = el("button", { type: "button", class: "btn btn-danger", onclick: () => void this.#hangUp() }, icon("leave"), t("Hang up"));
    this.body.replaceChildren(
      el("p", {}, t("Stay on this page. When somebody takes the call you are both brought into a private room.")),
      bar, el("p", { class: "muted" }, left), el("div", { class: "form-acts" }, hang));
    hang.focus();
    announce(this.title.textContent ?? "");
    const countdown = new Countdown(ring.left_ms, performance.now());
    const turn = () => {
      const { ms, ask, last } = countdown.at(performance.now());
      bar.value = ms;
      setText(left, tn("{n} second left", "{n} seconds left", Math.ceil(ms / 1000)));
      if (ask) void this.#look(last);
    };
    turn();
    clearInterval(this.timer);
    this.timer = setInterval(turn, 500);
  }

  /** The news may be late, or its line not up yet: ask. @param {boolean} last give up without an answer */
  async #look(last) {
    const { id } = this;
    try {
      const { data } = await call("GET", `/api/v1/rings/${id}`);
      if (this.id !== id) return;
      if (data.room) enterTalk(data.room);
      else if (data.state !== "ringing") this.over(data);
    } catch {
      if (last && this.id === id) this.over({ id, state: "missed", why: "no_answer", by: null });
    }
  }

  async #hangUp() {
    try {
      const { data } = await call("POST", `/api/v1/rings/${this.id}/cancel`);
      if (data.room) enterTalk(data.room); // somebody was quicker
      else this.over(data);
    } catch {
      this.over({ id: this.id, state: "cancelled", why: "hung_up", by: null });
    }
  }

  /** @param {import("./model.js").Over} over */
  over(over) {
    clearInterval(this.timer);
    this.id = "";
    tab.set(MINE, "");
    const words = toldVisitor(over);
    setText(this.title, words);
    this.body.replaceChildren(
      el("p", {}, over.state === "cancelled" ? t("The company can see that you rang.") : t("The company sees that you rang. Ask for a meeting at a time that suits you both, or leave your card.")),
      el("div", { class: "form-acts" },
        el("a", { class: "btn btn-primary", href: `/companies/${this.company}/meet` }, icon("calendar"), t("Ask for a meeting")),
        el("a", { class: "btn", href: "#card", onclick: () => this.node.close() }, icon("bcard"), t("Leave a card")),
        el("button", { type: "button", class: "btn", onclick: () => { this.#ask(); this.node.querySelector("input")?.focus(); } }, t("Ring again")),
        el("button", { type: "button", class: "btn btn-quiet", onclick: () => this.node.close() }, t("Close"))));
    announce(words);
    /** @type {HTMLElement|null} */ (this.body.querySelector("a"))?.focus();
  }
}
