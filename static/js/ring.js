/**
 * The bell of a booth, on both sides: what rings for the staff of a company on every page they have
 * open, and the visitor's own call on the company's page. What happened is told by the news socket;
 * what is done goes over the API.
 */

import { alertNow, announce } from "./announce.js";
import { ApiError, call } from "./api.js";
import { chime } from "./devices.js";
import { el, icon, setText } from "./dom.js";
import { loadTexts, t, tn } from "./i18n.js";
import { tab } from "./settings.js";

/** @typedef {{id: string, company: string, company_name: string, caller: {name: string, organisation: string|null}, subject: string, expires_at: string}} Ringing */
/** @typedef {{id: string, state: string, why: string|null, by: string|null}} Over */

const QUIET = "pavilion.ring.quiet";
/** Held by the one page of this browser that is heard while several ring. */
const ALOUD = "pavilion.ring";
/** The key that leads to what rings, wherever the reader is. */
const KEY = "F8";
const TITLED = "☎ ";
/** In the tab's storage: the visitor's own call, so that a reload comes back to it. */
const MINE = "ring";
const TONE_MS = 2_500;
const TONES = [523, 659, 523];
/** How long a card says how it ended. */
const TOLD_MS = 6_000;

/** Clocks differ: the end of a ring is counted from when we heard of it, half a minute at most. */
const RING_MS = 30_000;
/** So often the visitor's page asks, beside what it is told. */
const LOOK_MS = 2_000;
/** So long after its end a ring without an answer of the hub is given up. */
const LOST_MS = 10_000;

function quiet() {
  try {
    return localStorage.getItem(QUIET) === "1";
  } catch {
    return false;
  }
}

/** @param {boolean} on */
function keepQuiet(on) {
  try {
    localStorage.setItem(QUIET, on ? "1" : "");
  } catch {
    // For this ring only.
  }
}

/** @param {string} room */
function go(room) {
  location.assign(`/negotiations/${room}`);
}

/** How a ring ended, for those it rang for. @param {Over} over */
function toldStaff(over) {
  if (over.state === "answered") return over.by ? t("{name} took the call.", { name: over.by }) : t("Somebody else took the call.");
  if (over.state === "cancelled") return t("The visitor hung up.");
  if (over.why === "no_answer") return t("Nobody took the call.");
  return over.why === "dropped" ? t("The visitor's connection was lost.") : t("The call was missed.");
}

/** Whether keys go into a text just now. */
function typing() {
  const node = document.activeElement;
  return node instanceof HTMLElement && (node.isContentEditable || node.matches("input, select, textarea"));
}

/** A card of something that rings here. */
class Card {
  /** @param {Ringing} ring @param {Bell} bell */
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
      go(data.room);
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

class Bell {
  constructor() {
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    this.box = el("section", { class: "rings", hidden: true });
    this.title = "";
    this.tone = 0;
    this.aloud = false;
    /** Gives the turn to be heard to another page. @type {AbortController|null} */
    this.turn = null;
    /** Where the focus was before a card had it. @type {HTMLElement|null} */
    this.before = null;
    /** @type {Call|null} */
    this.mine = null;
    /** Rings that were over before their card was drawn. @type {Set<string>} */
    this.gone = new Set();
    /** @type {Promise<void>|null} */
    this.texts = null;
  }

  /** A message of the news socket. @param {any} message @returns {boolean} whether it was one of ours */
  take(message) {
    if (message.type === "ring") void this.rings(message);
    else if (message.type === "ring_over") this.over(message);
    else if (message.type === "call" && this.mine?.id === message.id) go(message.room);
    else if (message.type === "call" && this.cards.has(message.id)) this.#taken(message);
    else return false;
    return true;
  }

  /** Taken by this reader, on whatever page of theirs. @param {{id: string, room: string}} message */
  #taken(message) {
    const card = this.cards.get(message.id);
    if (card) card.room = message.room;
  }

