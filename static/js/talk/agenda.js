/** This talk: what it is about, how long it goes on, and, for the host side, how it goes on or ends. */

import { alertNow, announce } from "../announce.js";
import { ApiError, call } from "../api.js";
import { el, icon, setText } from "../dom.js";
import { clock, span, t, tn } from "../i18n.js";
import { fairTime, ownTime } from "../times.js";
import { timer } from "./state.js";

/** @typedef {import("./state.js").TalkState} TalkState */
/** @typedef {import("../state.js").RoomState} RoomState */

const MINUTE_MS = 60_000;
const MORE_MIN = 15;

/** When it is to end: at the fair, and by the reader's clock where it says otherwise. @param {Date} end */
function planned(end) {
  const there = fairTime(end);
  const here = ownTime(end);
  return here === "" ? t("Planned end {time}.", { time: there }) : t("Planned end {here} your time, {there} at the fair.", { here, there });
}

export class Agenda {
  /** @param {import("./live.js").TalkLive} talk */
  constructor(talk) {
    this.talk = talk;
    this.looked = Date.now();
    this.clock = el("span", { class: "talk-clock", role: "timer", hidden: true });
    this.subject = el("p", { class: "agenda-subject", lang: "" });
    this.text = el("p", { class: "agenda-text", lang: "" });
    this.times = el("p", { class: "muted small" });
    this.left = el("p", { class: "agenda-left", hidden: true });
    this.extend = el("button", { type: "button", class: "btn btn-wide", hidden: true, onclick: () => void this.#extend() }, icon("clock"), tn("{n} minute more", "{n} minutes more", MORE_MIN));
    this.move = el("button", { type: "button", class: "btn btn-wide", onclick: () => this.#asked(this.moving) }, icon("door"), t("Move to another room"));
    this.end = el("button", { type: "button", class: "btn btn-wide btn-danger", onclick: () => this.#asked(this.ending) }, icon("close"), t("End the talk for everybody"));
    this.fault = el("p", { class: "fault", role: "alert", hidden: true });
    this.moving = this.#question(t("Move everybody to another room?"), t("A new room opens for the same members, and everybody here is asked to go there. This room stays open until it is ended."), t("Move everybody"), () => this.#move());
    this.ending = this.#question(t("End the talk for everybody?"), t("The room closes at once for all who are in it. Files and notes stay readable for its members for a while."), t("End the talk"), () => this.#end());
    this.host = el("section", { class: "stack-s", "aria-labelledby": "host-title", hidden: true },
      el("h3", { id: "host-title" }, t("Run the talk")), this.extend, this.move, this.end, this.fault);
    this.node = el("div", { class: "panel-body" },
      el("section", { class: "stack-s" }, this.subject, this.times, this.left),
      el("section", { class: "stack-s", "aria-labelledby": "agenda-title" }, el("h3", { id: "agenda-title" }, t("Agenda")), this.text),
      el("section", { class: "stack-s" },
        el("a", { class: "btn btn-wide", href: `/negotiations/${talk.page.slug}/result`, target: "_blank", rel: "noopener" }, icon("check"), t("Record the result (new tab)")),
        el("button", { type: "button", class: "btn btn-wide", id: "talk-settings", onclick: () => talk.more.open() }, icon("sliders"), t("Settings and shortcuts"))),
      this.host);
    this.timer = /** @type {any} */ (setInterval(() => this.tick(), 1000));
  }

  /** @param {string} title @param {string} text @param {string} yes @param {() => Promise<void>} act */
  #question(title, text, yes, act) {
    const id = `ask-${crypto.randomUUID()}`;
    const dialog = el("dialog", { "aria-labelledby": id },
      el("form", { method: "dialog" }, el("h2", { id }, title), el("p", { class: "muted" }, text),
        el("div", { class: "actions" }, el("button", { class: "btn btn-primary", value: "yes" }, yes), el("button", { class: "btn", value: "no" }, t("Cancel")))));
    dialog.addEventListener("close", () => { if (dialog.returnValue === "yes") void act(); });
    return dialog;
  }

  /** @param {HTMLDialogElement} dialog */
  #asked(dialog) {
    dialog.returnValue = "";
    dialog.showModal();
  }

  get ends_at() {
    return /** @type {TalkState} */ (this.talk.page.state).ends_at ?? this.talk.facts.ends_at;
  }

  draw() {
    const { facts } = this.talk;
    setText(this.subject, facts.subject);
    setText(this.text, facts.agenda || t("No agenda was written for this talk."));
    this.text.classList.toggle("muted", !facts.agenda);
    this.host.hidden = !this.talk.host;
    this.extend.hidden = this.ends_at === null;
    const { ends_at } = this;
    setText(this.times, ends_at === null ? t("No planned end.") : planned(new Date(ends_at)));
    this.tick();
  }

  tick() {
    const now = Date.now();
    const told = timer(this.ends_at, this.looked, now);
    this.looked = now;
    this.clock.hidden = this.left.hidden = told === null;
    if (told === null) return;
    const { left_ms } = told;
    const soon = left_ms <= 5 * MINUTE_MS;
    this.clock.toggleAttribute("data-soon", soon);
    // By the minute while there is time; by the second in the last five, where seconds matter.
    const text = left_ms <= 0 ? t("Time is up")
      : soon ? t("{time} left", { time: span(left_ms) })
        : tn("{n} min left", "{n} min left", Math.ceil(left_ms / MINUTE_MS));
    setText(this.clock, text);
    setText(this.left, text);
    if (told.warn) this.#warn(told.warn);
  }

  /** @param {number} minutes */
  #warn(minutes) {
    const ways = this.talk.host ? [{ text: tn("{n} minute more", "{n} minutes more", MORE_MIN), act: () => void this.#extend() }] : [];
    this.talk.toast(tn("{n} minute until the planned end.", "{n} minutes until the planned end.", minutes), "warn", { urgent: minutes === 1, ways });
  }

  /** Somebody set another end. @param {string} by */
  told(by) {
    const { ends_at } = this;
    this.looked = Date.now();
    this.draw();
    if (ends_at) this.talk.toast(by ? t("{name} extended the talk until {time}.", { name: by, time: clock(ends_at) }) : t("The talk now ends at {time}.", { time: clock(ends_at) }), "info");
  }

  /** @param {string} path @param {object} body @returns {Promise<any>} */
  async #call(path, body) {
    this.fault.hidden = true;
    const token = this.talk.page.token || undefined;
    return (await call("POST", `/api/v1/negotiations/${this.talk.page.slug}/${path}`, { body, token })).data;
  }

  /** @param {unknown} fault */
  #failed(fault) {
    const text = faultText(fault instanceof ApiError ? fault.code : "no_answer");
    setText(this.fault, text);
    this.fault.hidden = false;
    if (this.talk.panel !== "talk") this.talk.toast(text, "warn");
    alertNow(text);
  }

  async #extend() {
    const from = Math.max(Date.now(), Date.parse(this.ends_at ?? "") || 0);
    try {
      const data = await this.#call("extension", { ends_at: new Date(from + MORE_MIN * MINUTE_MS).toISOString() });
      this.talk.facts.ends_at = data.ends_at;
      this.draw();
      announce(t("Extended until {time}.", { time: clock(data.ends_at) }));
    } catch (fault) {
      this.#failed(fault);
    }
  }

  async #move() {
    try {
      await this.#call("move", {}); // the event `moved` takes us along with everybody
    } catch (fault) {
      this.#failed(fault);
    }
  }

  async #end() {
    try {
      await this.#call("end", { reason: "done" });
    } catch (fault) {
      this.#failed(fault);
    }
  }

  opened() {
    this.draw();
  }

  /** @param {HTMLElement} heading */
  focus(heading) {
    heading.focus();
  }

  stop() {
    clearInterval(this.timer);
  }
}

/** @param {string} code */
function faultText(code) {
  switch (code) {
    case "slot_taken": return t("Somebody of the talk has another appointment then. Ask for a new one for what is left.");
    case "talk_over": return t("The talk is over.");
    case "too_long": return t("A talk cannot be extended further.");
    case "in_the_past": return t("That end is in the past.");
    case "forbidden": return t("This is for the host side of the talk.");
    case "unknown_room": return t("The talk is over, or you are no longer in it.");
    default: return t("That did not get through. Check your network and try again.");
  }
}
