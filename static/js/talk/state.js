/**
 * What we know of a talk: the room's state (../state.js) and what a talk has beside it. Pure.
 * A channel is numbered apart from the room, and has its own hole and its own snapshot.
 */

import { CHAT_MAX, initial as room, lineOf, reduce as reduceRoom } from "../state.js";

/** @typedef {import("../messages.js").Message} Message */
/** @typedef {import("../messages.js").Person} Person */
/** @typedef {import("../state.js").Line} Line */
/** @typedef {{seq: number, lines: readonly Line[]}} Channel */
/** @typedef {{id: string, filename: string, content_type: string, size: number, by: string|null}} TalkFile */
/**
 * @typedef {import("../state.js").RoomState & {
 *   lobby: boolean, channels: ReadonlyMap<string, Channel>, files: ReadonlyMap<string, TalkFile>,
 *   knocking: ReadonlyMap<string, Person>, ends_at: string|null, moved: string,
 *   holes: readonly string[] }} TalkState
 * `lobby`: we wait to be let in. `files`: those told of here, by id. `ends_at`: null until told.
 * `holes`: channels in which something is missing.
 */

/** Files told of in a room are bounded on the server; so is what is kept here. */
const FILES_MAX = 100;
const KNOCKING_MAX = 200;
/** Channels a resume may name (rooms/messages/client.py). */
const POINTS_MAX = 64;

/** @returns {TalkState} */
export function initial() {
  return {
    ...room(), lobby: false, channels: new Map(), files: new Map(), knocking: new Map(), ends_at: null,
    moved: "", holes: [],
  };
}

/** @param {TalkState} state @param {Message} message @returns {TalkState} */
export function reduce(state, message) {
  if (message.type === "event" && message.channel) return inChannel(state, message);
  const next = /** @type {TalkState} */ (reduceRoom(state, message));
  switch (message.type) {
    case "waiting":
      return { ...next, lobby: message.lobby === true, channels: withTails(state, message.channels, true) };
    case "entered":
      return { ...next, lobby: false, channels: withTails(state, message.snapshot.channels, state.epoch === message.epoch), holes: [] };
    case "resumed":
      return { ...next, lobby: false };
    case "knocking":
      return { ...next, knocking: knocks(state.knocking, message) };
    case "event":
      return next.seq === state.seq ? next : told(next, message);
    default:
      return next;
  }
}

/** @param {ReadonlyMap<string, Person>} knocking @param {Message} m */
function knocks(knocking, m) {
  const next = new Map(knocking);
  if (!m.waiting) next.delete(m.person.id);
  else if (next.size < KNOCKING_MAX) next.set(m.person.id, m.person);
  return next;
}

/**
 * The channels with a snapshot's tails. What was read stays; of another epoch nothing does.
 * @param {TalkState} state @param {Record<string, {seq: number, chat: Message[]}>|undefined} tails @param {boolean} same
 */
function withTails(state, tails, same) {
  if (same && tails === undefined) return state.channels;
  /** @type {Map<string, Channel>} */
  const channels = new Map(same ? state.channels : []);
  for (const [name, tail] of Object.entries(tails ?? {})) {
    const lines = tail.chat.map(lineOf);
    const first = lines.length > 0 ? lines[0].seq : Infinity;
    const old = channels.get(name)?.lines ?? [];
    channels.set(name, { seq: tail.seq, lines: [...old.filter((line) => line.seq < first), ...lines].slice(-CHAT_MAX) });
  }
  return channels;
}

/** @param {TalkState} state @param {Message} m @returns {TalkState} */
function inChannel(state, m) {
  const channels = new Map(state.channels);
  const known = channels.get(m.channel) ?? { seq: m.seq - 1, lines: [] };
  if (m.seq <= known.seq) return state;
  const holes = m.seq !== known.seq + 1 && !state.holes.includes(m.channel) ? [...state.holes, m.channel] : state.holes;
  const lines = m.kind === "chat" ? [...known.lines, lineOf(m)].slice(-CHAT_MAX) : known.lines;
  channels.delete(m.channel); // the newest last
  channels.set(m.channel, { seq: m.seq, lines });
  return { ...state, channels, holes };
}

/** A numbered event of the room that only talks have. @param {TalkState} state @param {Message} m @returns {TalkState} */
function told(state, m) {
  if (m.kind === "timer") return { ...state, ends_at: m.body.ends_at };
  if (m.kind === "moved") return { ...state, moved: m.body.room };
  if (m.kind === "file") {
    const files = new Map(state.files);
    files.set(m.body.id, { ...m.body, by: m.by });
    for (const id of files.keys()) {
      if (files.size <= FILES_MAX) break;
      files.delete(id);
    }
    return { ...state, files };
  }
  if (m.kind === "file_removed") {
    const files = new Map(state.files);
    files.delete(m.body.id);
    return { ...state, files };
  }
  return state;
}

/** Where we are in each channel, for a resume; of many lobbies talked to the newest.
 * @param {TalkState} state @returns {Record<string, number>} */
export function channelPoints(state) {
  return Object.fromEntries([...state.channels].slice(-POINTS_MAX).map(([name, channel]) => [name, channel.seq]));
}

/** Minutes before the planned end at which everybody is warned. */
export const WARN_MIN = /** @type {const} */ ([5, 1]);

/**
 * What the clock says: how long is left, and a warning that is due now.
 * @param {string|null} ends_at @param {number} before ms since the epoch, the look before this one @param {number} now
 * @returns {{left_ms: number, warn: number}|null} `warn`: 5 or 1 minutes, 0 for none
 */
export function timer(ends_at, before, now) {
  if (ends_at === null) return null;
  const end = Date.parse(ends_at);
  if (Number.isNaN(end)) return null;
  const due = WARN_MIN.filter((minutes) => {
    const at = end - minutes * 60_000;
    return before < at && at <= now;
  });
  return { left_ms: end - now, warn: end > now ? due.at(-1) ?? 0 : 0 };
}
