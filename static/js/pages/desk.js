/**
 * The capacity desk: every room, the most urgent first, numbers at most two seconds old.
 * This module talks to the API and keeps the acts; views/desk-table.js draws.
 */

import { announce } from "../announce.js";
import { ApiError, call } from "../api.js";
import { byId, el, icon, setText } from "../dom.js";
import { number, t, timeForm, tn } from "../i18n.js";
import { outcomeOf } from "../refusals.js";
import { tab } from "../settings.js";
import { askReason } from "../views/ask.js";
import { PeopleDialog } from "../views/desk-people.js";
import { DeskTable } from "../views/desk-table.js";

/** @typedef {import("../desk-model.js").Row} Row */

const EVERY_MS = 1_000;
const STALE_MS = 5_000;
const TITLES_EVERY_MS = 30_000;
const UNDO_MS = 10_000;
const PAGES_MAX = 50;

export function start() {
  return new Desk().begin();
}

export class Desk {
  constructor() {
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given) {
      tab.set("token.desk", given);
      history.replaceState(null, "", location.pathname + location.search);
    }
    this.token = tab.get("token.desk");
    /** @type {Map<string, Record<string, any>>} what the API told of each room */
    this.rooms = new Map();
    this.titlesAt = -Infinity;
    this.heard = performance.now();
    this.at = "";
    this.busy = false;
    this.table = new DeskTable(this);
    this.people = new PeopleDialog(this);
    this.fresh = el("p", { class: "fresh", "data-state": "live" }, el("span", { class: "dot", "aria-hidden": "true" }), el("span", {}));
    this.totals = el("p", { class: "desk-totals" });
    this.acts = el("ol", { class: "acts", "aria-label": t("Done at this desk") });
    this.undos = el("div", { class: "undos", role: "status" });
    this.wall = el("button", { type: "button", class: "btn btn-small desk-wall", "aria-pressed": "false", onclick: () => void this.#onWall() },
      icon("screen"), t("Wall view"));
    /** @type {WakeLockSentinel|null} */
    this.awake = null;
  }

