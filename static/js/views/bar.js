/** The control bar: microphone, camera, share, hand, reactions, chat, people, more, leave. */

import { el, icon, setIcon, setText } from "../dom.js";
import { t } from "../i18n.js";
import { announce } from "../announce.js";

/** @typedef {import("../state.js").RoomState} RoomState */

export class Bar {
  /** @param {import("./live.js").Live} live */
  constructor(live) {
    this.live = live;
    this.mic = this.#button("mic", "mic-off", t("Microphone"), "M", () => void live.media.toggle("microphone"), true);
    this.camera = this.#button("camera", "camera-off", t("Camera"), "V", () => void live.media.toggle("camera"), true);
    this.share = this.#button("share", "screen", t("Share screen"), "S", () => void live.media.toggle("screen"), true);
    this.hand = this.#button("hand", "hand", t("Raise hand"), "R", () => void this.#hand(), true);
    this.chat = this.#button("chat", "chat", t("Chat"), "C", () => live.toggle("chat"));
    this.people = this.#button("people", "people", t("People"), "P", () => live.toggle("people"));
    this.more = this.#button("more", "more", t("More"), "?", () => live.more.open());
    this.unread = el("span", { class: "badge", hidden: true });
    this.chat.append(this.unread);
    this.handsUp = el("span", { class: "badge", hidden: true });
    this.people.append(this.handsUp);
    for (const button of [this.chat, this.people]) button.setAttribute("aria-expanded", "false");
    this.more.setAttribute("aria-haspopup", "dialog");
    this.emoji = el("div", { class: "emoji", id: "emoji", popover: "auto", role: "group", "aria-label": t("Reactions") });
    this.react = this.#button("react", "react", t("React"), "", () => undefined);
    this.react.setAttribute("popovertarget", "emoji");
    this.leave = el("button", { type: "button", class: "ctl ctl-leave", id: "bar-leave", onclick: () => void live.page.leave() }, icon("leave"), el("span", {}, t("Leave")));
    this.node = el("div", { class: "bar", role: "region", "aria-label": t("Call controls") },
      el("div", { class: "bar-in" }, this.mic, this.camera, this.share, this.hand, this.react, this.emoji, this.chat, this.people, this.more), this.leave);
    this.handUp = false;
    this.drawn = "";
  }

  /** @param {string} id @param {string} sign @param {string} label @param {string} key @param {() => void} act
   * @param {boolean} [toggle] */
  #button(id, sign, label, key, act, toggle = false) {
    return el("button", {
      type: "button", class: "ctl", id: `bar-${id}`, onclick: act, "aria-pressed": toggle ? "false" : null,
      "aria-keyshortcuts": key && key !== "?" ? key : null,
    }, icon(sign), el("span", { class: "ctl-text" }, label));
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    if (before && state.room === before.room && state.reactions === before.reactions) return;
    const { media, staged, me } = this.live;
    const hands = state.room?.hands ?? [];
    this.handUp = hands.includes(me.id);
    for (const button of [this.mic, this.camera, this.share]) button.hidden = !staged;
    this.share.hidden ||= !navigator.mediaDevices?.getDisplayMedia;
    this.hand.hidden = staged;
    this.node.toggleAttribute("data-staged", staged);
    press(this.mic, media.tracks.microphone?.enabled === true, "mic");
    press(this.camera, media.tracks.camera !== null, "camera");
    press(this.share, media.tracks.screen !== null, "");
    press(this.hand, this.handUp, "");
    const others = this.live.may("stage") ? hands.length : 0;
    this.handsUp.hidden = others === 0;
    setText(this.handsUp, String(others));
    const set = state.reactions.join("");
    if (set !== this.drawn) {
      this.drawn = set;
      this.emoji.replaceChildren(...state.reactions.map((emoji) => el("button", {
        type: "button", class: "emoji-one", "aria-label": reactionName(emoji),
        onclick: () => { void this.live.act("react", { emoji }); this.emoji.hidePopover(); },
      }, emoji)));
    }
  }

  /** @param {string} panel which one is open */
  panels(panel) {
    this.chat.setAttribute("aria-expanded", String(panel === "chat"));
    this.people.setAttribute("aria-expanded", String(panel === "people"));
  }

  /** @param {number} n */
  unreadChat(n) {
    this.unread.hidden = n === 0;
    setText(this.unread, n > 99 ? "99+" : String(n));
  }

  async #hand() {
    const up = !this.handUp;
    if (await this.live.act("hand", { up })) announce(up ? t("Hand raised") : t("Hand lowered"));
  }

  focus() {
    /** @type {HTMLElement|null} */ (this.node.querySelector("button:not([hidden])"))?.focus();
  }

  /** @returns {Record<string, () => void>} */
  shortcuts() {
    const { live } = this;
    return {
      ...(live.staged ? {
        m: () => void live.media.toggle("microphone"),
        v: () => void live.media.toggle("camera"),
        s: () => void live.media.toggle("screen"),
      } : { r: () => void this.#hand() }),
      c: () => live.toggle("chat"),
      p: () => live.toggle("people"),
      "?": () => live.more.open(),
    };
  }
}

/** @param {HTMLElement} button @param {boolean} on @param {string} sign */
function press(button, on, sign) {
  button.setAttribute("aria-pressed", String(on));
  if (sign) setIcon(button.querySelector(".icon"), on ? sign : `${sign}-off`);
}

/** @param {string} emoji */
function reactionName(emoji) {
  switch (emoji) {
    case "👏": return t("Applause");
    case "👍": return t("Agree");
    case "❤️": return t("Love it");
    case "😂": return t("Laugh");
    case "🎉": return t("Celebrate");
    case "❓": return t("Question");
    default: return emoji;
  }
}
