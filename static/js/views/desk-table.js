/**
 * The desk's table: keyed rows patched in place, sorted by urgency, still while in use.
 */

import { bar, el, icon, setText, sparkline, statusBadge } from "../dom.js";
import { number, span, t, tn } from "../i18n.js";
import { byUrgency, CAPACITY_MAX, effectOf, moves, occupied, parseCapacity, parseSeats, statusOf, Trend } from "../desk-model.js";
import { statusWord } from "../words.js";

/** @typedef {import("../desk-model.js").Row} Row */

export class DeskTable {
  /** @param {import("../pages/desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    /** @type {Map<string, Line>} */
    this.lines = new Map();
    /** @type {Row[]} */
    this.rows = [];
    this.wanted = "";
    this.body = el("tbody", {});
    this.apply = el("button", { type: "button", class: "btn btn-small", onclick: () => this.#sort() });
    // Always in the page, so that its appearing pushes nothing away.
    this.held = el("p", { class: "desk-held" }, this.apply);
    this.apply.hidden = true;
    this.empty = el("p", { class: "empty", hidden: true }, t("No room has that in its name."));
    const heads = [t("Room"), t("State"), t("Seats"), t("Waiting"), t("Stage"), t("Hands"), t("Capacity"), t("Actions")];
    this.node = el("div", { class: "desk-table" },
      el("table", {}, el("caption", { class: "vh" }, t("All rooms, the most urgent first")),
        el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))), this.body), this.empty);
    this.body.addEventListener("pointerleave", () => this.#settle());
    this.body.addEventListener("focusout", () => setTimeout(() => this.#settle(), 0));
  }

  /** Whether somebody is at work in the rows. */
  #inUse() {
    return this.body.matches(":hover") || this.body.contains(document.activeElement);
  }

  /** @param {Row[]} rows */
  show(rows) {
    this.rows = rows;
    const gone = new Set(this.lines.keys());
    for (const row of rows) {
      gone.delete(row.room);
      let line = this.lines.get(row.room);
      if (line === undefined) {
        line = new Line(this.desk, row);
        this.lines.set(row.room, line);
        this.body.append(line.node);
      }
      line.draw(row);
      line.track(row);
    }
    for (const room of gone) {
      this.lines.get(room)?.node.remove();
      this.lines.delete(room);
    }
    this.filter(this.wanted);
    this.#settle();
  }

  /** Sort, or say how many rows would move while the table is in use. */
  #settle() {
    const wanted = [...this.rows].sort(byUrgency).map((row) => row.room);
    const n = moves(this.#shown(), wanted);
    if (n > 0 && !this.#inUse()) this.#sort();
    else {
      this.apply.hidden = n === 0;
      setText(this.apply, tn("{n} row would move: apply", "{n} rows would move: apply", n));
    }
  }

  #shown() {
    return [...this.body.children].map((node) => /** @type {HTMLElement} */ (node).dataset.room ?? "");
  }

  #sort() {
    const sorted = [...this.rows].sort(byUrgency);
    sorted.forEach((row, place) => {
      const node = this.lines.get(row.room)?.node;
      if (node && this.body.children[place] !== node) this.body.insertBefore(node, this.body.children[place] ?? null);
    });
    this.apply.hidden = true;
  }

  /** @param {string} text */
  filter(text) {
    this.wanted = text;
    const wanted = text.trim().toLocaleLowerCase();
    let shown = 0;
    for (const line of this.lines.values()) {
      const hit = `${line.row.title} ${line.row.room}`.toLocaleLowerCase().includes(wanted);
      line.node.hidden = !hit;
      if (hit) shown += 1;
    }
    this.empty.hidden = shown > 0;
  }
}

