/**
 * A talk's notes, edited by several people at once: operational transformation over one text,
 * the twin of rooms/notes.py. Pure, but for the two hooks of NotesClient.
 *
 * An op is a list that runs over the whole text it was made for: a positive number keeps so many
 * characters, a negative one deletes them, a string is put in. Characters are Unicode code
 * points. Canonical: no empty part, no two neighbours of a kind, an insertion before a deletion.
 */

/** @typedef {(number|string)[]} Ops */

/** The longest text, in code points (rooms/notes.py). */
export const TEXT_MAX = 20_000;

/** Code points of a text. @param {string} text */
export function length(text) {
  let n = text.length;
  for (let i = 0; i < text.length - 1; i += 1) {
    if (isPair(text, i)) {
      n -= 1;
      i += 1;
    }
  }
  return n;
}

/** @param {string} text @param {number} i */
function isPair(text, i) {
  return (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
}

/** Builds a canonical op. */
class Builder {
  constructor() {
    /** @type {Ops} */
    this.ops = [];
  }

  /** @param {number} n */
  keep(n) {
    if (n <= 0) return;
    const last = this.ops.at(-1);
    if (typeof last === "number" && last > 0) this.ops[this.ops.length - 1] = last + n;
    else this.ops.push(n);
  }

  /** @param {number} n how many, positive */
  drop(n) {
    if (n <= 0) return;
    const last = this.ops.at(-1);
    if (typeof last === "number" && last < 0) this.ops[this.ops.length - 1] = last - n;
    else this.ops.push(-n);
  }

  /** @param {string} text */
  put(text) {
    if (text === "") return;
    const { ops } = this;
    const last = ops.at(-1);
    if (typeof last === "string") ops[ops.length - 1] = last + text;
    else if (typeof last === "number" && last < 0) {
      const before = ops.at(-2);
      if (typeof before === "string") ops[ops.length - 2] = before + text;
      else ops.splice(ops.length - 1, 0, text);
    } else ops.push(text);
  }
}

/** Whether an op changes anything. @param {Ops} ops */
export function changes(ops) {
  return ops.some((part) => typeof part === "string" || part < 0);
}

/** The text after an op. Raises RangeError when the op was made for another length.
 * @param {string} text @param {Ops} ops @returns {string} */
export function apply(text, ops) {
  const points = Array.from(text);
  const out = [];
  let at = 0;
  for (const part of ops) {
    if (typeof part === "string") out.push(part);
    else {
      const end = at + Math.abs(part);
      if (end > points.length) throw new RangeError("the op runs past the text");
      if (part > 0) out.push(points.slice(at, end).join(""));
      at = end;
    }
  }
  if (at !== points.length) throw new RangeError("the op ends before the text");
  return out.join("");
}

/** Walks over an op, giving out parts as long as asked for. */
class Reader {
  /** @param {Ops} ops */
  constructor(ops) {
    this.ops = ops;
    this.at = 0;
    /** @type {number|string|undefined} */
    this.now = ops[0];
    this.#split();
  }

  /** A string is read by code points. */
  #split() {
    this.points = typeof this.now === "string" ? Array.from(this.now) : [];
  }

  next() {
    this.at += 1;
    this.now = this.ops[this.at];
    this.#split();
  }

  /** Take `n` characters of the current part. @param {number} n */
  take(n) {
    if (typeof this.now === "string") {
      this.points = this.points.slice(n);
      this.now = this.points.join("");
      if (this.now === "") this.next();
    } else if (typeof this.now === "number") {
      this.now -= Math.sign(this.now) * n;
      if (this.now === 0) this.next();
    }
  }
}

/**
 * Two ops made for the same text, each as it is to be applied after the other:
 * apply(apply(t, a), b2) === apply(apply(t, b), a2). Where both put something in at one place,
 * `a`'s stands first. @param {Ops} a @param {Ops} b @returns {[Ops, Ops]} [a2, b2]
 */
