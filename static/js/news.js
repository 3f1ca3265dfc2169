/**
 * News of the fair on every page: announcements and reminders, over one WebSocket.
 *
 * Nothing is shown when there is nothing. What was dismissed stays so on this device. A page
 * in the background for five minutes lets its socket go and asks again when it is looked at.
 */

import { announce } from "./announce.js";
import { call } from "./api.js";
import { delay } from "./backoff.js";
import { el, icon } from "./dom.js";
import { clock, loadTexts, t } from "./i18n.js";
import { Kept } from "./news-model.js";
import { bell } from "./ring/bell.js";

const HIDDEN_MS = 5 * 60_000;
/** The server sends something at least every minute. */
const SILENT_MS = 150_000;
const FIRST_LOOK_MS = 1_500;
const DISMISSED = "pavilion.news.dismissed";
const DISMISSED_MAX = 100;
const SHOWN_MAX = 3;
const REPLACED = 4502;

/** @returns {string[]} */
function dismissed() {
  try {
    const kept = JSON.parse(localStorage.getItem(DISMISSED) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
  } catch {
    return []; // storage is off, or holds something else
  }
}

/** @param {string} id */
function dismiss(id) {
  try {
    localStorage.setItem(DISMISSED, JSON.stringify([...dismissed(), id].slice(-DISMISSED_MAX)));
  } catch {
    // Remembered for this page only.
  }
}

/** @type {Record<string, string>} */
const ICONS = { reminder: "clock", invited: "door", call: "phone", appointment: "calendar" };

/** @param {import("./news-model.js").Item} item */
function wordsOf(item) {
  const { text, party } = item;
  const time = item.starts ? clock(item.starts) : "";
  switch (item.kind) {
    case "reminder": return t("“{title}” begins at {time}.", { title: text, time });
    case "call": return t("Your call was taken.");
    case "invited": return t("{name} asks you to join a talk: “{subject}”.", { name: party, subject: text });
    case "appointment": return appointment(item, time);
    default: return text;
  }
}

/** @param {import("./news-model.js").Item} item @param {string} time */
function appointment({ text: subject, party: name, state }, time) {
  const said = { name, subject, time };
  switch (state) {
    case "reminder": return t("Your meeting with {name}, “{subject}”, begins at {time}.", said);
    case "pending": return t("{name} asks for a meeting: “{subject}”.", said);
    case "countered": return t("{name} proposes another time for “{subject}”.", said);
    case "confirmed": return t("The meeting with {name} is agreed: “{subject}”, {time}.", said);
    case "declined": return t("{name} cannot take the meeting “{subject}”.", said);
    case "cancelled": return t("The meeting with {name} was called off: “{subject}”.", said);
    case "lapsed": return t("The request for “{subject}” was not answered in time.", said);
    default: return t("There is news of the meeting “{subject}” with {name}.", said);
  }
}

/** @param {import("./news-model.js").Item} item */
function linkOf(item) {
  if (item.kind === "reminder") return t("To the room");
  return item.kind === "appointment" ? t("Open") : t("Enter the talk");
}

class News {
  /** @param {boolean} texts whether the page has loaded its texts */
  constructor(texts) {
    /** @type {Promise<void>|null} */
    this.texts = texts ? Promise.resolve() : null; // fetched only when there is something to say
    this.kept = new Kept(document.documentElement.lang || "en", dismissed());
    this.attempt = 0;
    this.floor = 0;
    /** @type {WebSocket|null} */
    this.socket = null;
    this.heard = 0;
    this.timer = 0;
    this.hiding = 0;
    this.over = false; // told not to come back, until the page is looked at again
    this.box = el("section", { class: "news", hidden: true });
    /** @type {Map<string, HTMLElement>} */
    this.cards = new Map();
  }

  start() {
    const main = document.getElementById("main");
    if (document.body.dataset.page === "room" || main === null) document.body.append(this.box);
    else document.querySelector(".top")?.after(this.box);
    document.addEventListener("visibilitychange", () => this.looked());
    window.addEventListener("online", () => this.soon(0));
    window.addEventListener("pagehide", () => this.socket?.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.soon(0));
    setInterval(() => this.tick(), 15_000);
    this.soon(FIRST_LOOK_MS * Math.random());
  }

  looked() {
    clearTimeout(this.hiding);
    if (document.hidden) {
      this.hiding = setTimeout(() => this.socket?.close(), HIDDEN_MS);
    } else {
      this.over = false;
      this.attempt = 0;
      this.soon(0);
    }
  }

  /** @param {number} ms */
  soon(ms) {
    if (this.timer || this.socket !== null || this.over) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      if (!document.hidden || this.heard === 0) this.open();
    }, ms);
  }

  tick() {
    if (this.socket?.readyState === WebSocket.OPEN && performance.now() - this.heard > SILENT_MS) {
      this.socket.close();
      this.ended(0);
    }
    if (this.kept.expire(Date.now())) this.draw();
  }

  async open() {
    if (this.socket !== null) return;
    const url = new URL("/news", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, "pavilion.news.v1");
    this.socket = socket;
    this.heard = performance.now();
    socket.onopen = () => this.greet(socket);
    socket.onmessage = (event) => this.take(JSON.parse(event.data));
    socket.onclose = (event) => {
      if (this.socket === socket) this.ended(event.code);
    };
  }

  /** Who is signed in hears what is for them. @param {WebSocket} socket */
  async greet(socket) {
    if (!document.documentElement.dataset.csrf) return;
    try {
      const { data } = await call("POST", "/api/v1/tickets");
      socket.send(JSON.stringify({ type: "hello", id: 1, ticket: data.ticket }));
    } catch {
      // What is for everybody still comes; the next connection asks again.
    }
  }

  /** @param {number} code */
  ended(code) {
    this.socket = null;
    this.over = code >= 4500;
    if (code === REPLACED || document.hidden) return; // looked() comes back
    this.soon(delay(this.attempt++, Math.random(), this.floor) + 1_000 * Math.random());
    this.floor = 0;
  }

  /** @param {any[]} messages */
  take(messages) {
    this.heard = performance.now();
    if (messages.length === 0) return;
    let changed = false;
    for (const message of messages) {
      if (message.type === "bye") this.floor = message.retry_after_ms ?? 0;
      else if (!bell.take(message)) {
        this.attempt = 0;
        changed = this.kept.take(message, Date.now()) || changed;
      }
    }
    if (changed) this.draw();
  }

  async draw() {
    this.texts ??= loadTexts();
    await this.texts;
    this.box.setAttribute("aria-label", t("News"));
    const shown = this.kept.shown().slice(-SHOWN_MAX);
    const ids = new Set(shown.map((item) => item.id));
    for (const [id, card] of this.cards) {
      if (!ids.has(id)) {
        card.remove();
        this.cards.delete(id);
      }
    }
    for (const item of shown) {
      if (this.cards.has(item.id)) continue;
      const card = this.card(item);
      this.cards.set(item.id, card);
      this.box.append(card);
      announce(card.querySelector(".news-text")?.textContent ?? "");
    }
    this.box.hidden = this.cards.size === 0;
  }

  /** @param {import("./news-model.js").Item} item */
  card(item) {
    const words = wordsOf(item);
    const close = el(
      "button",
      { type: "button", class: "news-close", "aria-label": t("Dismiss"), onclick: () => this.dismissed(item.id) },
      icon("close"),
    );
    return el(
      "div",
      { class: `news-item${item.starts ? " news-soon" : ""}` },
      icon(ICONS[item.kind] ?? "megaphone"),
      el("p", { class: "news-text", lang: item.kind === "announcement" ? item.lang : null }, words),
      item.href && location.pathname !== item.href
        ? el("a", { class: "btn btn-small", href: item.href }, linkOf(item))
        : null,
      close,
    );
  }

  /** @param {string} id */
  async dismissed(id) {
    dismiss(id);
    this.kept.dismiss(id);
    const card = this.cards.get(id);
    const had = card?.contains(document.activeElement);
    await this.draw();
    if (had) {
      const next = /** @type {HTMLElement|null} */ (this.box.querySelector("button") ?? document.getElementById("main"));
      next?.focus();
    }
  }
}

/** @param {boolean} texts whether the page has loaded its texts */
export function startNews(texts) {
  new News(texts).start();
}
