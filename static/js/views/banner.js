/** The line at the top while the connection is being brought back. Never modal. */

import { announce } from "../announce.js";
import { el, icon, setText } from "../dom.js";
import { t } from "../i18n.js";

export class Banner {
  /** @param {import("../pages/room.js").RoomPage} page */
  constructor(page) {
    this.text = el("span", {});
    this.node = el("div", { class: "banner", id: "banner", hidden: true },
      icon("refresh"), this.text,
      el("button", { class: "btn btn-small", type: "button", onclick: () => page.socket?.hurry() }, t("Try now")));
    document.body.prepend(this.node);
    this.timer = 0;
    this.shown = false;
  }

  /** @param {number} attempt @param {number} wait_ms */
  show(attempt, wait_ms) {
    if (!this.shown) announce(t("Connection lost. Your seat is kept while we reconnect."));
    this.shown = true;
    this.node.hidden = false;
    clearInterval(this.timer);
    const until = performance.now() + wait_ms;
    const draw = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      setText(this.text, left > 1
        ? t("Connection lost. Your seat is kept. Try {n} in {s} s.", { n: attempt, s: left })
        : t("Connection lost. Your seat is kept. Reconnecting …"));
    };
    draw();
    this.timer = /** @type {any} */ (setInterval(draw, 500));
  }

  hide() {
    clearInterval(this.timer);
    if (this.shown) announce(t("Connected again."));
    this.shown = false;
    this.node.hidden = true;
  }
}
