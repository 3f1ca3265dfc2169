/**
 * The reader's own time beside the fair's. The page shows the fair's zone; where the reader's
 * clock says otherwise at that moment, theirs is added, with the weekday when it is another day.
 */

import { el } from "./dom.js";
import { ownZone, t, timeForm } from "./i18n.js";

const FAIR = document.documentElement.dataset.zone || "UTC";
const OWN = ownZone();

/** @param {string|undefined} zone @param {Intl.DateTimeFormatOptions} more */
const format = (zone, more) => timeForm({ timeZone: zone, ...more });
const PARTS = /** @type {Intl.DateTimeFormatOptions} */ ({ weekday: "short", hour: "2-digit", minute: "2-digit" });
const clockOf = format(OWN, { hour: "2-digit", minute: "2-digit" });
const wholeOf = format(OWN, PARTS);
const fairWhole = format(FAIR, PARTS);
const dayOf = format(OWN, { weekday: "short" });
const fairClockOf = format(FAIR, { hour: "2-digit", minute: "2-digit" });
const fairDay = format(FAIR, { weekday: "short" });

/**
 * A moment on the reader's clock; "" when it reads the same as the fair's.
 * @param {Date} moment
 */
export function ownTime(moment) {
  if (wholeOf.format(moment) === fairWhole.format(moment)) return "";
  return (dayOf.format(moment) === fairDay.format(moment) ? clockOf : wholeOf).format(moment);
}

/** A moment in the fair's zone: weekday, hour and minute. @param {Date} moment */
export function fairTime(moment) {
  return fairWhole.format(moment);
}

/** Hour and minute in the fair's zone. @param {Date} moment */
export function fairClock(moment) {
  return fairClockOf.format(moment);
}

/** Add the reader's time to every `time[data-own]` under `root`, once. @param {ParentNode} root */
export function ownTimes(root = document) {
  let any = false;
  for (const node of root.querySelectorAll("time[data-own]")) {
    const own = ownTime(new Date(node.getAttribute("datetime") ?? ""));
    const block = node.getAttribute("data-own") === "block";
    node.removeAttribute("data-own");
    if (own === "") continue;
    any = true;
    const place = block ? node : node.closest(".when") ?? node;
    place.after(el("span", { class: block ? "own own-block" : "own" }, t("{time} your time", { time: own })));
  }
  const note = document.getElementById("own-zone");
  if (any && note) note.textContent = t("Your own clock ({zone}) is beside them.", { zone: OWN });
}
