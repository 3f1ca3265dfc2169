/** The room itself: header, stage, control bar, side panel. Puts the parts together. */

import { alertNow, announce } from "../announce.js";
import { byId, el, icon, setText } from "../dom.js";
import { number, t, tn } from "../i18n.js";
import { may } from "../messages.js";
import { outcomeOf } from "../refusals.js";
import { settings } from "../settings.js";
import { Refused } from "../socket.js";
import { onStage } from "../state.js";
import { Bar } from "./bar.js";
import { Chat } from "./chat.js";
import { Crowd } from "./crowd.js";
import { Devices } from "./own-media.js";
import { More } from "./more.js";
import { People } from "./people.js";
import { Peek } from "./peek.js";
import { Stage } from "./stage.js";

/** @typedef {import("../messages.js").Message} Message */
/** @typedef {import("../state.js").RoomState} RoomState */

/** Where panels are sheets (room.css). */
const SHEETS = matchMedia("(max-width: 60rem)");

export class Live {
  /** Builds the room and starts its media. @param {import("../pages/room.js").RoomPage} page
   * @param {RoomState} state */
  constructor(page, state) {
    this.page = page;
    this.panel = "";
    this.dimmed = false;
    this.crowd = new Crowd();
    this.stage = new Stage(this);
    this.peek = new Peek(this);
    this.chat = new Chat(this);
    this.people = new People(this);
    this.more = new More(this);
    this.media = new Devices(this);
    this.bar = new Bar(this);
    this.title = el("h1", { class: "live-title", lang: "", tabindex: "-1" });
    this.count = el("p", { class: "live-count" });
    this.locked = el("p", { class: "live-locked", hidden: true }, icon("lock"), t("Locked"));
    this.toasts = el("div", { class: "toasts" });
    this.aside = el("aside", { class: "panel", id: "panel", hidden: true, "aria-label": t("Side panel"), tabindex: "-1" });
    byId("live").replaceChildren(
      el("header", { class: "live-head" }, this.title, this.locked, this.count),
      this.stage.node, this.peek.node, this.aside, this.toasts, this.bar.node, this.more.dialog);
    document.addEventListener("keydown", this.key);
    addEventListener("popstate", this.popped);
    this.draw(state, null);
    this.media.start(state);
    this.title.focus();
    if (matchMedia("(min-width: 64rem)").matches) this.toggle("chat", false);
  }

  /** The seat is ours again after a loss. */
  back() {
    this.dim(false);
    this.media.check();
  }

  get me() {
    return this.page.me ?? { id: "", name: "", role: "participant" };
  }

  /** @param {string} act */
  may(act) {
    return may(this.me.role, act);
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    if (!state.room) return;
    const room = state.room;
    if (room !== before?.room) {
      const inside = room.live + room.held;
      setText(this.title, room.title || this.page.now?.title || this.page.slug);
      setText(this.count, tn("{n} person here", "{n} people here", inside)
        + " · " + tn("{n} seat", "{n} seats", room.capacity)
        + (room.waiting ? ` · ${this.page.waitingText(room.waiting)}` : ""));
      this.locked.hidden = !room.locked;
      this.crowd.draw(inside);
    }
    this.stage.draw(state, before);
    this.chat.draw(state, before);
    this.peek.draw(state, before);
    this.people.draw(state, before);
    this.bar.draw(state, before);
    this.media.draw(state, before);
    this.more.draw(state);
  }

  /** Messages that are moments, not state. @param {Message} message */
  heard(message) {
    if (message.type === "entered" || message.type === "resumed") {
      if (this.dimmed) this.back();
    }
    if (message.type === "ice") this.media.ice(message.servers);
    else if (message.type === "reactions") this.stage.reactions(message.counts);
    else if (message.type === "error" && message.re === undefined) this.#trouble(message);
    else if (message.type === "event") this.#event(message);
  }

