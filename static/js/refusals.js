/** Every code the server may refuse with: what to say, and the way on. */

import { fairMoment, moment, number, t, tn } from "./i18n.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {"retry"|"home"|"wait"|"takeover"|"reload"|"lobby"} Way */
/** @typedef {{title: string, text: string, ways: Way[], icon: string}} Outcome */

/** @type {Record<string, (detail: Message) => Outcome>} */
const TABLE = {
  room_full: (d) => ({
    title: t("The room is full"),
    text: d.waitlist === false
      ? t("All {capacity} seats are taken and this room keeps no line. A seat may come free at any time.", { capacity: number(d.capacity ?? 0) })
      : tn("All seats are taken and {n} person waits. Take a place in line and you enter by yourself.",
        "All seats are taken and {n} people wait. Take a place in line and you enter by yourself.", d.waiting ?? 0),
    ways: d.waitlist === false ? ["retry", "home"] : ["wait", "home"], icon: "st-full",
  }),
  room_not_open: (d) => ({
    title: t("The room is not open yet"),
    text: d.opens_at
      ? t("It opens {here} your time, {there} at the fair.", { here: moment(d.opens_at), there: fairMoment(d.opens_at) })
      : t("The host has not opened it yet."),
    ways: ["lobby", "home"], icon: "clock",
  }),
  room_closed: () => ({
    title: t("The room is closed"),
    text: t("The talk is over. Other rooms may be on now."),
    ways: ["home"], icon: "st-closed",
  }),
  room_locked: (d) => ({
    title: t("The doors are closed just now"),
    text: d.message && d.message !== d.code ? String(d.message) : t("The host lets nobody else in at the moment. Try again in a little while."),
    ways: ["retry", "home"], icon: "lock",
  }),
  unknown_room: () => ({
    title: t("There is no such room"),
    text: t("The address may be mistyped, or the room is by invitation. If you were invited, open the whole link you were sent."),
    ways: ["home"], icon: "info",
  }),
  wrong_mode: () => ({
    title: t("This room works another way"),
    text: t("What you tried is not part of this kind of room. Nothing was changed."),
    ways: ["lobby", "home"], icon: "info",
  }),
  banned: (d) => ({
    title: t("You may not enter this room for now"),
    text: d.until
      ? t("A moderator closed it to you until {when}. If you think this is a mistake, speak to the fair's help desk.", { when: moment(d.until) })
      : t("A moderator closed it to you. If you think this is a mistake, speak to the fair's help desk."),
    ways: ["home"], icon: "warn",
  }),
  removed: (d) => ({
    title: t("You were taken out of the room"),
    text: d.reason ? t("The moderator wrote: {reason}", { reason: d.reason }) : t("A moderator ended your visit. No reason was given."),
    ways: ["lobby", "home"], icon: "remove",
  }),
  replaced: () => ({
    title: t("You are in this room in another window"),
    text: t("A person has one seat, so the newer window has it. You can bring it back here."),
    ways: ["takeover", "home"], icon: "people",
  }),
  rate_limited: () => ({
    title: t("That was too quick"),
    text: t("Too many tries in a short time. Wait a few seconds, then try again."),
    ways: ["retry", "home"], icon: "clock",
  }),
  server_draining: () => ({
    title: t("The server is being restarted"),
    text: t("Your seat is kept for half a minute. This page comes back by itself."),
    ways: ["retry", "home"], icon: "refresh",
  }),
  recovering: () => ({
    title: t("We are catching up"),
    text: t("The fair is putting everyone back in their seats. Try again in a few seconds."),
    ways: ["retry", "home"], icon: "refresh",
  }),
  seat_expired: () => ({
    title: t("Your seat went to somebody else"),
    text: t("You were away for longer than a seat is kept. Enter again to take a seat or a place in line."),
    ways: ["retry", "home"], icon: "clock",
  }),
  forbidden: () => ({
    title: t("You may not do that"),
    text: t("Your role in this room does not carry the right for it. Nothing was changed."),
    ways: ["lobby", "home"], icon: "lock",
  }),
  unauthorised: () => ({
    title: t("We do not know who you are"),
    text: t("This room is for people with an invitation or an account. Open the whole link you were sent, or sign in."),
    ways: ["lobby", "home"], icon: "person",
  }),
  expired_token: () => ({
    title: t("Your link has run out"),
    text: t("Links into rooms last a limited time. Ask whoever sent it for a new one."),
    ways: ["home"], icon: "clock",
  }),
  bad_message: () => ({
    title: t("The server did not understand this page"),
    text: t("The page may be older than the server. Reload it; your seat is kept for half a minute."),
    ways: ["reload", "home"], icon: "warn",
  }),
  too_large: () => ({
    title: t("That was too long"),
    text: t("Make it shorter and send it again."),
    ways: ["lobby", "home"], icon: "warn",
  }),
  slow_reader: () => ({
    title: t("Your connection is too slow"),
    text: t("We could not reach you quickly enough. The page comes back by itself; closing other downloads helps."),
    ways: ["retry", "home"], icon: "warn",
  }),
  not_in_room: () => ({
    title: t("You are not in the room"),
    text: t("Your seat ended. Enter again to go on."),
    ways: ["retry", "home"], icon: "seats",
  }),
  not_on_stage: () => ({
    title: t("You are not on stage"),
    text: t("Camera and microphone work on stage only. Raise your hand and the host can bring you up."),
    ways: ["lobby"], icon: "stage",
  }),
  stage_full: () => ({
    title: t("The stage is full"),
    text: t("Someone has to leave the stage first."),
    ways: ["lobby"], icon: "stage",
  }),
  nothing_live: () => ({
    title: t("Nothing is being shown yet"),
    text: t("The picture appears as soon as someone on stage starts."),
    ways: ["retry", "home"], icon: "clock",
  }),
  gap: () => ({
    title: t("The notes went on without you"),
    text: t("They are read again as a whole; nothing you typed is lost."),
    ways: ["lobby", "home"], icon: "refresh",
  }),
  media_unavailable: () => ({
    title: t("Picture and sound are interrupted"),
    text: t("Chat and everything else go on. We keep trying to bring picture and sound back."),
    ways: ["retry", "home"], icon: "warn",
  }),
};

/** Codes with a text of their own. */
export const KNOWN = Object.freeze(Object.keys(TABLE));

/**
 * What to show for a refusal. Never without a way on.
 * @param {string} code @param {Message} [detail]
 * @returns {Outcome}
 */
export function outcomeOf(code, detail = { type: "refused", code }) {
  const found = TABLE[code];
  if (found) return found(detail);
  return {
    title: t("The server cannot be reached"),
    text: t("Check your network. Trying again is safe: you cannot lose or double a seat by it."),
    ways: ["retry", "home"], icon: "warn",
  };
}

/** The words of a way on. @param {Way} way */
export function wayText(way) {
  switch (way) {
    case "retry": return t("Try again");
    case "wait": return t("Wait in line");
    case "takeover": return t("Use this window instead");
    case "reload": return t("Reload the page");
    case "lobby": return t("Back to the entrance");
    default: return t("See what is on now");
  }
}
