/**
 * A room: the entrance, the line, the room, and every way out. This module owns the connection
 * and decides which view is shown; views draw and call back.
 */

import { announce } from "../announce.js";
import { ApiError, call } from "../api.js";
import { byId } from "../dom.js";
import { chime } from "../devices.js";
import { t, tn } from "../i18n.js";
import { settings, tab } from "../settings.js";
import { LiveSocket, Refused } from "../socket.js";
import { initial, reduce } from "../state.js";
import { Banner } from "../views/banner.js";
import { Lobby } from "../views/lobby.js";
import { Live } from "../views/live.js";
import { showOutcome } from "../views/outcome.js";
import { Waiting } from "../views/waiting.js";

/** @typedef {import("../messages.js").Message} Message */
/** @typedef {import("../refusals.js").Way} Way */
/** @typedef {{id: string, name: string, role: string, company?: string|null}} Me */
/** @typedef {import("../state.js").RoomState} RoomState */
/** @typedef {{busy: (on: boolean) => void, start: () => void, pause: () => void, checked: boolean,
 *   guestName: () => string|null, nameFault: () => void}} Entrance */
/** @typedef {{open: () => void, draw: (state: RoomState) => void, close: () => void}} Line */
/** @typedef {{heard: (message: Message) => void, draw: (state: RoomState, before: RoomState) => void,
 *   back: () => void, dim: (on: boolean) => void, close: () => void}} Inside */
/** @typedef {{slug: string, title: string, lang: string, speakers: string[], starts_at: string, ends_at: string}} Talk */
/** @typedef {{slug: string, title: string, status: string, inside: number|null, waiting: number|null,
 *   on?: Talk|null, next?: Talk|null, capacity: number, lock_message: string|null, guests: boolean, waitlist: boolean,
 *   opens_at: string|null, closes_at: string|null}} RoomNow */

export function start() {
  new RoomPage().begin();
}

export class RoomPage {
  constructor() {
    const data = byId("main").dataset;
    this.slug = data.slug ?? "";
    /** @type {RoomNow|null} */
    this.now = data.room ? JSON.parse(data.room) : null;
    /** @type {Me|null} */
    this.me = data.me ? JSON.parse(data.me) : null;
    this.token = tokenFromAddress(this.slug);
    this.state = this.initial();
    /** @type {LiveSocket|null} */
    this.socket = null;
    this.baseTitle = document.title;
    this.lobby = this.makeLobby();
    this.waiting = this.makeWaiting();
    /** @type {Inside|null} */
    this.live = null;
    this.banner = new Banner(this);
    this.wait = true;
  }

  // --- what another kind of room does its own way ---

  initial() {
    return initial();
  }

  /** @param {import("../state.js").RoomState} state @param {Message} message */
  reduce(state, message) {
    return reduce(state, message);
  }

  /** @returns {Entrance} */
  makeLobby() {
    return new Lobby(this);
  }

  /** @returns {Line} */
  makeWaiting() {
    return new Waiting(this);
  }

  /** @returns {Inside} */
  makeLive() {
    return new Live(this, this.state);
  }

  /** The page of an ending or refusal. @param {string} code @param {Message|null} detail */
  showEnd(code, detail) {
    showOutcome(this, code, detail);
  }

  /** Where we are, for a resume. @returns {import("../socket.js").ResumePoint[]} */
  points() {
    const { phase, epoch, seq } = this.state;
    const here = phase === "inside" || phase === "waiting" || phase === "offered";
    return here ? [{ room: this.slug, epoch, seq }] : [];
  }

  begin() {
    // Without room or token the page already says that there is no such room.
    if (this.now !== null || this.token) this.open();
  }

  open() {
    if (this.token) this.me = meOf(this.token);
    this.show("lobby");
    this.lobby.start();
    // A reload: the seat is still ours, so go straight back to it.
    if (tab.get(`inside.${this.slug}`)) void this.enter();
  }

