/**
 * Files of a talk: kept with it by the fair, or, while the browsers are connected directly, handed
 * straight to the others without passing through the fair. Always saved, never opened here.
 */

import { announce } from "../announce.js";
import { ApiError, call } from "../api.js";
import { el, icon, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { FILE_MAX } from "./wire.js";

/** @typedef {import("./state.js").TalkState} TalkState */
/** @typedef {import("./state.js").TalkFile} TalkFile */
/** @typedef {import("../state.js").RoomState} RoomState */

const RECEIVED_MAX = 20;

export class Files {
  /** @param {import("./live.js").TalkLive} talk */
  constructor(talk) {
    this.talk = talk;
    /** Kept by the fair, as last listed. @type {Map<string, TalkFile & {mine?: boolean}>} */
    this.kept = new Map();
    this.open = false;
    this.news = 0;
    this.list = el("ul", { class: "files", "aria-label": t("Files of this talk") });
    this.direct = el("ul", { class: "files", "aria-label": t("Files handed over directly") });
    this.none = el("p", { class: "muted" }, t("No files yet."));
    this.work = el("ul", { class: "transfers", "aria-label": t("On their way") });
    this.fault = el("p", { class: "fault", role: "alert", hidden: true });
    this.input = el("input", { type: "file", class: "vh", id: "file-put", tabindex: "-1", "aria-label": t("Choose a file to share"), onchange: () => void this.#put() });
    this.inputDirect = el("input", { type: "file", class: "vh", id: "file-hand", tabindex: "-1", "aria-label": t("Choose a file to hand over"), onchange: () => void this.#hand() });
    this.put = el("button", { type: "button", class: "btn btn-primary btn-wide", onclick: () => this.input.click() }, icon("upload"), t("Share a file"));
    this.hand = el("button", { type: "button", class: "btn btn-wide", onclick: () => this.inputDirect.click() }, icon("link"), t("Hand a file over directly"));
    this.handNote = el("p", { class: "muted small" }, t("Directly: encrypted from browser to browser, kept by nobody in between; only people who are here now get it."));
    this.node = el("div", { class: "panel-body" },
      el("div", { class: "stack-s" }, this.put, this.input,
        el("p", { class: "muted small" }, t("PDF, pictures, Office documents and plain text, up to 20 MB. Kept with the talk for its members.")),
        this.hand, this.inputDirect, this.handNote),
      this.fault, this.work, this.none, this.list, this.direct);
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    /** @type {{url: string, node: HTMLElement}[]} */
    this.received_ = [];
  }

  get #path() {
    return `/api/v1/negotiations/${this.talk.page.slug}/files`;
  }

  get #token() {
    return this.talk.page.token || undefined;
  }

  /** What is kept, asked for anew. */
  async fetch() {
    try {
      const answer = await call("GET", this.#path, { token: this.#token });
      this.kept = new Map(answer.data.items.map((/** @type {any} */ one) => [one.id, one]));
      this.#list();
    } catch {
      // Shown as it was; the next event or opening asks again.
    }
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    const [now, old] = /** @type {[TalkState, TalkState|null]} */ ([state, before]);
    const direct = state.media_mode === "direct";
    this.hand.hidden = this.handNote.hidden = !direct;
    if (old && now.files === old.files) return;
    const fresh = [...now.files.values()].filter((one) => !old?.files.has(one.id) && one.by !== this.talk.me.id);
    if (old !== null && fresh.length > 0) this.#new(fresh[0].filename);
    void this.fetch();
  }

  /** @param {string} name */
  #new(name) {
    announce(t("A new file: {name}", { name }));
    if (this.open) return;
    this.news += 1;
    this.talk.bar.count("files", this.news);
  }

  #list() {
    this.none.hidden = this.kept.size + this.received_.length > 0;
    this.list.replaceChildren(...[...this.kept.values()].map((one) => this.#row(one)));
  }

  /** @param {TalkFile & {mine?: boolean}} one */
  #row(one) {
    const who = one.by === this.talk.me.id ? t("you") : this.talk.nameOf(one.by ?? "");
    const may = one.by === this.talk.me.id || this.talk.host;
    return el("li", { class: "file" }, icon("file"),
      el("span", { class: "file-text" },
        el("button", { type: "button", class: "link file-name", lang: "", onclick: () => void this.#save(one) }, one.filename),
        el("span", { class: "file-note" }, [sizeOf(one.size), who].filter(Boolean).join(" · "))),
      may ? el("button", { type: "button", class: "row-act", title: t("Take away"), "aria-label": t("Take away {name}", { name: one.filename }), onclick: () => void this.#remove(one) }, icon("trash")) : null);
  }

  /** @param {TalkFile} one */
  async #save(one) {
    this.#say("");
    if (!this.#token) {
      saveFrom(`${this.#path}/${one.id}`, one.filename);
      return;
    }
    try { // a link carries no token
      const answer = await fetch(`${this.#path}/${one.id}`, { headers: { Authorization: `Bearer ${this.#token}` } });
      if (!answer.ok) throw new ApiError(answer.status, {});
      const url = URL.createObjectURL(await answer.blob());
      saveFrom(url, one.filename);
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch {
      this.#say(t("The file could not be fetched. Try again in a moment."));
    }
  }

  /** @param {TalkFile} one */
  async #remove(one) {
    try {
      await call("DELETE", `${this.#path}/${one.id}`, { token: this.#token });
      this.kept.delete(one.id);
      this.#list();
      this.put.focus();
    } catch (fault) {
      this.#say(faultText(fault));
    }
  }

  /** @param {string} text */
  #say(text) {
    this.fault.hidden = text === "";
    setText(this.fault, text);
  }

  /** @param {HTMLInputElement} input @returns {File|null} */
  #chosen(input) {
    const file = input.files?.[0] ?? null;
    input.value = "";
    this.#say("");
    if (file === null) return null;
    if (file.size === 0) this.#say(t("This file is empty."));
    else if (file.size > FILE_MAX) this.#say(t("This file is larger than 20 MB."));
    else return file;
    return null;
  }

  /** Share: to the fair, with progress. */
  async #put() {
    const file = this.#chosen(this.input);
    if (file === null) return;
    const row = this.#transfer(file.name, t("Sharing with everyone"));
    try {
      const kept = await upload(`${this.#path}?filename=${encodeURIComponent(file.name)}`, file, this.#token, row.progress);
      this.kept.set(kept.id, kept);
      this.#list();
      announce(t("Shared: {name}", { name: file.name }));
    } catch (fault) {
      this.#say(faultText(fault));
    } finally {
      row.node.remove();
    }
  }

  /** Hand over: to each browser that is connected now. */
  async #hand() {
    const file = this.#chosen(this.inputDirect);
    if (file === null) return;
    const wires = this.talk.media.mesh.reachable();
    if (wires.length === 0) {
      this.#say(t("Nobody is connected directly just now."));
      return;
    }
    const id = crypto.randomUUID();
    const done = await Promise.all(wires.map(async ([person, wire]) => {
      const row = this.#transfer(file.name, t("To {name}", { name: this.talk.nameOf(person) }));
      try {
        await wire.send(id, file, (sent) => row.progress(sent, file.size));
        return true;
      } catch {
        this.#say(t("{name} did not get the file: the connection ended.", { name: this.talk.nameOf(person) }));
        return false;
      } finally {
        row.node.remove();
      }
    }));
    const n = done.filter(Boolean).length;
    if (n > 0) announce(tn("Handed to {n} person: {name}", "Handed to {n} people: {name}", n, { name: file.name }));
  }

  /** @param {string} name @param {string} note */
  #transfer(name, note) {
    const meter = el("progress", { max: 1, value: 0, "aria-label": name });
    const node = el("li", { class: "transfer" }, el("span", { lang: "" }, name), el("span", { class: "muted small" }, note), meter);
    this.work.append(node);
    return { node, progress: (/** @type {number} */ done, /** @type {number} */ size) => { meter.value = size > 0 ? done / size : 0; } };
  }

  /** Somebody hands us a file. @param {string} person @param {string} id @param {number} done @param {number} size */
  coming(person, id, done, size) {
    const key = `${person}/${id}`;
    const there = this.rows.get(key);
    if (done < 0 || done >= size) {
      there?.remove();
      this.rows.delete(key);
      if (done < 0) this.#say(t("A file from {name} did not arrive whole.", { name: this.talk.nameOf(person) }));
      return;
    }
    if (there) {
      /** @type {HTMLProgressElement} */ (there.querySelector("progress")).value = done / size;
      return;
    }
    const row = this.#transfer(t("A file"), t("From {name}", { name: this.talk.nameOf(person) }));
    this.rows.set(key, row.node);
  }

  /** @param {string} person @param {import("./wire.js").Received} file */
  received(person, file) {
    const url = URL.createObjectURL(file.blob);
    const name = cleaned(file.name);
    const node = el("li", { class: "file" }, icon("file"),
      el("span", { class: "file-text" }, el("a", { href: url, download: name, class: "file-name", lang: "" }, name),
        el("span", { class: "file-note" }, [sizeOf(file.blob.size), t("From {name}", { name: this.talk.nameOf(person) }), t("directly")].join(" · "))));
    this.direct.append(node);
    this.received_.push({ url, node });
    while (this.received_.length > RECEIVED_MAX) {
      const old = this.received_.shift();
      if (old) URL.revokeObjectURL(old.url);
      old?.node.remove();
    }
    this.none.hidden = true;
    this.#new(name);
    this.talk.toast(t("{from} handed you a file: {name}", { from: this.talk.nameOf(person), name }), "info", {
      ways: [{ text: t("Save"), act: () => saveFrom(url, name) }],
    });
  }

  opened() {
    this.open = true;
    this.news = 0;
    this.talk.bar.count("files", 0);
    void this.fetch();
  }

  closed() {
    this.open = false;
  }

  /** @param {HTMLElement} _heading */
  focus(_heading) {
    this.put.focus();
  }

  stop() {
    for (const { url } of this.received_) URL.revokeObjectURL(url);
  }
}

/** A name without a path, without what could turn the reading order. @param {string} name */
export function cleaned(name) {
  const last = name.split(/[\\/]/).at(-1) ?? "";
  const plain = last.replace(/[\p{Cc}\p{Cf}]/gu, "").trim().slice(0, 200);
  return plain === "" || /^\.+$/.test(plain) ? t("file") : plain;
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  const lang = document.documentElement.lang || "en";
  const [n, unit] = bytes >= 1_000_000 ? [bytes / 1_000_000, "MB"] : [Math.max(1, Math.round(bytes / 1000)), "KB"];
  return `${new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }).format(n)} ${unit}`;
}

/** @param {string} href @param {string} name */
function saveFrom(href, name) {
  el("a", { href, download: name }).click();
}

/** A request with progress, which fetch has not. @param {string} path @param {File} file
 * @param {string|undefined} token @param {(done: number, size: number) => void} progress @returns {Promise<any>} */
function upload(path, file, token, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "json";
    const csrf = document.documentElement.dataset.csrf;
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    if (csrf) request.setRequestHeader("X-CSRF-Token", csrf);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onerror = () => reject(new ApiError(0, {}));
    request.onload = () => (request.status === 201 ? resolve(request.response) : reject(new ApiError(request.status, request.response ?? {})));
    request.send(file);
  });
}

/** @param {unknown} fault */
function faultText(fault) {
  const code = fault instanceof ApiError ? fault.code : "no_answer";
  switch (code) {
    case "bad_file": return t("This kind of file is not taken, or its content is not what its name says. PDF, pictures, Office documents and plain text are.");
    case "too_large": return t("This file is larger than 20 MB, or the talk's files are 60 MB together already.");
    case "too_many": return t("A talk holds 20 files. Take one away first.");
    case "rate_limited": return t("Too many files in a short time. Wait a moment, then try again.");
    case "forbidden": return t("Only whoever shared it, and the host side, may take it away.");
    case "unknown_room": return t("The talk is over, or you are no longer in it.");
    case "unknown_file": return t("The file is not there any more.");
    default: return t("The file did not get through. Check your network and try again.");
  }
}
