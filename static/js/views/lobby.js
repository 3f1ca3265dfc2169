/** The entrance: the room's state, who you are, and an optional look at your devices. */

import { call } from "../api.js";
import { byId, el, icon, setText, statusBadge } from "../dom.js";
import { number, t, tn } from "../i18n.js";
import { save, settings } from "../settings.js";
import { fairClock, fairTime, ownTime } from "../times.js";
import { statusWord } from "../words.js";
import { Entrance, count, opensIn } from "./entrance.js";

const EVERY_MS = 2_000;

export class Lobby extends Entrance {
  /** @param {import("../pages/room.js").RoomPage} page */
  constructor(page) {
    super(page, EVERY_MS);
    this.page = page;
    this.noticeKey = "";
    this.programmeKey = "";
  }

  /** @override */
  wire() {
    super.wire();
    /** @type {HTMLInputElement} */ (byId("name")).value = settings.name;
  }

  /** @override */
  who() {
    const { me, now } = this.page;
    byId("name-field").hidden = me !== null || now?.guests !== true;
    super.who();
  }

  /** @override */
  hint() {
    return this.page.me?.role === "host" ? t("You are a host: you are on stage from the start. Camera and microphone are as you set them here.") : "";
  }

  /** @override */
  async look() {
    if (document.hidden || byId("lobby").hidden) return;
    try {
      this.page.now = (await call("GET", `/rooms/${this.page.slug}/now.json`)).data;
    } catch {
      return; // private room, or no network: what is shown stays, the next look tries again
    }
    this.draw();
  }

  /** @override */
  draw() {
    const now = this.page.now;
    if (now === null) return;
    byId("lobby-state").replaceChildren(
      statusBadge(now.status, statusWord(now.status)),
      el("span", { class: "room-count" }, el("b", {}, now.inside === null ? "–" : number(now.inside)),
        ` / ${number(now.capacity)} `, t("seats taken")));
    const closed = now.status === "closed" || now.status === "scheduled";
    const blocked = closed && !this.#privileged();
    const enter = byId("enter");
    enter.toggleAttribute("aria-disabled", false);
    enter.setAttribute("aria-disabled", String(now.status === "closed" || blocked));
    setText(enter, now.status === "full" && now.waitlist && !this.#privileged() ? t("Join the line") : t("Enter"));
    this.#programme();
    this.#notice();
  }

  /** What is on here, or comes next; rebuilt only when it says something else. */
  #programme() {
    const now = this.page.now;
    const place = document.getElementById("lobby-programme");
    if (now === null || place === null) return;
    const key = JSON.stringify([now.on, now.next]);
    if (key === this.programmeKey) return;
    this.programmeKey = key;
    const told = /** @type {[string, import("../pages/room.js").Talk|null|undefined][]} */ ([[t("On now"), now.on], [t("Next"), now.next]]);
    place.replaceChildren(...told.flatMap(([word, talk]) => (talk ? [talkLine(word, talk)] : [])));
  }

  #privileged() {
    const role = this.page.me?.role;
    return role !== undefined && role !== "participant";
  }

  /** The room's state in a sentence; rebuilt only when it says something else. */
  #notice() {
    const now = this.page.now;
    if (now === null) return;
    const place = byId("lobby-notice");
    const key = `${now.status}|${now.waiting}|${now.lock_message}|${now.opens_at}|${this.page.me?.id}`;
    if (key !== this.noticeKey) {
      this.noticeKey = key;
      place.replaceChildren(...this.#noticeOf(now));
    }
    if (now.opens_at) count(Date.parse(now.opens_at) - Date.now());
  }

  /** @param {NonNullable<import("../pages/room.js").RoomPage["now"]>} now @returns {Node[]} */
  #noticeOf(now) {
    const box = (/** @type {string} */ kind, /** @type {string} */ sign, /** @type {(Node|string)[]} */ ...inside) =>
      [el("div", { class: `note ${kind}` }, icon(sign), el("div", {}, ...inside))];
    if (now.status === "full") {
      const waits = now.waiting ? tn("{n} person waits.", "{n} people wait.", now.waiting) : t("Nobody is waiting yet.");
      return box("note-warn", "st-full", el("strong", {}, t("All seats are taken.")), " ", waits, " ",
        now.waitlist ? t("Join the line and you enter by yourself when a seat is free.") : t("This room keeps no line; try again later."));
    }
    if (now.status === "locked") {
      return box("", "lock", el("strong", {}, t("The doors are closed just now.")), " ",
        el("span", { lang: "" }, now.lock_message ?? t("The host lets nobody else in at the moment.")));
    }
    if (now.status === "scheduled" && now.opens_at) {
      return box("", "clock", ...opensIn(now.opens_at));
    }
    if (now.status === "closed") return box("", "st-closed", t("The talk is over. Other rooms may be on now."), " ", el("a", { href: "/" }, t("See what is on now")));
    if (this.page.me === null && !now.guests) {
      return box("", "info", el("strong", {}, t("This room is for invited people.")), " ", t("Open the whole link you were sent; it carries your name and seat."));
    }
    return [];
  }

  /** The name typed, or null after saying that one is needed. @returns {string|null} */
  guestName() {
    const input = /** @type {HTMLInputElement} */ (byId("name"));
    const name = input.value.trim();
    if (byId("name-field").hidden) {
      this.page.refused("unauthorised", null);
      return null;
    }
    if (name.length === 0) {
      this.nameFault();
      return null;
    }
    this.#clearNameFault();
    save({ name });
    return name;
  }

  nameFault() {
    const input = /** @type {HTMLInputElement} */ (byId("name"));
    const fault = byId("name-fault");
    this.page.show("lobby");
    this.busy(false);
    input.setAttribute("aria-invalid", "true");
    fault.hidden = false;
    fault.replaceChildren(icon("warn"), el("span", {}, t("Type a name of 1 to 64 letters, without invisible characters.")));
    input.focus();
  }

  #clearNameFault() {
    byId("name").removeAttribute("aria-invalid");
    byId("name-fault").hidden = true;
  }
}

/** A talk of the programme: title, speakers, times in both zones.
 * @param {string} word @param {import("../pages/room.js").Talk} talk */
function talkLine(word, talk) {
  const [from, to] = [new Date(talk.starts_at), new Date(talk.ends_at)];
  const own = ownTime(from);
  return el("div", { class: "lobby-talk" },
    el("p", { class: "lobby-talk-when" }, el("b", {}, word), " ",
      el("time", { datetime: talk.starts_at }, fairTime(from)), "–",
      el("time", { datetime: talk.ends_at }, fairClock(to)), " ", t("at the fair"),
      own && el("span", { class: "muted" }, " · ", t("{time} your time", { time: own }))),
    el("p", {}, el("a", { href: `/programme/${talk.slug}`, lang: talk.lang }, talk.title)),
    talk.speakers.length > 0 && el("p", { class: "muted", lang: "" }, talk.speakers.join(" · ")));
}
