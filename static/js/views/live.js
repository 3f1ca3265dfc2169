/** The room itself: header, stage, control bar, side panel. Puts the parts together. */

import { byId, el, icon, setText } from "../dom.js";
import { number, t, tn } from "../i18n.js";
import { outcomeOf } from "../refusals.js";
import { Bar } from "./bar.js";
import { Chat } from "./chat.js";
import { Crowd } from "./crowd.js";
import { Frame } from "./frame.js";
import { Devices } from "./own-media.js";
import { More } from "./more.js";
import { People } from "./people.js";
import { Peek } from "./peek.js";
import { Stage } from "./stage.js";

/** @typedef {import("../messages.js").Message} Message */
/** @typedef {import("../state.js").RoomState} RoomState */

export class Live extends Frame {
  /** Builds the room and starts its media. @param {import("../pages/room.js").RoomPage} page
   * @param {RoomState} state */
  constructor(page, state) {
    super(page);
    this.crowd = new Crowd();
    this.stage = new Stage(this);
    this.peek = new Peek(this);
    this.chat = new Chat(this, {
      id: "say", label: t("Message to everyone"), empty: t("No messages yet. Say hello."),
      lines: (of) => of.chat, unread: (n) => this.bar.unreadChat(n),
    });
    this.people = new People(this);
    this.more = new More(this, { title: t("More"), tools: true, keys: [
      ["M", t("Microphone")], ["V", t("Camera")], ["S", t("Share screen")], ["R", t("Raise hand")],
      ["C", t("Chat")], ["P", t("People")], ["?", t("More")], ["F2", t("Go to the controls")]] });
    this.media = new Devices(this);
    this.bar = new Bar(this);
    this.title = el("h1", { class: "live-title", lang: "", tabindex: "-1" });
    this.count = el("p", { class: "live-count" });
    this.locked = el("p", { class: "live-locked", hidden: true }, icon("lock"), t("Locked"));
    byId("live").replaceChildren(
      el("header", { class: "live-head" }, this.title, this.locked, this.count),
      this.stage.node, this.peek.node, this.aside, this.toasts, this.bar.node, this.more.dialog);
    this.listen();
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

  /** @override */
  panels() {
    return { chat: { title: t("Chat"), view: this.chat }, people: { title: t("People"), view: this.people } };
  }

  /** @override */
  controls() {
    return this.bar;
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

  /** @override */
  close() {
    this.crowd.stop();
    this.peek.stop();
    this.media.stop();
    super.close();
  }
}
