/** The talk itself: everybody in pictures, few controls, one side panel. Puts the parts together. */

import { alertNow, announce } from "../announce.js";
import { call } from "../api.js";
import { byId, el, icon, setText } from "../dom.js";
import { chime } from "../devices.js";
import { t } from "../i18n.js";
import { outcomeOf } from "../refusals.js";
import { settings } from "../settings.js";
import { Frame } from "../views/frame.js";
import { More } from "../views/more.js";
import { Agenda } from "./agenda.js";
import { TalkBar } from "./bar.js";
import { Files } from "./files.js";
import { Gallery } from "./gallery.js";
import { TalkMedia } from "./media.js";
import { Notebook } from "./notebook.js";
import { TalkPeople } from "./people.js";
import { Talking } from "./talking.js";

/** @typedef {import("../messages.js").Message} Message */
/** @typedef {import("../state.js").RoomState} RoomState */
/** @typedef {import("./state.js").TalkState} TalkState */
/** What the page or the hub told of the talk.
 * @typedef {{subject: string, agenda: string, mode: string|null, side: string, host: boolean, relay_only: boolean,
 *   ends_at: string|null}} Facts */

/** One large and eleven more pictures, six voices: a talk is small, and everybody is seen. */
const SLOTS = Object.freeze({ video: 12, audio: 6 });

export class TalkLive extends Frame {
  /** @param {import("../pages/negotiation.js").NegotiationPage} page @param {RoomState} state */
  constructor(page, state) {
    super(page);
    this.talkPage = page;
    this.slots = SLOTS;
    this.over = false;
    /** @type {Facts} */
    this.facts = {
      subject: page.talk?.subject ?? state.room?.title ?? "", agenda: page.talk?.agenda ?? "", mode: page.talk?.mode ?? null,
      side: page.talk?.side ?? state.people.get(this.me.id)?.side ?? "guest", host: page.talk?.host ?? this.me.role === "host",
      relay_only: page.talk?.relay_only ?? state.room?.relay_only ?? false,
      ends_at: page.talk?.ends_at ?? null,
    };
    this.secure = el("button", { type: "button", class: "talk-secure", onclick: () => this.toggle("people") }, icon("shield"), el("span", {}));
    this.secure.hidden = true;
    this.bar = new TalkBar(this);
    this.gallery = new Gallery(this);
    this.media = new TalkMedia(this);
    this.talking = new Talking(this);
    this.notebook = new Notebook(this);
    this.files = new Files(this);
    this.people = new TalkPeople(this);
    this.agenda = new Agenda(this);
    this.more = new More(this, {
      title: t("Settings"), tools: false, switches: ["shortcuts", "sounds", "microphoneHints", "hideSelf", "still"],
      keys: [["M", t("Microphone")], ["V", t("Camera")], ["S", t("Share screen")], ["C", t("Chat")], ["N", t("Notes")],
        ["F", t("Files")], ["P", t("People")], ["T", t("This talk")], ["F2", t("Go to the controls")]],
    });
    this.title = el("h1", { class: "live-title", lang: "", tabindex: "-1" });
    byId("live").replaceChildren(
      el("header", { class: "live-head" }, this.title, this.secure, this.agenda.clock),
      this.gallery.node, this.aside, this.toasts, this.bar.node, this.more.dialog, this.agenda.moving, this.agenda.ending);
    this.listen();
    this.draw(state, null);
    this.agenda.draw();
    this.media.start(state);
    void this.#learn();
    void this.notebook.fetch();
    this.title.focus();
    if (matchMedia("(min-width: 64rem)").matches) this.toggle("chat", false);
  }

  /** Devices and chat know the gallery as the stage. */
  get stage() {
    return this.gallery;
  }

  get host() {
    return this.facts.host || ["host", "moderator", "organiser"].includes(this.me.role);
  }

  get side() {
    return this.facts.side;
  }

  /** A channel for one's own company, where several meet. */
  get hasSide() {
    const mode = this.facts.mode ?? this.page.state.room?.mode;
    return mode === "many_to_many" && this.facts.side !== "guest";
  }

  get relayOnly() {
    return this.facts.relay_only;
  }

  /** @override */
  get staged() {
    return true; // everybody in a talk is seen and heard
  }

  /** @override */
  panels() {
    return {
      chat: { title: t("Chat"), view: this.talking }, notes: { title: t("Notes"), view: this.notebook },
      files: { title: t("Files"), view: this.files }, people: { title: t("People"), view: this.people },
      talk: { title: t("This talk"), view: this.agenda },
    };
  }

  /** @override */
  controls() {
    return this.bar;
  }