export function transform(a, b) {
  const [left, right] = [new Reader(a), new Reader(b)];
  const [a2, b2] = [new Builder(), new Builder()];
  while (left.now !== undefined || right.now !== undefined) {
    if (typeof left.now === "string") {
      a2.put(left.now);
      b2.keep(length(left.now));
      left.next();
      continue;
    }
    if (typeof right.now === "string") {
      a2.keep(length(right.now));
      b2.put(right.now);
      right.next();
      continue;
    }
    if (left.now === undefined || right.now === undefined) throw new RangeError("ops for texts of different length");
    const n = Math.min(Math.abs(left.now), Math.abs(right.now));
    if (left.now > 0 && right.now > 0) {
      a2.keep(n);
      b2.keep(n);
    } else if (left.now < 0 && right.now > 0) a2.drop(n);
    else if (left.now > 0 && right.now < 0) b2.drop(n);
    left.take(n);
    right.take(n);
  }
  return [a2.ops, b2.ops];
}

/** One op that does what `a` and then `b` do. @param {Ops} a @param {Ops} b @returns {Ops} */
export function compose(a, b) {
  const [first, second] = [new Reader(a), new Reader(b)];
  const out = new Builder();
  while (first.now !== undefined || second.now !== undefined) {
    if (typeof first.now === "number" && first.now < 0) {
      out.drop(-first.now);
      first.next();
      continue;
    }
    if (typeof second.now === "string") {
      out.put(second.now);
      second.next();
      continue;
    }
    if (first.now === undefined || second.now === undefined) throw new RangeError("the second op is for another text");
    const n = Math.min(typeof first.now === "string" ? first.points.length : first.now, Math.abs(second.now));
    if (typeof first.now === "string") {
      if (second.now > 0) out.put(first.points.slice(0, n).join(""));
    } else if (second.now > 0) out.keep(n);
    else out.drop(n);
    first.take(n);
    second.take(n);
  }
  return out.ops;
}

/**
 * The op that makes `after` out of `before`: one change between what both begin and end with.
 * `caret` (code points, in `after`) says where the change ended when letters repeat there.
 * @param {string} before @param {string} after @param {number} [caret] @returns {Ops}
 */