/** One room. */
class Line {
  /** @param {import("../pages/desk.js").Desk} desk @param {Row} row */
  constructor(desk, row) {
    this.desk = desk;
    this.row = row;
    this.etag = "";
    this.editing = false;
    const id = `cap-${row.room}`;
    const cell = (/** @type {string} */ label, /** @type {string} */ cls) => el("td", { "data-label": label, class: cls });
    this.title = el("th", { scope: "row", class: "desk-room" }, el("span", { lang: "" }, row.title), el("a", { class: "desk-slug", href: `/rooms/${row.room}`, target: "_blank", rel: "noopener" }, row.room));
    this.state = cell(t("State"), "desk-state");
    this.seats = cell(t("Seats"), "desk-seats");
    /** The last ten minutes, beside the count. */
    this.past = el("span", { class: "desk-trend" });
    this.trend = new Trend();
    this.waiting = cell(t("Waiting"), "num");
    this.stage = cell(t("Stage"), "num");
    this.hands = cell(t("Hands"), "num");
    this.input = el("input", { id, inputmode: "numeric", autocomplete: "off", maxlength: 6, value: String(row.capacity), "aria-describedby": `${id}-effect` });
    this.reserved = el("input", { id: `res-${row.room}`, inputmode: "numeric", autocomplete: "off", maxlength: 6, value: String(row.reserved), "aria-describedby": `${id}-effect` });
    this.effect = el("p", { class: "effect", id: `${id}-effect` });
    this.set = el("button", { type: "submit", class: "btn btn-small btn-primary", hidden: true }, t("Set"));
    this.cancel = el("button", { type: "button", class: "btn btn-small", hidden: true, onclick: () => this.#stop(true) }, t("Cancel"));
    const step = (/** @type {number} */ by) => el("button", {
      type: "button", class: "step", onclick: () => this.#step(by),
      "aria-label": by > 0 ? t("{n} more seats: {room}", { n: by, room: row.title }) : t("{n} fewer seats: {room}", { n: -by, room: row.title }),
    }, by > 0 ? `+${by}` : `−${-by}`);
    this.form = el("form", { class: "cap" },
      el("label", { class: "vh", for: id }, t("Capacity of {room}", { room: row.title })),
      step(-10), step(-1), this.input, step(1), step(10),
      el("div", { class: "cap-kept" }, el("label", { for: `res-${row.room}` }, t("Reserved"), el("span", { class: "vh" }, " ", row.title)), this.reserved),
      el("div", { class: "cap-do" }, this.set, this.cancel, this.effect));
    this.lock = el("button", { type: "button", class: "btn btn-small", onclick: () => void this.desk.lock(this.row) });
    this.open = el("button", { type: "button", class: "btn btn-small", onclick: () => void this.desk.people.open(this.row), "aria-label": t("People in {room}", { room: row.title }) }, icon("people"), t("People"));
    this.node = el("tr", { "data-room": row.room }, this.title, this.state, this.seats, this.waiting, this.stage, this.hands,
      el("td", { "data-label": t("Capacity"), class: "desk-cap" }, this.form), el("td", { "data-label": t("Actions"), class: "desk-do" }, el("div", { class: "desk-btns" }, this.open, this.lock)));
    this.key = "";
    this.#wire();
  }

  #wire() {
    for (const input of [this.input, this.reserved]) {
      input.addEventListener("input", () => this.#preview());
      input.addEventListener("focus", () => this.#begin());
    }
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#save();
    });
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.editing) this.#stop(true);
      const by = event.target === this.input ? { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key] : undefined;
      if (by !== undefined) {
        event.preventDefault();
        this.#step(by);
      }
    });
  }

  /** @param {Row} row */
  draw(row) {
    const key = JSON.stringify(row);
    if (key === this.key) return;
    const before = this.key === "" ? null : this.row;
    this.key = key;
    this.row = row;
    const status = statusOf(row);
    this.node.dataset.status = status;
    this.state.replaceChildren(statusBadge(status, statusWord(status)));
    if (row.locked && status !== "locked") this.state.append(el("span", { class: "desk-sub" }, icon("lock"), t("Locked")));
    const taken = occupied(row);
    this.seats.replaceChildren(
      el("div", { class: "desk-count" }, el("b", {}, number(taken)), ` / ${number(row.capacity)}`, el("span", { class: "muted" }, ` · ${Math.round((100 * taken) / row.capacity)} %`), this.past),
      bar([{ cls: "fill-in", n: row.live }, { cls: "fill-held", n: row.held }, { cls: "fill-offered", n: row.offered }], Math.max(row.capacity, taken), row.reserved ? row.capacity - row.reserved : undefined),
      el("div", { class: "desk-sub" }, [
        t("{n} live", { n: number(row.live) }),
        row.held ? t("{n} held", { n: number(row.held) }) : "", row.offered ? t("{n} offered", { n: number(row.offered) }) : "",
        row.reserved ? t("{n} reserved", { n: number(row.reserved) }) : ""].filter(Boolean).join(" · ")));
    this.waiting.replaceChildren(el("b", {}, number(row.waiting)),
      row.waiting > 0 && row.oldest_wait_ms !== null ? el("span", { class: "desk-sub" }, t("longest {time}", { time: span(row.oldest_wait_ms) })) : "");
    setText(this.stage, row.stage_capacity === null ? number(row.stage) : t("{n} of {m}", { n: number(row.stage), m: number(row.stage_capacity) }));
    setText(this.hands, number(row.hands));
    this.lock.replaceChildren(icon(row.locked ? "unlock" : "lock"), row.locked ? t("Unlock") : t("Lock"));
    this.lock.setAttribute("aria-label", row.locked ? t("Unlock {room}", { room: row.title }) : t("Lock {room}", { room: row.title }));
    this.lock.disabled = row.state === "closed";
    if (this.editing) this.#preview();
    else {
      this.input.value = String(row.capacity);
      this.reserved.value = String(row.reserved);
    }
    if (before && before.waiting !== row.waiting) flash(this.waiting);
    if (before && (occupied(before) !== taken || before.capacity !== row.capacity)) flash(this.seats);
  }

  /** A point of the last ten minutes; drawn when it is a new one. @param {Row} row */
  track(row) {
    const now = performance.now();
    if (!this.trend.add(now, occupied(row))) return;
    const change = this.trend.change;
    const word = change > 0 ? t("{n} more than ten minutes ago", { n: number(change) })
      : change < 0 ? t("{n} fewer than ten minutes ago", { n: number(-change) }) : "";
    this.past.replaceChildren(sparkline(this.trend.line(now, row.capacity)), el("span", { class: "vh" }, word));
    this.past.title = word;
  }

  #begin() {
    if (this.editing) return;
    this.editing = true;
    this.etag = "";
    this.set.hidden = this.cancel.hidden = false;
    this.desk.read(this.row.room).then((answer) => { this.etag = answer.etag; }, (fault) => this.desk.fail(fault, this.row.room));
    this.#preview();
  }

  /** @param {boolean} reset */
  #stop(reset) {
    this.editing = false;
    this.set.hidden = this.cancel.hidden = true;
    for (const input of [this.input, this.reserved]) input.removeAttribute("aria-invalid");
    setText(this.effect, "");
    if (!reset) return;
    this.input.value = String(this.row.capacity);
    this.reserved.value = String(this.row.reserved);
  }

  /** @param {number} by */
  #step(by) {
    this.#begin();
    const now = parseCapacity(this.input.value) ?? this.row.capacity;
    this.input.value = String(Math.min(CAPACITY_MAX, Math.max(1, now + by)));
    this.#preview();
  }

  /** The numbers as typed; null after saying which is none. @returns {{capacity: number, reserved: number}|null} */
  #typed() {
    const capacity = parseCapacity(this.input.value);
    const reserved = parseSeats(this.reserved.value, 0, capacity ?? CAPACITY_MAX);
    mark(this.input, capacity === null);
    mark(this.reserved, reserved === null);
    if (capacity === null) this.#say(t("1 to {n} seats", { n: number(CAPACITY_MAX) }), "warn");
    else if (reserved === null) this.#say(t("0 to {n} reserved seats", { n: number(capacity) }), "warn");
    return capacity === null || reserved === null ? null : { capacity, reserved };
  }

  #preview() {
    const wanted = this.#typed();
    if (wanted === null) return;
    const { kind, n, most, kept } = effectOf(this.row, wanted.capacity, wanted.reserved);
    if (kind === "same") this.#say("", "");
    else if (kind === "over") this.#say(tn("Leaves {n} over: nobody is removed, nobody enters until {n} has left.", "Leaves {n} over: nobody is removed, nobody enters until {n} have left.", n), "warn");
    else if (kind === "locked") this.#say(t("Seats nobody while the room is locked."), "warn");
    else if (kind === "seats" && most === 0) this.#say(kept > 0 ? t("Seats nobody waiting: the free seats are reserved.") : t("Seats nobody waiting."), "warn");
    else if (kind === "seats" && n < most) this.#say(t("Seats {n} to {m} waiting, as reserved seats allow.", { n: number(n), m: number(most) }), "ok");
    else if (kind === "seats") this.#say(tn("Seats the first {n} waiting.", "Seats the first {n} waiting.", n), "ok");
    else if (kept > 0) this.#say(tn("{n} seat free afterwards, up to {k} kept as reserved.", "{n} seats free afterwards, up to {k} kept as reserved.", n, { k: number(kept) }), "");
    else this.#say(tn("{n} seat free afterwards.", "{n} seats free afterwards.", n), "");
  }

  /** @param {string} text @param {string} kind */
  #say(text, kind) {
    setText(this.effect, text);
    this.effect.dataset.kind = kind;
  }

  async #save() {
    const wanted = this.#typed();
    if (wanted === null) return;
    /** @type {Record<string, number>} */
    const change = {};
    if (wanted.capacity !== this.row.capacity) change.capacity = wanted.capacity;
    if (wanted.reserved !== this.row.reserved) change.reserved = wanted.reserved;
    if (Object.keys(change).length === 0) {
      this.#stop(true);
      return;
    }
    this.set.disabled = true;
    const etag = this.etag || (await this.desk.read(this.row.room).catch(() => null))?.etag || "";
    const result = await this.desk.change(this.row.room, change, etag);
    this.set.disabled = false;
    if (result === "done") {
      this.#stop(false);
      this.input.blur();
      this.open.focus();
    } else if (result === "conflict") await this.#conflict(wanted.capacity);
  }

  /** Somebody else was quicker: show theirs beside ours and let the person decide. @param {number} wanted */
  async #conflict(wanted) {
    const now = await this.desk.read(this.row.room).catch(() => null);
    if (now === null) return;
    this.etag = now.etag;
    this.#say(t("Somebody changed this room meanwhile: it has {theirs} seats now. “Set” makes it {ours}.", { theirs: number(now.data.capacity), ours: number(wanted) }), "warn");
    this.set.focus();
  }
}

/** @param {HTMLElement} input @param {boolean} wrong */
function mark(input, wrong) {
  if (wrong) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** @param {HTMLElement} cell */
function flash(cell) {
  cell.classList.remove("flash");
  requestAnimationFrame(() => cell.classList.add("flash"));
}