  /** What the talk is, from the hub: a seat by token knows it only now. */
  async #learn() {
    try {
      const { data } = await call("GET", `/api/v1/negotiations/${this.page.slug}`, { token: this.page.token || undefined });
      this.facts = { ...this.facts, ...data };
      this.draw(this.page.state, null);
      this.agenda.draw();
    } catch {
      // A room that was opened by token alone has no more to tell.
    }
  }

  /** @param {string} id */
  nameOf(id) {
    return id === this.me.id ? t("you") : this.page.state.people.get(id)?.name ?? t("Somebody");
  }

  /** The seat is ours again after a loss. @param {boolean} [gap] events are missing */
  back(gap = false) {
    this.dim(false);
    this.media.check();
    this.notebook.back(gap);
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    if (!state.room || this.over) return;
    if (before && state.people !== before.people && before.epoch === state.epoch) this.crowd(before);
    setText(this.title, this.facts.subject || state.room.title);
    this.gallery.draw(state, before);
    this.talking.draw(state, before);
    this.files.draw(state, before);
    this.people.draw(state, before);
    this.bar.draw(state, before);
    this.media.draw(state, before);
  }

  /** Whether nobody in between can listen. @param {boolean} direct @param {boolean} [first] it was never otherwise for us */
  secured(direct, first = false) {
    const was = this.secure.hidden ? null : this.secure.dataset.on === "true";
    this.secure.hidden = false;
    this.secure.dataset.on = String(direct);
    setText(/** @type {HTMLElement} */ (this.secure.lastElementChild), direct ? t("End-to-end encrypted") : t("Through the fair's server"));
    this.people.key = "";
    this.people.draw(this.page.state, null);
    if (was === direct || first || was === null) return;
    const text = direct
      ? t("End-to-end encryption is back: sound and picture go straight between you again.")
      : t("End-to-end encryption has ended: with five or more people sound and picture pass through the fair's server.");
    this.toast(text, direct ? "info" : "warn", { urgent: !direct });
  }

  /** Messages that are moments, not state. @param {Message} message */
  heard(message) {
    if (message.type === "entered" || message.type === "resumed") {
      if (this.dimmed || message.type === "entered") this.back(message.type === "entered");
    }
    if (message.type === "ice") this.media.ice(message.servers);
    else if (message.type === "signal") this.media.signal(message);
    else if (message.type === "error" && message.re === undefined) this.#trouble(message);
    else if (message.type === "event" && !message.channel) this.#event(message);
  }

  /** @param {Message} message */
  #trouble(message) {
    if (message.code === "media_unavailable") this.media.again(message.retry_after_ms ?? 0);
    else this.toast(outcomeOf(message.code, message).text, "warn");
  }

  /** @param {Message} event */
  #event(event) {
    if (this.page.state.gap) return; // a fresh snapshot comes
    if (event.kind === "note") this.notebook.heard(event);
    else if (event.kind === "announcement") this.toast(event.body.text, "info", { urgent: true });
    else if (event.kind === "timer") this.agenda.told(event.by === null || event.by === this.me.id ? "" : this.nameOf(event.by));
    else if (event.kind === "moved") this.#moved(event.body.room);
    else if (event.kind === "removed" && event.body.participant !== this.me.id) {
      const name = this.page.state.people.get(event.body.participant)?.name;
      if (name) this.toast(t("{name} was taken out of the talk.", { name }), "info");
    } else if (event.kind === "mute" && event.body.participant === this.me.id) {
      this.media.mutedBy(event.body.source);
      this.toast(t("{name} turned your microphone or camera off. You can turn it on again.", { name: this.nameOf(event.by ?? "") }), "warn", { urgent: true });
    }
  }

  /** Everybody goes on in another room; time to say so, and to stay. @param {string} room */
  #moved(room) {
    if (this.page.token) {
      this.toast(t("The others go on in another room. Ask for a link to it."), "warn", { urgent: true });
      return;
    }
    const text = el("p", {});
    let left = 5;
    const dialog = el("dialog", { "aria-labelledby": "moved-title" },
      el("form", { method: "dialog" }, el("h2", { id: "moved-title" }, t("Everybody goes to another room")), text,
        el("div", { class: "actions" }, el("button", { class: "btn btn-primary", value: "go" }, t("Go now")), el("button", { class: "btn", value: "stay" }, t("Stay here")))));
    const say = () => setText(text, t("You go along in {n} s. Your camera and microphone stay as they are.", { n: left }));
    const timer = setInterval(() => {
      left -= 1;
      say();
      if (left <= 0) dialog.close("go");
    }, 1000);
    dialog.addEventListener("close", () => {
      clearInterval(timer);
      dialog.remove();
      if (dialog.returnValue === "go") this.talkPage.goTo(room);
    });
    say();
    byId("live").append(dialog);
    dialog.showModal();
    alertNow(t("Everybody goes to another room"));
  }

  /** Somebody came or went. @param {RoomState} before */
  crowd(before) {
    const { people } = this.page.state;
    const came = [...people.values()].find((one) => !before.people.has(one.id) && one.id !== this.me.id);
    const went = [...before.people.values()].find((one) => !people.has(one.id));
    if (came) {
      announce(t("{name} is here.", { name: came.name }));
      if (settings.sounds) void chime([659, 784]).catch(() => undefined);
    } else if (went) announce(t("{name} has left.", { name: went.name }));
  }

  /** @override */
  close() {
    this.over = true;
    this.agenda.stop();
    this.files.stop();
    this.media.stop();
    super.close();
  }
}