  /** @param {"lobby"|"outcome"|"live"} name */
  show(name) {
    for (const id of ["lobby", "outcome", "live"]) byId(id).hidden = id !== name;
    document.body.dataset.surface = name === "live" && this.state.phase === "inside" ? "stage" : "public";
    document.body.dataset.view = name;
    if (name !== "lobby") this.lobby.pause();
  }

  /** Take a seat or a place in line. @param {{wait?: boolean}} [options] */
  async enter(options = {}) {
    this.wait = options.wait ?? true;
    if (!(await this.#known())) return;
    this.socket?.stop();
    this.state = this.initial();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new LiveSocket(`${scheme}://${location.host}/live`, {
      credentials: () => this.#credentials(),
      points: () => this.points(),
      welcome: (welcome, resumed) => this.#welcomed(welcome, resumed),
      frame: (frame) => this.#frame(frame),
      lost: (attempt, wait_ms) => this.#lost(attempt, wait_ms),
      ended: (code, bye) => this.#ended(code, bye),
    });
    this.socket = socket;
    this.lobby.busy(true);
    socket.connect();
  }

  /** Whether we can say who we are; a guest is made when the room allows it. */
  async #known() {
    if (this.token || this.me) return true;
    const name = this.lobby.guestName();
    if (name === null) return false;
    try {
      const answer = await call("POST", `/api/v1/rooms/${this.slug}/guest`, { body: { name } });
      const guest = answer.data.participant ?? answer.data;
      this.me = { id: guest.id, name: guest.name, role: guest.role ?? "participant" };
      return true;
    } catch (fault) {
      if (fault instanceof ApiError && fault.status === 422) this.lobby.nameFault();
      else this.refused(fault instanceof ApiError ? fault.code : "no_answer", null);
      return false;
    }
  }

  /** @returns {Promise<{token: string} | {ticket: string}>} */
  async #credentials() {
    if (this.token) return { token: this.token };
    try {
      const answer = await call("POST", "/api/v1/tickets", { body: {} });
      return { ticket: answer.data.ticket };
    } catch (fault) {
      const code = fault instanceof ApiError && fault.status !== 0 ? fault.code : "no_answer";
      throw new Refused({ type: "error", code });
    }
  }