  async begin() {
    if (!this.token && !byId("main").dataset.signed) {
      this.#signIn();
      return;
    }
    const filter = el("input", { id: "desk-filter", type: "search", autocomplete: "off", oninput: () => this.table.filter(filter.value) });
    byId("desk").replaceChildren(
      el("div", { class: "desk-head" },
        el("div", { class: "field field-inline" }, el("label", { for: "desk-filter" }, t("Find a room")), filter),
        this.totals, this.table.held, this.wall, this.fresh),
      this.table.node, this.undos,
      el("details", { class: "desk-acts" }, el("summary", {}, t("Done at this desk")), this.acts),
      this.people.dialog);
    document.addEventListener("keydown", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (event.key === "Escape" && byId("main").hasAttribute("data-wall")) void this.#onWall();
      if (event.key === "/" && !target.closest("input, textarea, dialog")) {
        event.preventDefault();
        filter.focus();
      }
    });
    await this.look();
    setInterval(() => void this.look(), EVERY_MS);
    document.addEventListener("visibilitychange", () => void this.look());
  }

  /** For a screen on the wall: large, without controls, and the screen stays on. Escape ends it. */
  async #onWall() {
    const on = !byId("main").hasAttribute("data-wall");
    byId("main").toggleAttribute("data-wall", on);
    this.wall.setAttribute("aria-pressed", String(on));
    announce(on ? t("Wall view: press Escape for the controls") : t("Controls are back"));
    await this.awake?.release();
    this.awake = on ? await navigator.wakeLock?.request("screen").catch(() => null) ?? null : null;
  }

  #signIn() {
    byId("desk").replaceChildren(el("div", { class: "note" }, icon("info"), el("div", {},
      el("p", {}, el("strong", {}, t("The desk is for moderators of this fair."))),
      el("p", {}, t("Open the sign-in link you were given; it works once. The organiser finds the first one in the server's start-up text.")),
      el("p", { class: "actions" }, el("a", { class: "btn", href: "/" }, t("See what is on now"))))));
  }

  /** A call with our credential. @param {string} method @param {string} path
   * @param {{body?: unknown, headers?: Record<string, string>}} [options] */
  call(method, path, options = {}) {
    return call(method, `/api/v1${path}`, this.token ? { ...options, token: this.token } : options);
  }

  async look() {
    if (document.hidden || this.busy) return;
    this.busy = true;
    try {
      const board = (await this.call("GET", "/occupancy")).data;
      if (performance.now() - this.titlesAt > TITLES_EVERY_MS) await this.#titles(board.rooms);
// By change, not by clock: the moderator's clock may be wrong.
      if (board.at !== this.at) this.heard = performance.now();
      this.at = board.at;
      this.#show(board);
    } catch (fault) {
      if (fault instanceof ApiError && (fault.status === 401 || fault.status === 403)) this.#shutOut(fault);
    } finally {
      this.busy = false;
    }
    this.#age();
  }

  /** @param {ApiError} fault */
  #shutOut(fault) {
    tab.set("token.desk", "");
    const outcome = outcomeOf(fault.code);
    byId("desk").replaceChildren(el("div", { class: "note note-warn" }, icon("warn"), el("div", {},
      el("p", {}, el("strong", {}, outcome.title)), el("p", {}, outcome.text))));
  }

  /** Titles and rooms nobody has entered yet. A room's moderator may see the one room only.
   * @param {{room: string}[]} rows */
  async #titles(rows) {
    this.titlesAt = performance.now();
    try {
      let cursor = "";
      for (let page = 0; page < PAGES_MAX; page += 1) {
        const { data } = await this.call("GET", `/rooms?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
        for (const room of data.items) this.rooms.set(room.slug, room);
        if (data.next === null) return;
        cursor = data.next;
      }
    } catch (fault) {
      if (!(fault instanceof ApiError) || fault.status !== 403) throw fault;
      for (const { room } of rows) this.rooms.set(room, (await this.call("GET", `/rooms/${room}`)).data);
    }
  }

  /** @param {{totals: Record<string, number>, rooms: Record<string, any>[]}} board */
  #show(board) {
    const known = new Map(board.rooms.map((row) => [row.room, row]));
    /** @type {Row[]} */
    const rows = [];
    for (const [slug, room] of this.rooms) {
      if (!known.has(slug)) {
        rows.push(/** @type {any} */ ({ ...room, room: slug, hands: 0, oldest_wait_ms: null, privileged: 0 }));
      }
    }
    for (const row of known.values()) {
      rows.push(/** @type {any} */ ({ ...row, title: this.rooms.get(row.room)?.title ?? row.room,
        stage_capacity: this.rooms.get(row.room)?.stage_capacity ?? null }));
    }
    const inside = rows.reduce((sum, row) => sum + row.live + row.held, 0);
    const waiting = rows.reduce((sum, row) => sum + row.waiting, 0);
    setText(this.totals, [
      tn("{n} room", "{n} rooms", rows.length), tn("{n} person inside", "{n} people inside", inside),
      tn("{n} person waiting", "{n} people waiting", waiting)].join(" · "));
    this.table.show(rows);
  }

  #age() {
    const age = performance.now() - this.heard;
    const stale = age > STALE_MS;
    this.fresh.dataset.state = stale ? "stale" : "live";
    this.table.node.toggleAttribute("data-stale", stale);
    const seconds = Math.max(0, Math.round(age / 1000));
    setText(/** @type {Element} */ (this.fresh.lastElementChild), stale ? t("Stale: {n} s old", { n: seconds }) : t("Live · {n} s ago", { n: seconds }));
  }

  // --- acts ---

  /** The room as configured now, with its ETag. @param {string} slug */
  async read(slug) {
    return this.call("GET", `/rooms/${slug}`);
  }

  /**
   * Change a room, unless somebody else did meanwhile.
   * @param {string} slug @param {Record<string, unknown>} change @param {string} etag
   * @returns {Promise<"done"|"conflict"|"failed">}
   */
  async change(slug, change, etag, undo = true) {
    let before;
    try {
      before = (await this.read(slug)).data;
      const answer = await this.call("PATCH", `/rooms/${slug}`, { body: change, headers: { "If-Match": etag } });
      this.rooms.set(slug, answer.data);
      const text = this.#describe(slug, before, answer.data);
      this.log(text);
      if (undo) this.#offerUndo(text, slug, before, Object.keys(change), answer.etag);
      void this.look();
      return "done";
    } catch (fault) {
      if (fault instanceof ApiError && fault.status === 412) return "conflict";
      this.fail(fault, slug);
      return "failed";
    }
  }

  /** @param {string} slug @param {Record<string, any>} before @param {Record<string, any>} after */
  #describe(slug, before, after) {
    const title = after.title ?? slug;
    if (before.capacity !== after.capacity) return t("{room}: {a} → {b} seats", { room: title, a: number(before.capacity), b: number(after.capacity) });
    if (before.reserved !== after.reserved) return t("{room}: {a} → {b} reserved", { room: title, a: number(before.reserved), b: number(after.reserved) });
    if (before.locked !== after.locked) return after.locked ? t("{room}: locked", { room: title }) : t("{room}: unlocked", { room: title });
    return t("{room}: unchanged", { room: title });
  }

  /** @param {string} text @param {string} slug @param {Record<string, any>} before @param {string[]} fields @param {string} etag */
  #offerUndo(text, slug, before, fields, etag) {
    const back = Object.fromEntries(fields.map((field) => [field, before[field]]));
    const left = el("span", { class: "num", "aria-hidden": "true" });
    const node = el("div", { class: "undo" }, el("span", {}, text),
      el("button", { type: "button", class: "btn btn-small", onclick: async () => {
        done();
        if (await this.change(slug, back, etag, false) === "conflict") this.fail(null, slug);
      } }, icon("undo"), t("Undo"), left));
    const until = performance.now() + UNDO_MS;
    const done = () => {
      clearInterval(timer);
      node.remove();
    };
    const timer = setInterval(() => {
      const s = Math.ceil((until - performance.now()) / 1000);
      if (s <= 0) done();
      else setText(left, String(s));
    }, 250);
    this.undos.prepend(node);
    while (this.undos.children.length > 3) this.undos.lastElementChild?.remove();
  }

  /** @param {string} text */
  log(text) {
    announce(text);
    this.acts.prepend(el("li", {}, el("time", {}, timeForm({ timeStyle: "medium" }).format(new Date())), " ", text));
    while (this.acts.children.length > 100) this.acts.lastElementChild?.remove();
  }

  /** @param {unknown} fault @param {string} slug */
  fail(fault, slug) {
    const title = this.rooms.get(slug)?.title ?? slug;
    const text = fault === null
      ? t("Somebody else changed it meanwhile. Nothing was undone.")
      : outcomeOf(fault instanceof ApiError ? fault.code : "no_answer").text;
    this.log(`${title}: ${text}`);
    const node = el("div", { class: "undo undo-fault" }, icon("warn"), el("span", {}, `${title}: ${text}`),
      el("button", { type: "button", class: "btn btn-small", onclick: () => node.remove() }, t("Dismiss")));
    this.undos.prepend(node);
  }

  /** @param {Row} row */
  async lock(row) {
    const etag = (await this.read(row.room).catch((fault) => { this.fail(fault, row.room); return null; }))?.etag;
    if (!etag) return;
    let message = null;
    if (!row.locked) {
      message = await askReason(t("Lock {room}?", { room: row.title }), t("Nobody else can enter; those inside stay. Moderators and hosts can still go in."),
        { label: t("Words for those at the door (may be empty)"), confirm: t("Lock the room") });
      if (message === null) return;
    }
    const change = row.locked ? { locked: false } : { locked: true, lock_message: message || null };
    if (await this.change(row.room, change, etag) === "conflict") this.fail(null, row.room);
  }
}
