/** Words for states and roles, used by several pages. */

import { t } from "./i18n.js";

/** @param {string} status */
export function statusWord(status) {
  switch (status) {
    case "open": return t("Open");
    case "quiet": return t("Quiet");
    case "filling": return t("Filling");
    case "nearly_full": return t("Nearly full");
    case "full": return t("Full");
    case "over": return t("Over capacity");
    case "locked": return t("Locked");
    case "scheduled": return t("Not open yet");
    default: return t("Closed");
  }
}

/** @param {string} role */
export function roleWord(role) {
  switch (role) {
    case "organiser": return t("Organiser");
    case "moderator": return t("Moderator");
    case "host": return t("Host");
    case "speaker": return t("Speaker");
    default: return t("Participant");
  }
}