  /** @param {Message} welcome @param {boolean} resumed */
  #welcomed(welcome, resumed) {
    this.me = welcome.participant;
    this.banner.hide();
    if (!resumed) this.#ask("enter", { wait: this.wait });
  }

  /** A question whose failure is shown like any other refusal. @param {string} type @param {object} fields */
  #ask(type, fields) {
    this.ask(type, { ...fields }).catch((/** @type {Refused} */ fault) => {
      // `refused` messages reach the reducer by themselves; a lost line comes back by itself.
      if (fault.detail.type === "error" && fault.code !== "no_answer") this.refused(fault.code, fault.detail);
    });
  }

  /** Ask the server about this room. @param {string} type @param {Record<string, unknown>} fields
   * @returns {Promise<Message>} */
  ask(type, fields = {}) {
    if (this.socket === null) return Promise.reject(new Refused({ type: "error", code: "no_answer" }));
    return this.socket.ask(type, { room: this.slug, ...fields });
  }

  /** @param {Message[]} frame */
  #frame(frame) {
    const before = this.state;
    for (const message of frame) {
      if (message.room !== undefined && message.room !== this.slug) continue;
      if (message.type === "entered") this.#roleHere(message);
      this.state = this.reduce(this.state, message);
      this.live?.heard(message);
    }
    if (this.state.gap && !before.gap) {
      this.#ask("enter", { wait: false }); // answers with a fresh snapshot of the seat we hold
    }
    this.#draw(before);
  }

  /** By the programme one may be more in this room than in the fair: the roster says it.
   * @param {Message} entered */
  #roleHere(entered) {
    const items = /** @type {Me[]} */ (entered.snapshot?.roster?.items ?? []);
    const self = items.find((person) => person.id === this.me?.id);
    if (this.me && self) this.me = { ...this.me, role: self.role };
  }

  /** @param {import("../state.js").RoomState} before */
  #draw(before) {
    const { phase } = this.state;
    if (phase !== before.phase) this.#phase(phase, before.phase);
    if (phase === "waiting") this.waiting.draw(this.state);
    if (phase === "inside") this.live?.draw(this.state, before);
  }

  /** @param {string} phase @param {string} before */
  #phase(phase, before) {
    tab.set(`inside.${this.slug}`, phase === "inside" || phase === "waiting" || phase === "offered" ? "1" : "");
    if (phase === "inside") {
      if (before === "waiting" || before === "offered") this.#admitted();
      this.show("live");
      if (this.live) this.live.back();
      else this.live = this.makeLive();
      document.title = this.baseTitle;
    } else if (phase === "waiting") {
      this.show("outcome");
      this.waiting.open();
    } else if (phase === "offered") {
      this.#ask("enter", { wait: true }); // we are here: take the seat that is kept for us
    } else if (phase === "refused") {
      const refusal = this.state.refusal;
      this.refused(refusal?.code ?? "no_answer", refusal);
    }
  }

  /** The turn has come. */
  #admitted() {
    announce(t("You are in."));
    if (settings.sounds) void chime([523, 659, 784]).catch(() => undefined);
    if (document.hidden) {
      const said = t("You are in.");
      document.title = `● ${said} ${this.baseTitle}`;
      document.addEventListener("visibilitychange", () => {
        document.title = this.baseTitle;
      }, { once: true });
    }
  }

  /** A refusal ends the try: show it with its way on. @param {string} code @param {Message|null} detail */
  refused(code, detail) {
    this.#over();
    this.show("outcome");
    this.showEnd(code, detail);
  }

  /** @param {number} attempt @param {number} wait_ms */
  #lost(attempt, wait_ms) {
    if (this.state.phase === "outside" || this.state.phase === "refused") {
      // Nothing to keep yet: after a few tries say so instead of turning for ever.
      if (attempt > 3) this.refused("no_answer", null);
      return;
    }
    this.banner.show(attempt, wait_ms);
    this.live?.dim(true);
  }

  /** @param {number} _code @param {Message|null} bye */
  #ended(_code, bye) {
    this.refused(bye?.code ?? "no_answer", bye ? { ...bye, reason: reasonOf(bye) } : null);
  }

  #over() {
    this.socket?.stop();
    this.socket = null;
    this.live?.close();
    this.live = null;
    this.waiting.close();
    this.banner.hide();
    this.lobby.busy(false);
    this.state = this.initial();
    tab.set(`inside.${this.slug}`, "");
    document.title = this.baseTitle;
  }

  /** Leave the room or the line, by choice. */
  async leave() {
    const waited = this.state.phase === "waiting";
    await this.ask("leave").catch(() => undefined); // gone anyway: the seat lapses by itself
    this.#over();
    this.show("outcome");
    this.showEnd(waited ? "left_line" : "left", null);
  }

  /** @param {Way} way */
  take(way) {
    if (way === "home") location.assign("/");
    else if (way === "reload") location.reload();
    else if (way === "lobby") this.toLobby();
    else {
      this.show("lobby");
      void this.enter();
    }
  }

  toLobby() {
    this.show("lobby");
    this.lobby.start();
    byId("enter").focus();
  }

  /** How many wait, in words. @param {number} n */
  waitingText(n) {
    return tn("{n} person waiting", "{n} people waiting", n);
  }
}

/** The server's own words for a code are not for people; a moderator's are. @param {Message} bye */
function reasonOf(bye) {
  return bye.reason && bye.reason !== bye.code ? bye.reason : "";
}

/** The token of a link: taken from the fragment, kept for this tab, removed from the address.
 * @param {string} slug */
function tokenFromAddress(slug) {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    tab.set(`token.${slug}`, given);
    history.replaceState(null, "", location.pathname + location.search);
    return given;
  }
  return tab.get(`token.${slug}`);
}

/** Who a token is for, to greet by name; the server alone decides. @param {string} token @returns {Me|null} */
function meOf(token) {
  try {
    const body = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return { id: String(claims.sub), name: String(claims.name), role: String(claims.role) };
  } catch {
    return null;
  }
}
