/**
 * The live WebSocket's names. tests/pages compares them with rooms/messages,
 * rooms/errors.py and rooms/closing.py.
 */

export const SUBPROTOCOL = "pavilion.v1";

/** What we may send. */
export const CLIENT = /** @type {const} */ ([
  "hello", "enter", "leave", "say", "unsay", "react", "hand", "roster", "moderate", "media",
  "media_close", "source", "view", "signal", "note", "notes",
]);

/** What the server may send. */
export const SERVER = /** @type {const} */ ([
  "welcome", "room", "event", "entered", "waiting", "refused", "resumed", "left", "ok",
  "roster_page", "media", "roster", "reactions", "speaking", "slots", "offered", "ice", "error",
  "bye", "signal", "notes", "knocking",
]);

/** Kinds of numbered events. */
export const EVENT_KINDS = /** @type {const} */ ([
  "chat", "unsay", "stage", "removed", "lock", "capacity", "chat_mode", "announcement", "mute",
  "media_mode", "closed", "file", "file_removed", "moved", "timer", "note",
]);

/** Every stable code of a refusal or error. */
export const CODES = /** @type {const} */ ([
  "room_full", "room_not_open", "room_closed", "room_locked", "unknown_room", "wrong_mode",
  "banned", "removed", "replaced", "rate_limited", "server_draining", "recovering",
  "seat_expired", "forbidden", "unauthorised", "expired_token", "bad_message", "too_large",
  "slow_reader", "not_in_room", "not_on_stage", "stage_full", "nothing_live",
  "media_unavailable", "gap",
]);

/** Close codes: 4000-4499 come back, 4500-4999 do not. */
export const CLOSE = Object.freeze({
  SLOW_READER: 4008,
  DRAINING: 4010,
  RECOVERING: 4011,
  RECONNECT_ELSEWHERE: 4012,
  RATE_LIMITED: 4013,
  BAD_MESSAGE: 4500,
  UNAUTHORISED: 4501,
  REPLACED: 4502,
  REMOVED: 4503,
  BANNED: 4504,
  CLOSED: 4505,
});

/**
 * Whether to come back after a close. Codes of RFC 6455 mean a lost network or server.
 * @param {number} code
 */
export function comesBack(code) {
  return code < 4500;
}

/** The roles that run a room, and the acts each may do (rooms/permissions.py). */
export const RIGHTS = Object.freeze({
  organiser: Object.freeze(["capacity", "lock", "remove", "ban", "stage", "mute", "chat",
    "announce", "unsay", "close", "admit", "deny"]),
  moderator: Object.freeze(["capacity", "lock", "remove", "ban", "stage", "mute", "chat",
    "announce", "unsay", "close", "admit", "deny"]),
  host: Object.freeze(["lock", "remove", "stage", "mute", "chat", "announce", "unsay", "admit", "deny"]),
  speaker: Object.freeze([]),
  participant: Object.freeze([]),
});

/**
 * @param {string} role
 * @param {string} act
 */
export function may(role, act) {
  const rights = /** @type {Record<string, readonly string[]>} */ (RIGHTS)[role];
  return rights !== undefined && rights.includes(act);
}

/**
 * @typedef {"camera"|"microphone"|"screen"} Source
 * @typedef {{id: string, name: string, role: string, company: string|null,
 *   state: "live"|"held"|"offered"|"waiting", stage: boolean, hand: number|null, side?: string}} Person
 * @typedef {{id: string, name: string, sources: {source: Source, muted: boolean}[]}} StageMember
 * @typedef {{room: string, live: number, held: number, offered: number, waiting: number,
 *   capacity: number, reserved: number, locked: boolean, lock_message: string|null, chat: string,
 *   slow_mode_s: number, state: string, title: string, stage: StageMember[], hands: string[],
 *   mode?: string|null, relay_only?: boolean}} Room
 * @typedef {{slot: number, mid: string, participant: string|null, source: Source|null}} Slot
 * @typedef {{type: string, re?: number, room?: string, [field: string]: any}} Message
 */