  /** @param {Ringing} ring */
  async rings(ring) {
    if (this.cards.has(ring.id) || this.gone.has(ring.id)) return;
    this.texts ??= document.documentElement.dataset.ready ? Promise.resolve() : loadTexts();
    await this.texts;
    if (this.cards.has(ring.id) || this.gone.has(ring.id)) return;
    if (!this.box.isConnected) {
      this.box.setAttribute("aria-label", t("Calls"));
      document.body.append(this.box);
      document.addEventListener("keydown", (event) => {
        const first = this.#ringing[0];
        if (event.key !== KEY || event.altKey || event.ctrlKey || event.metaKey || !first) return;
        event.preventDefault();
        this.#enter(first);
      });
    }
    const card = new Card(ring, this);
    this.cards.set(ring.id, card);
    this.box.append(card.node);
    this.box.hidden = false;
    // Whoever types goes on typing; a key leads there. The card itself has the focus, so that a
    // key pressed just then takes and declines nothing.
    if (!typing() && !document.querySelector("dialog[open]")) this.#enter(card);
    alertNow(`${card.words}. ${ring.subject}`);
    this.#ringOn();
    this.#notify(card);
  }

  /** @param {Card} card */
  #enter(card) {
    const node = document.activeElement;
    if (node instanceof HTMLElement && !this.box.contains(node)) this.before = node;
    card.node.focus();
  }

  /** @param {Over} over */
  over(over) {
    this.gone.add(over.id);
    if (this.gone.size > 100) this.gone.delete(/** @type {string} */ (this.gone.values().next().value));
    const card = this.cards.get(over.id);
    if (over.state === "refused") this.drop(over.id); // by this reader, on another page
    else if (card && !card.node.classList.contains("ring-over")) {
      const words = toldStaff(over);
      card.ended(words);
      announce(words);
      this.silence();
    }
    if (this.mine?.id === over.id && over.state !== "answered") this.mine.over(over);
  }

  /** @param {string} id */
  drop(id) {
    const card = this.cards.get(id);
    if (!card) return;
    clearTimeout(card.timer);
    card.notice?.close();
    const had = card.node.contains(document.activeElement);
    card.node.remove();
    this.cards.delete(id);
    this.gone.add(id);
    this.box.hidden = this.cards.size === 0;
    this.silence();
    if (!had) return;
    const back = this.before?.isConnected && this.before !== document.body ? this.before : document.getElementById("main");
    back?.focus();
  }

  get #ringing() {
    return [...this.cards.values()].filter((card) => !card.node.classList.contains("ring-over"));
  }

  #ringOn() {
    if (this.tone) return;
    this.#waitForTurn();
    const turn = () => {
      const [first] = this.#ringing;
      if (!first) return;
      if (document.title.startsWith(TITLED)) document.title = this.title;
      else {
        this.title = document.title; // pages change it themselves
        document.title = TITLED + first.words;
      }
      if (this.aloud && !quiet()) void chime(TONES).catch(() => undefined); // refused before a first touch of the page
    };
    turn();
    this.tone = setInterval(turn, TONE_MS);
  }

  /** Unless something else still rings. */
  silence() {
    if (this.#ringing.length > 0 || !this.tone) return;
    clearInterval(this.tone);
    this.tone = 0;
    this.turn?.abort();
    if (document.title.startsWith(TITLED)) document.title = this.title;
  }

  /** Of several pages that ring one is heard; when it goes, the next. */
  #waitForTurn() {
    const turn = new AbortController();
    this.turn = turn;
    this.aloud = !("locks" in navigator); // an address without TLS has none
    if (this.aloud) return;
    navigator.locks.request(ALOUD, { signal: turn.signal }, () => {
      this.aloud = true;
      return new Promise((done) => {
        if (turn.signal.aborted) done(undefined);
        turn.signal.addEventListener("abort", () => done(undefined));
      });
    }).catch(() => undefined); // given up before its turn came
  }

  hush() {
    keepQuiet(!quiet());
    for (const card of this.cards.values()) card.hush.setAttribute("aria-pressed", quiet() ? "true" : "false");
  }

  /** Where the reader is elsewhere and has allowed it before. @param {Card} card */
  #notify(card) {
    if (!document.hidden || typeof Notification === "undefined" || Notification.permission !== "granted") return;
    try {
      card.notice = new Notification(card.words, { body: card.ring.subject, tag: card.ring.id });
    } catch {
      return; // phones show none for a page
    }
    card.notice.onclick = () => window.focus();
  }

  // --- the visitor ---

  /** The button of a company's page. @param {HTMLElement} button */
  offer(button) {
    button.addEventListener("click", () => {
      if (this.mine === null) this.mine = new Call(this, button);
      void this.mine.open();
    });
    const [company, id] = tab.get(MINE).split(" ");
    if (!id || company !== button.dataset.ringCompany) return;
    this.mine = new Call(this, button);
    void this.mine.back(id);
  }
}

