/**
 * A talk: the entrance, the door one is let in by, the talk, and every way out. The connection is
 * the room page's; what is shown is the talk's own.
 */

import { alertNow } from "../announce.js";
import { byId, el, icon } from "../dom.js";
import { t } from "../i18n.js";
import { outcomeOf, wayText } from "../refusals.js";
import { tab } from "../settings.js";
import { endingOf } from "../talk/endings.js";
import { TalkEntrance } from "../talk/entrance.js";
import { TalkLive } from "../talk/live.js";
import { onKey } from "../talk/media.js";
import { channelPoints, initial, reduce } from "../talk/state.js";
import { AtTheDoor } from "../talk/waiting.js";
import { RoomPage } from "./room.js";

/** @typedef {import("../messages.js").Message} Message */
/** @typedef {import("../state.js").RoomState} RoomState */
/** @typedef {import("../talk/state.js").TalkState} TalkState */
/** @typedef {{subject: string, agenda: string, mode: string|null, side: string, host: boolean, company: string|null,
 *   relay_only: boolean, knocks: boolean, over: boolean, ended_why: string|null, starts_at: string,
 *   ends_at: string|null, opens_at: string|null}} Talk */

export function start() {
  new NegotiationPage().begin();
}

export class NegotiationPage extends RoomPage {
  constructor() {
    super();
    const given = byId("main").dataset.talk;
    /** @type {Talk|null} */
    this.talk = given ? JSON.parse(given) : null;
    /** Whether we stood at the door when it ended. */
    this.waited = false;
  }

  /** @override */
  begin() {
    if (this.talk?.over || (this.talk === null && !this.token)) return; // the page says it already
    this.open();
    // Moved here with everybody: straight in, as one was.
    if (!tab.get(`inside.${this.slug}`) && tab.get(`moved.${this.slug}`)) {
      tab.set(`moved.${this.slug}`, "");
      void this.enter();
    }
  }

  /** @override @returns {TalkState} */
  initial() {
    return initial();
  }

  /** @override @param {RoomState} state @param {Message} message */
  reduce(state, message) {
    const before = /** @type {TalkState} */ (state);
    const next = reduce(before, message);
    if (next.phase === "waiting" || next.phase === "inside") this.waited = next.phase === "waiting";
    return next;
  }

  /** @override */
  makeLobby() {
    return new TalkEntrance(this);
  }

  /** @override */
  makeWaiting() {
    return new AtTheDoor(this);
  }

  /** @override */
  makeLive() {
    return new TalkLive(this, this.state);
  }

  /** @override */
  points() {
    return super.points().map((point) => ({ ...point, channels: channelPoints(/** @type {TalkState} */ (this.state)) }));
  }

  /** @override @param {string} code @param {Message|null} detail */
  showEnd(code, detail) {
    const own = endingOf(code, detail, { waited: this.waited, member: this.talk !== null });
    const { title, text, icon: sign, ways } = own ?? outcomeOf(code, detail ?? { type: "refused", code });
    const heading = el("h1", { tabindex: "-1" }, title);
    byId("outcome").replaceChildren(
      icon(sign, "icon-xl outcome-icon"), heading, el("p", { class: "lede" }, text),
      el("div", { class: "actions" }, ...ways.map((way, index) => this.#way(way, index === 0 ? "btn btn-primary" : "btn"))));
    byId("outcome").dataset.code = code;
    heading.focus();
    alertNow(`${title}. ${text}`);
  }

  /** @param {string} way @param {string} cls @returns {HTMLElement} */
  #way(way, cls) {
    if (way === "result") return el("a", { class: cls, href: `/negotiations/${this.slug}/result` }, t("Record the result"));
    return el("button", { type: "button", class: cls, onclick: () => this.take(/** @type {import("../refusals.js").Way} */ (way)) },
      way === "lobby" ? t("Back to the entrance") : wayText(/** @type {import("../refusals.js").Way} */ (way)));
  }

  /** Go on in another room, as one is. @param {string} room */
  async goTo(room) {
    tab.set(`moved.${room}`, "1");
    tab.set(onKey(room), tab.get(onKey(this.slug)));
    await this.ask("leave").catch(() => undefined);
    tab.set(`inside.${this.slug}`, "");
    location.assign(`/negotiations/${encodeURIComponent(room)}`);
  }
}
