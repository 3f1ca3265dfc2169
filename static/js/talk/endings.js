/** How a talk ends for somebody, or begins not at all: a sentence, and a way on. */

import { t } from "../i18n.js";

/** @typedef {import("../messages.js").Message} Message */
/** @typedef {{title: string, text: string, icon: string, ways: ("lobby"|"home"|"result"|"retry"|"meetings")[]}} Ending */

/**
 * What a talk says in its own words; null for what it has none for.
 * @param {string} code @param {Message|null} detail @param {{waited: boolean, member: boolean}} where
 * `waited`: at the door, not inside
 * @returns {Ending|null}
 */
export function endingOf(code, detail, where) {
  switch (code) {
    case "left": return {
      title: t("You have left the talk"), text: t("It goes on without you; you can come back while it lasts."),
      icon: "leave", ways: where.member ? ["lobby", "result", "home"] : ["lobby", "home"],
    };
    case "left_line": return {
      title: t("You have stopped waiting"), text: t("Nobody was told why. You can knock again at any time."),
      icon: "leave", ways: ["lobby", "home"],
    };
    case "room_closed": return {
      title: t("The talk is over"),
      text: t("What you agreed on can be recorded: each side confirms the same text, and the organiser may publish it."),
      icon: "st-closed", ways: where.member ? ["result", "home"] : ["home"],
    };
    case "removed": return where.waited ? {
      title: t("You were not let in"),
      text: detail?.reason ? t("The host side wrote: {reason}", { reason: detail.reason }) : t("The host side did not open the door. No reason was given."),
      icon: "door", ways: ["home"],
    } : {
      title: t("You were taken out of the talk"),
      text: detail?.reason ? t("The host side wrote: {reason}", { reason: detail.reason }) : t("The host side ended your visit. No reason was given."),
      icon: "remove", ways: ["home"],
    };
    case "room_not_open": return null;
    case "wrong_mode": return {
      title: t("This talk has no place for another person"),
      text: t("It is for a set number of people of each side, and those seats are taken. Ask whoever invited you for another time."),
      icon: "people", ways: ["retry", "home"],
    };
    case "room_full": return {
      title: t("All seats of your side are taken"),
      text: t("Somebody of your side has to leave before you can enter."),
      icon: "st-full", ways: ["retry", "home"],
    };
    default: return null;
  }
}