export function diff(before, after, caret = Infinity) {
  const [old, now] = [Array.from(before), Array.from(after)];
  const least = Math.min(old.length, now.length);
  // What follows the caret was there before; only then is the rest compared from the front.
  const tail = Math.max(0, Math.min(least, now.length - caret));
  let end = 0;
  while (end < tail && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  let start = 0;
  while (start < least - end && old[start] === now[start]) start += 1;
  while (end < least - start && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  const out = new Builder();
  out.keep(start);
  out.put(now.slice(start, now.length - end).join(""));
  out.drop(old.length - start - end);
  out.keep(end);
  return out.ops;
}

/**
 * Where a caret stands after an op by somebody else. What is put in right at the caret goes
 * behind it. @param {number} caret code points @param {Ops} ops
 */
export function moved(caret, ops) {
  let [at, to] = [0, caret];
  for (const part of ops) {
    if (at > caret) break;
    if (typeof part === "string") {
      if (at < caret) to += length(part);
    } else {
      if (part < 0) to -= Math.min(-part, Math.max(0, caret - at));
      at += Math.abs(part);
    }
  }
  return to;
}

/** Code points before a place that is counted as scripts count. @param {string} text @param {number} index */
export function pointsAt(text, index) {
  return length(text.slice(0, index));
}

/** The place that so many code points come before. @param {string} text @param {number} points */
export function indexAt(text, points) {
  let index = 0;
  for (let n = 0; n < points && index < text.length; n += 1) index += isPair(text, index) ? 2 : 1;
  return index;
}

/**
 * One reader's copy. At most one op is on its way to the server, under a name of its own, and goes
 * again under the same name until it is known to be in the log; what is typed meanwhile waits in a
 * buffer. Others' ops are transformed against both, in the server's order.
 */
export class NotesClient {
  /**
   * @param {string} me person id
   * @param {{send: (base: number, ops: Ops, change: string) => void, show: (text: string, theirs: Ops) => void}} hooks
   *   `show`: the text changed by somebody else's `theirs`
   * @param {string} series what the names of this copy's changes begin with; no other copy's do
   */
  constructor(me, hooks, series) {
    this.me = me;
    this.hooks = hooks;
    this.series = series;
    this.made = 0;
    this.rev = 0;
    /** The server's text at `rev`. */
    this.base = "";
    this.text = "";
    /** @type {Ops|null} on its way */
    this.flying = null;
    /** @type {Ops|null} typed since */
    this.buffer = null;
    this.known = false;
  }

  /** Everything typed here is the server's too. */
  get saved() {
    return this.flying === null && this.buffer === null;
  }

  /** The name of the change on its way. @returns {string|null} */
  get change() {
    return this.flying === null ? null : `${this.series}-${this.made}`;
  }

  /** The person changed the text. @param {string} text @param {number} [caret] code points */
  edit(text, caret) {
    const ops = diff(this.text, text, caret);
    if (!changes(ops)) return;
    this.text = text;
    this.buffer = this.buffer === null ? ops : compose(this.buffer, ops);
    this.#send();
  }

  #send() {
    if (!this.known || this.flying !== null || this.buffer === null) return;
    const ops = this.buffer;
    this.buffer = null;
    if (!changes(ops)) return; // typed and taken back
    this.flying = ops;
    this.made += 1;
    this.hooks.send(this.rev, ops, `${this.series}-${this.made}`);
  }

  /** Our op did not arrive, or there is no saying: it goes again, for the text as it is now, and
   * is taken once. */
  again() {
    if (this.flying === null || this.change === null) return;
    if (changes(this.flying)) this.hooks.send(this.rev, this.flying, this.change);
    else {
      this.flying = null; // others did the same
      this.#send();
    }
  }

  /** The server will never take our op: back to what it has, and what was typed is returned.
   * @returns {string} */
  giveUp() {
    const lost = this.text;
    const theirs = diff(this.text, this.base);
    this.text = this.base;
    this.flying = this.buffer = null;
    this.hooks.show(this.text, theirs);
    return lost;
  }

  /**
   * An op of the server's log. False when one before it is missing: ask for the whole text.
   * @param {number} rev @param {Ops} ops @param {string|null} by @param {string} [change] its name
   */
  heard(rev, ops, by, change) {
    if (rev <= this.rev) return true;
    if (!this.known || rev !== this.rev + 1) return false;
    const before = this.base;
    this.base = apply(before, ops);
    this.rev = rev;
    if (this.flying !== null && by === this.me && change === this.change) {
      const thought = apply(before, this.flying);
      this.flying = null;
      // Written for an older text than ours by then, it may stand elsewhere than we think.
      if (thought !== this.base) this.#theirs(diff(thought, this.base));
      this.#send();
    } else this.#theirs(ops);
    return true;
  }

  /** What the server's text has and ours has not. What stands in the log goes first.
   * @param {Ops} ops */
  #theirs(ops) {
    let theirs = ops;
    if (this.flying !== null) [theirs, this.flying] = transform(theirs, this.flying);
    if (this.buffer !== null) [theirs, this.buffer] = transform(theirs, this.buffer);
    this.text = apply(this.text, theirs);
    this.hooks.show(this.text, theirs);
  }

  /**
   * The server's whole text. What was typed here and is not in it yet is kept, and sent. False
   * when it does not say whether the op on its way is in it: ask again.
   * @param {number} rev @param {string} text
   * @param {string|null} [asked] the name of the change that was asked about
   * @param {number} [taken] the revision it became
   */
  reset(rev, text, asked = null, taken = undefined) {
    if (this.known && rev < this.rev) return true;
    if (this.flying !== null && asked !== this.change) return false;
    if (this.flying !== null && taken !== undefined) {
      this.base = apply(this.base, this.flying);
      this.flying = null;
    }
    const theirs = diff(this.base, text);
    [this.base, this.rev, this.known] = [text, rev, true];
    this.#theirs(theirs);
    if (this.flying !== null) this.again();
    else this.#send();
    return true;
  }
}
