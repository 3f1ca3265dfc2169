/** What is said of a call: how it ended, on either side, and why it may not begin. */

import { ApiError } from "../api.js";
import { t, tn } from "../i18n.js";
import { minutesOf } from "./model.js";

/** @typedef {import("./model.js").Over} Over */

/** How a ring ended, for those it rang for. @param {Over} over */
export function toldStaff(over) {
  if (over.state === "answered") return over.by ? t("{name} took the call.", { name: over.by }) : t("Somebody else took the call.");
  if (over.state === "cancelled") return t("The visitor hung up.");
  if (over.why === "no_answer") return t("Nobody took the call.");
  return over.why === "dropped" ? t("The visitor's connection was lost.") : t("The call was missed.");
}

/** How a call ended, for the visitor. @param {Over} over */
export function toldVisitor(over) {
  if (over.state === "cancelled") return t("You hung up.");
  switch (over.why) {
    case "nobody": return t("Nobody of the company is online just now.");
    case "busy": return t("Everybody of the company is in a talk just now.");
    case "declined": return t("Nobody of the company can talk just now.");
    case "dropped": return t("Your connection was lost, and the call with it.");
    default: return t("Nobody answered.");
  }
}

/** Why a booth cannot be rung. @param {unknown} fault */
export function refusal(fault) {
  if (!(fault instanceof ApiError)) throw fault;
  if (fault.code === "already_ringing") return t("You are ringing another booth already.");
  if (fault.code === "rate_limited") {
    const minutes = minutesOf(fault.problem.retry_after_ms);
    return tn("You have rung ten times within an hour. You may ring again in {n} minute.", "You have rung ten times within an hour. You may ring again in {n} minutes.", minutes);
  }
  if (fault.status === 422) return t("Use one line of at most 200 characters, without control characters.");
  if (fault.status === 403 || fault.status === 401) return t("You are not signed in any more. Reload the page.");
  return t("That did not work. Please try again.");
}
