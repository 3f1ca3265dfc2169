/**
 * What we know of one room: a pure reducer over server messages. Views draw what it returns;
 * an unchanged part keeps its identity, so a view can skip by comparing references.
 */

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./messages.js").Person} Person */
/** @typedef {import("./messages.js").Room} Room */
/** @typedef {import("./messages.js").Slot} Slot */
/** @typedef {{seq: number, at: string, by: string|null, name: string, text: string,
 *   kind: "chat"|"announcement", unsaid: boolean}} Line */

/**
 * @typedef {object} RoomState
 * @property {"outside"|"waiting"|"offered"|"inside"|"refused"} phase
 * @property {string} epoch
 * @property {number} seq last numbered event seen
 * @property {boolean} gap an event is missing: a fresh snapshot is needed
 * @property {Room|null} room
 * @property {ReadonlyMap<string, Person>} people those the server told us about
 * @property {number} total people in the room
 * @property {string|null} next where the next page of people starts
 * @property {readonly Line[]} chat oldest first, append-only but for `unsaid`
 * @property {readonly string[]} reactions
 * @property {readonly string[]} speaking loudest first
 * @property {readonly Slot[]} slots
 * @property {number} position place in the queue, 0 when not waiting
 * @property {number} queue how many wait
 * @property {number} offer_ms how long an offered seat is kept
 * @property {Message|null} refusal
 * @property {string} media_mode
 */

/** Lines of chat kept; older ones are on the server. */
export const CHAT_MAX = 500;

/** @returns {RoomState} */
export function initial() {
  return {
    phase: "outside", epoch: "", seq: 0, gap: false, room: null, people: new Map(), total: 0,
    next: null,
    chat: [], reactions: [], speaking: [], slots: [], position: 0, queue: 0, offer_ms: 0,
    refusal: null, media_mode: "sfu",
  };
}

/**
 * The state after a message. Messages of other rooms change nothing.
 * @param {RoomState} state
 * @param {Message} message
 * @returns {RoomState}
 */
export function reduce(state, message) {
  const step = STEPS[message.type];
  return step ? step(state, message) : state;
}

/** @type {Record<string, (state: RoomState, message: Message) => RoomState>} */
const STEPS = {
  entered: (state, message) => entered(state, message),
  waiting: (state, m) => ({
    ...state, phase: "waiting", position: m.position, queue: m.total, refusal: null,
  }),
  offered: (state, m) => ({ ...state, phase: "offered", offer_ms: m.expires_ms }),
  refused: (state, m) => ({ ...state, phase: "refused", refusal: m }),
  resumed: (state, m) => ({ ...state, phase: "inside", seq: Math.max(state.seq, m.seq) }),
  left: (state) => ({ ...state, phase: "outside", position: 0 }),
  room: (state, m) => ({ ...state, room: /** @type {any} */ (m) }),
  roster: (state, message) => roster(state, message),
  roster_page: (state, m) => ({
    ...state, people: withPeople(state.people, m.items), total: m.total, next: m.next,
  }),
  speaking: (state, m) => ({ ...state, speaking: m.ids }),
  slots: (state, m) => ({ ...state, slots: m.slots }),
  event: (state, message) => event(state, message),
};

/** @param {RoomState} state @param {Message} m @returns {RoomState} */
function entered(state, m) {
  const tail = /** @type {Message[]} */ (m.snapshot.chat).map(lineOf);
  return {
    ...state,
    phase: "inside", epoch: m.epoch, seq: m.seq, gap: false, refusal: null, position: 0,
    room: m.snapshot.room,
    people: withPeople(new Map(), m.snapshot.roster.items),
    total: m.snapshot.roster.total,
    next: m.snapshot.roster.next,
    chat: merged(state.epoch === m.epoch ? state.chat : [], tail),
    reactions: m.snapshot.reactions,
    media_mode: m.media_mode,
  };
}

/**
 * The old lines and the snapshot's tail without repeats: what was read stays on the page.
 * @param {readonly Line[]} old @param {readonly Line[]} tail
 */
function merged(old, tail) {
  const first = tail.length > 0 ? tail[0].seq : Infinity;
  return [...old.filter((line) => line.seq < first), ...tail].slice(-CHAT_MAX);
}

/** @param {ReadonlyMap<string, Person>} people @param {Person[]} items */
function withPeople(people, items) {
  const next = new Map(people);
  for (const person of items) next.set(person.id, person);
  return next;
}

/** @param {RoomState} state @param {Message} m @returns {RoomState} */
function roster(state, m) {
  const people = withPeople(state.people, m.add);
  for (const id of m.remove) people.delete(id);
  return { ...state, people, total: m.total };
}

/** A line of chat, of an event. @param {Message} m @returns {Line} */
export function lineOf(m) {
  return {
    seq: m.seq, at: m.at, by: m.by, name: m.body.name ?? "", text: m.body.text ?? "",
    kind: m.kind === "announcement" ? "announcement" : "chat", unsaid: m.body.unsaid === true,
  };
}

/** @param {RoomState} state @param {Message} m @returns {RoomState} */
function event(state, m) {
  if (m.epoch !== state.epoch) return { ...state, gap: true };
  if (m.seq <= state.seq) return state; // seen already
  if (m.seq !== state.seq + 1) return { ...state, gap: true };
  const next = { ...state, seq: m.seq };
  switch (m.kind) {
    case "chat":
    case "announcement":
      return { ...next, chat: [...state.chat, lineOf(m)].slice(-CHAT_MAX) };
    case "unsay":
      return {
        ...next,
        chat: state.chat.map((l) => (l.seq === m.body.seq ? { ...l, text: "", unsaid: true } : l)),
      };
    case "media_mode":
      return { ...next, media_mode: m.body.mode };
    default:
      return next;
  }
}

/**
 * The order of the people panel: hands in their order, then the stage, hosts, everyone else.
 * @param {RoomState} state
 * @returns {Person[]}
 */
export function inOrder(state) {
  const rank = { organiser: 2, moderator: 2, host: 1, speaker: 3, participant: 4 };
  const hands = state.room ? state.room.hands : [];
  const stage = new Set(state.room ? state.room.stage.map((member) => member.id) : []);
  /** @param {Person} p @returns {[number, number, string]} */
  const key = (p) => {
    const hand = hands.indexOf(p.id);
    if (hand >= 0) return [0, hand, p.name];
    if (stage.has(p.id)) return [1, 0, p.name];
    return [2, rank[/** @type {keyof typeof rank} */ (p.role)] ?? 4, p.name];
  };
  return [...state.people.values()]
    .map((person) => ({ person, key: key(person) }))
    .sort((a, b) => a.key[0] - b.key[0] || a.key[1] - b.key[1] || a.key[2].localeCompare(b.key[2]))
    .map(({ person }) => person);
}

/**
 * Whether `id` is on stage.
 * @param {RoomState} state @param {string} id
 */
export function onStage(state, id) {
  return state.room !== null && state.room.stage.some((member) => member.id === id);
}
