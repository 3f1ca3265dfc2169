/** The page for every refusal and every ending: what happened, and the way on. */

import { alertNow } from "../announce.js";
import { byId, el, icon } from "../dom.js";
import { t } from "../i18n.js";
import { outcomeOf, wayText } from "../refusals.js";

/** @typedef {import("../messages.js").Message} Message */
/** @typedef {import("../refusals.js").Outcome} Outcome */

/** @param {string} code @param {Message|null} detail @returns {Outcome} */
function find(code, detail) {
  if (code === "left") {
    return {
      title: t("You have left the room"), text: t("Your seat is free for the next person. You can come back while there is room."),
      ways: ["lobby", "home"], icon: "leave",
    };
  }
  if (code === "left_line") {
    return {
      title: t("You have left the line"), text: t("Your place went to the person behind you."),
      ways: ["lobby", "home"], icon: "leave",
    };
  }
  return outcomeOf(code, detail ?? { type: "refused", code });
}

/** @param {import("../pages/room.js").RoomPage} page @param {string} code @param {Message|null} detail */
export function showOutcome(page, code, detail) {
  const outcome = find(code, detail);
  const title = el("h1", { tabindex: "-1" }, outcome.title);
  byId("outcome").replaceChildren(
    icon(outcome.icon, "icon-xl outcome-icon"),
    title,
    el("p", { class: "lede" }, outcome.text),
    el("div", { class: "actions" }, ...outcome.ways.map((way, index) => el("button", {
      type: "button", class: index === 0 ? "btn btn-primary" : "btn", onclick: () => page.take(way),
    }, wayText(way)))),
  );
  byId("outcome").dataset.code = code;
  title.focus();
  alertNow(`${outcome.title}. ${outcome.text}`);
}
