/** A place in line: the position, what will happen, and a way out. Nobody else is named. */

import { announce } from "../announce.js";
import { byId, el, setText } from "../dom.js";
import { number, t, tn } from "../i18n.js";
import { save, settings } from "../settings.js";

export class Waiting {
  /** @param {import("../pages/room.js").RoomPage} page */
  constructor(page) {
    this.page = page;
    this.position = 0;
    this.place = el("output", { class: "place", id: "position" });
    this.total = el("p", { class: "muted" });
    this.track = el("progress", { class: "track", max: 1, value: 0, "aria-hidden": "true" });
    this.first = 0;
  }

  open() {
    this.first = 0;
    this.position = 0;
    const sound = el("input", {
      type: "checkbox", id: "sound", checked: settings.sounds,
      onchange: () => save({ sounds: sound.checked }),
    });
    const title = el("h1", { tabindex: "-1" }, t("You are in line"));
    byId("outcome").replaceChildren(
      el("p", { class: "eyebrow", lang: "" }, this.page.now?.title ?? this.page.slug),
      title,
      el("div", { class: "place-box" },
        el("p", { class: "place-label", id: "place-label" }, t("Your place")), this.place, this.total, this.track),
      el("p", { class: "lede" }, t("You enter by yourself as soon as a seat is free. Keep this page open; a reload or a short loss of network does not cost you your place.")),
      el("label", { class: "check" }, sound, t("Play a sound when I am in")),
      el("div", { class: "actions" },
        el("button", { type: "button", class: "btn", onclick: () => void this.page.leave() }, t("Leave the line")),
        el("a", { class: "btn", href: "/", target: "_blank", rel: "noopener" }, t("Look at other rooms (new tab)"))),
    );
    byId("outcome").dataset.code = "waiting";
    this.place.setAttribute("aria-labelledby", "place-label");
    title.focus();
  }

  /** @param {import("../state.js").RoomState} state */
  draw(state) {
    if (this.position !== state.position) {
      this.first = Math.max(this.first, state.position);
      announce(t("You are number {n} in line.", { n: state.position }));
      document.title = `(${state.position}) ${this.page.baseTitle}`;
      this.place.classList.remove("moved");
      if (this.position !== 0) requestAnimationFrame(() => this.place.classList.add("moved"));
      this.position = state.position;
    }
    setText(this.place, number(state.position));
    setText(this.total, state.position === 1
      ? t("You are next.")
      : tn("{n} person before you", "{n} people before you", state.position - 1));
    this.track.hidden = this.first <= state.position;
    this.track.max = this.first;
    this.track.value = this.first - state.position;
  }

  close() {
    this.position = 0;
  }
}