  /** @param {Message} message */
  #trouble(message) {
    if (message.code === "media_unavailable") this.media.again(message.retry_after_ms ?? 0);
    else this.toast(outcomeOf(message.code, message).text, "warn");
  }

  /** @param {Message} event */
  #event(event) {
    const mine = event.body.participant === this.me.id;
    const by = this.page.state.people.get(event.by ?? "")?.name ?? t("A moderator");
    if (event.kind === "announcement") {
      this.toast(event.body.text, "info", { urgent: true });
    } else if (event.kind === "stage" && mine) {
      this.toast(event.body.on
        ? t("You are on stage. Turn on your microphone and camera when you are ready.")
        : t("You are off the stage. You still see and hear everything."), "info", { urgent: true });
    } else if (event.kind === "mute" && mine) {
      this.media.mutedBy(event.body.source);
      this.toast(event.body.source === "microphone"
        ? t("{name} turned your microphone off. You can turn it on again.", { name: by })
        : t("{name} turned your camera or screen off. You can turn it on again.", { name: by }), "warn", { urgent: true });
    } else if (event.kind === "lock") {
      this.toast(event.body.locked ? t("The room is locked: nobody else can enter.") : t("The room is open again."), "info");
    } else if (event.kind === "chat_mode") {
      this.toast(event.body.mode === "off" ? t("Chat is closed for now.") : t("Chat is open."), "info");
    } else if (event.kind === "capacity" && this.may("capacity")) {
      this.toast(t("The room now has {n} seats.", { n: number(event.body.capacity) }), "info");
    }
  }

  /** A message at the foot of the stage. @param {string} text @param {"info"|"warn"} kind
   * @param {{urgent?: boolean, ways?: {text: string, act: () => void}[]}} [options] */
  toast(text, kind, { urgent = false, ways = [] } = {}) {
    /** @type {HTMLElement} */
    const node = el("div", { class: `toast toast-${kind}` }, icon(kind === "warn" ? "warn" : "info"),
      el("div", {}, el("p", {}, text), ...ways.map((way) => el("button", { type: "button", class: "toast-way", onclick: () => { way.act(); node.remove(); } }, way.text))),
      el("button", { type: "button", class: "toast-close", "aria-label": t("Dismiss"), onclick: () => node.remove() }, icon("close")));
    this.toasts.append(node);
    while (this.toasts.children.length > 3) this.toasts.firstElementChild?.remove();
    // Long enough to be read twice, and gone only while nobody points at it.
    const gone = () => (node.matches(":hover, :focus-within") ? setTimeout(gone, 2_000) : node.remove());
    setTimeout(gone, 6_000 + text.length * 60);
    (urgent ? alertNow : announce)(text);
  }

  /** Ask, and tell the person when it did not work. @param {string} type @param {Record<string, unknown>} fields
   * @returns {Promise<boolean>} */
  async act(type, fields) {
    try {
      await this.page.ask(type, fields);
      return true;
    } catch (fault) {
      const code = fault instanceof Refused ? fault.code : "no_answer";
      const outcome = outcomeOf(code, fault instanceof Refused ? fault.detail : undefined);
      this.toast(`${outcome.title}. ${outcome.text}`, "warn", { urgent: true });
      return false;
    }
  }

  /** Open, switch or close the side panel. @param {"chat"|"people"} name @param {boolean} [focus] */
  toggle(name, focus = true) {
    const opener = byId(`bar-${name}`);
    const open = this.panel !== name;
    // On a phone a panel covers the room: "back" closes it, and does not leave the call.
    if (open && this.panel === "" && SHEETS.matches) history.pushState({ panel: name }, "");
    else if (!open && history.state?.panel) history.back();
    this.panel = open ? name : "";
    this.aside.hidden = !open;
    byId("live").toggleAttribute("data-panel", open);
    if (open) {
      const view = name === "chat" ? this.chat : this.people;
      const heading = el("h2", { id: "panel-title", tabindex: "-1" }, name === "chat" ? t("Chat") : t("People"));
      this.aside.replaceChildren(
        el("div", { class: "panel-head" }, heading,
          el("button", { type: "button", class: "panel-close", "aria-label": t("Close the panel"), onclick: () => this.toggle(name) }, icon("close"))),
        view.node);
      this.aside.setAttribute("aria-labelledby", "panel-title");
      this.chat.shown = name === "chat";
      view.opened(this.page.state);
      if (focus) view.focus(heading);
    } else {
      this.chat.shown = false;
      if (focus) opener.focus();
    }
    this.bar.panels(this.panel);
  }

  /** @param {boolean} on */
  dim(on) {
    this.dimmed = on;
    byId("live").toggleAttribute("data-dim", on);
  }

  popped = () => {
    if (this.panel && !history.state?.panel) this.toggle(/** @type {"chat"|"people"} */ (this.panel));
  };

  /** @param {KeyboardEvent} event */
  key = (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === "F2") {
      event.preventDefault();
      this.bar.focus();
      return;
    }
    if (event.key === "Escape" && this.panel && !this.more.dialog.open) {
      this.toggle(/** @type {"chat"|"people"} */ (this.panel));
      return;
    }
    if (!settings.shortcuts || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const act = this.bar.shortcuts()[event.key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
  };

  close() {
    this.crowd.stop();
    this.peek.stop();
    document.removeEventListener("keydown", this.key);
    removeEventListener("popstate", this.popped);
    this.media.stop();
    byId("live").replaceChildren();
    byId("live").removeAttribute("data-panel");
    this.dim(false);
  }

  get staged() {
    return onStage(this.page.state, this.me.id);
  }
}