/** How a call ended, for the visitor. @param {Over} over */
function toldVisitor(over) {
  if (over.state === "cancelled") return t("You hung up.");
  switch (over.why) {
    case "nobody": return t("Nobody of the company is online just now.");
    case "busy": return t("Everybody of the company is in a talk just now.");
    case "declined": return t("Nobody of the company can talk just now.");
    case "dropped": return t("Your connection was lost, and the call with it.");
    default: return t("Nobody answered.");
  }
}

/** The visitor's dialog: a subject, ringing, and what came of it. */
class Call {
  /** @param {Bell} bell @param {HTMLElement} button */
  constructor(bell, button) {
    this.bell = bell;
    this.company = button.dataset.ringCompany ?? "";
    this.name = button.dataset.ringName ?? "";
    this.id = "";
    this.until = 0;
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
      this.#ask(this.#refusal(fault));
      this.node.querySelector("input")?.focus();
    }
  }

  /** @param {unknown} fault */
  #refusal(fault) {
    if (!(fault instanceof ApiError)) throw fault;
    if (fault.code === "already_ringing") return t("You are ringing another booth already.");
    if (fault.code === "rate_limited") {
      const minutes = Math.max(1, Math.ceil((fault.problem.retry_after_ms ?? 60_000) / 60_000));
      return tn("You have rung ten times within an hour. You may ring again in {n} minute.", "You have rung ten times within an hour. You may ring again in {n} minutes.", minutes);
    }
    if (fault.status === 422) return t("Use one line of at most 200 characters, without control characters.");
    if (fault.status === 403 || fault.status === 401) return t("You are not signed in any more. Reload the page.");
    return t("That did not work. Please try again.");
  }

  /** @param {{id: string, left_ms: number}} ring */
  #rings(ring) {
    this.id = ring.id;
    tab.set(MINE, `${this.company} ${ring.id}`);
    this.until = performance.now() + ring.left_ms;
    setText(this.title, t("Ringing {company} …", { company: this.name }));
    const left = el("span", { class: "call-left" });
    const bar = el("progress", { class: "call-bar", max: ring.left_ms, value: ring.left_ms, "aria-label": t("Time left") });
    const hang = el("button", { type: "button", class: "btn btn-danger", onclick: () => void this.#hangUp() }, icon("leave"), t("Hang up"));
    this.body.replaceChildren(
      el("p", {}, t("Stay on this page. When somebody takes the call you are both brought into a private room.")),
      bar, el("p", { class: "muted" }, left), el("div", { class: "form-acts" }, hang));
    hang.focus();
    announce(this.title.textContent ?? "");
    let looked = performance.now();
    const turn = () => {
      const now = performance.now();
      const ms = Math.max(0, this.until - now);
      bar.value = ms;
      setText(left, tn("{n} second left", "{n} seconds left", Math.ceil(ms / 1000)));
      if (now - looked < LOOK_MS) return;
      looked = now;
      void this.#look(now - this.until > LOST_MS);
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
      if (data.room) go(data.room);
      else if (data.state !== "ringing") this.over(data);
    } catch {
      if (last && this.id === id) this.over({ id, state: "missed", why: "no_answer", by: null });
    }
  }

  async #hangUp() {
    try {
      const { data } = await call("POST", `/api/v1/rings/${this.id}/cancel`);
      if (data.room) go(data.room); // somebody was quicker
      else this.over(data);
    } catch {
      this.over({ id: this.id, state: "cancelled", why: "hung_up", by: null });
    }
  }

  /** @param {Over} over */
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

export const bell = new Bell();
