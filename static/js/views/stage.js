/** The stage: the active speaker large, the others in a strip, ourselves among them. */

import { announce } from "../announce.js";
import { el, icon, setIcon, setText } from "../dom.js";
import { useSpeaker } from "../devices.js";
import { t } from "../i18n.js";
import { THUMBS } from "../peer.js";
import { settings } from "../settings.js";

/** @typedef {import("../state.js").RoomState} RoomState */
/** @typedef {import("../messages.js").StageMember} StageMember */

/** One picture with its name; a disc with initials while there is no picture. */
export class Tile {
  /** @param {{pin: (id: string) => void}} stage @param {string} cls */
  constructor(stage, cls) {
    this.who = "";
    this.video = el("video", { autoplay: true, playsinline: true, muted: true, hidden: true, "aria-hidden": "true" });
    this.video.muted = true; // sound has elements of its own
    // The tile takes the picture's shape, so that no empty band frames it.
    for (const moment of ["loadedmetadata", "resize"]) this.video.addEventListener(moment, () => this.#shape());
    this.initials = el("span", { class: "initials", "aria-hidden": "true" });
    this.name = el("span", { class: "tile-name", lang: "" });
    this.mic = icon("mic", "tile-mic");
    this.muted = el("span", { class: "vh" });
    this.talks = el("span", { class: "tile-talks", hidden: true }, icon("speaker"), el("span", { class: "vh" }, t("speaking")));
    this.pin = el("button", { type: "button", class: "tile-act", onclick: () => stage.pin(this.who) }, icon("pin"));
    this.node = el("div", { class: `tile ${cls}`, role: "group" }, this.video, this.initials,
      el("div", { class: "tile-label" }, this.mic, this.name, this.muted, this.talks), el("div", { class: "tile-acts" }, this.pin));
  }

  /**
   * @param {string} id @param {string} name @param {MediaStreamTrack|null} track
   * @param {{muted: boolean, speaking: boolean, pinned: boolean}} facts
   */
  show(id, name, track, facts) {
    this.node.hidden = false;
    this.who = id;
    setText(this.name, name);
    setText(this.initials, initials(name));
    this.node.setAttribute("aria-label", name);
    this.node.toggleAttribute("data-speaking", facts.speaking);
    this.talks.hidden = !facts.speaking;
    setIcon(this.mic, facts.muted ? "mic-off" : "mic");
    setText(this.muted, facts.muted ? t("microphone off") : "");
    this.pin.setAttribute("aria-pressed", String(facts.pinned));
    this.pin.setAttribute("aria-label", t("Keep {name} large", { name }));
    const old = /** @type {MediaStream|null} */ (this.video.srcObject);
    if (track === null) {
      if (old) this.video.srcObject = null;
    } else if (old?.getTracks()[0] !== track) {
      this.video.srcObject = new MediaStream([track]);
      void this.video.play().catch(() => undefined); // muted video may always play; paused when hidden
    }
    // The initials stay beneath: until the first frame of a picture they are what there is to see.
    this.video.hidden = track === null;
    this.#shape();
  }

  #shape() {
    const { videoWidth: width, videoHeight: height, hidden } = this.video;
    this.node.style.setProperty("--ratio", hidden || !width || !height ? "1.7778" : (width / height).toFixed(4));
  }

  hide() {
    this.node.hidden = true;
    this.video.srcObject = null;
  }
}

/** @param {string} name */
export function initials(name) {
  const parts = name.trim().split(/\s+/);
  const letters = /^[\u3400-\u9fff]/.test(name) ? name.slice(0, 1) : parts[0].slice(0, 1) + (parts[1] ?? "").slice(0, 1);
  return letters.toLocaleUpperCase();
}

export class Stage {
  /** @param {import("./live.js").Live} live */
  constructor(live) {
    this.live = live;
    /** @type {Map<string, MediaStreamTrack>} */
    this.tracks = new Map();
    this.main = new Tile(this, "tile-main");
    this.thumbs = Array.from({ length: THUMBS + 5 }, () => new Tile(this, "tile-thumb"));
    this.self = new Tile(this, "tile-thumb tile-self");
    this.pinned = "";
    /** Nobody else is on stage: we are large ourselves. */
    this.alone = false;
    this.empty = el("div", { class: "stage-empty" }, icon("stage", "icon-xl"), el("p", { class: "stage-empty-title" }, t("Nobody is on stage yet")),
      el("p", { class: "stage-empty-more" }, t("Make yourself comfortable: picture and sound start here by themselves.")));
    this.noticeText = el("span", {});
    this.retry = el("button", { type: "button", class: "notice-retry", hidden: true }, t("Try again"));
    this.notice = el("div", { class: "stage-notice", hidden: true }, icon("info"), this.noticeText, this.retry);
    // Element picture in picture: Chromium, Safari; Firefox shows a button of its own on the video.
    const floats = document.pictureInPictureEnabled && "requestPictureInPicture" in this.main.video;
    this.floating = el("button", { type: "button", class: "tile-act", hidden: !floats, "aria-label": t("Show the stage in a small window"), onclick: () => void this.float() }, icon("float"));
    this.main.pin.before(this.floating);
    this.strip = el("div", { class: "strip" }, this.self.node, ...this.thumbs.map((tile) => tile.node));
    this.burst = el("div", { class: "burst", "aria-hidden": "true" });
    this.sound = el("div", { class: "sound", hidden: true });
    this.startAudio = el("button", { type: "button", class: "btn btn-primary start-audio", hidden: true, onclick: () => this.#play() }, icon("speaker"), t("Start audio"));
    this.node = el("section", { class: "stage", "aria-label": t("Stage") },
      el("div", { class: "stage-main" }, this.main.node, this.empty, this.notice, this.startAudio, this.burst), this.strip, this.sound);
  }

  /** The lines of a new subscribe connection. @param {{mid: string, track: MediaStreamTrack}[]} lines */
  lines(lines) {
    this.tracks = new Map(lines.filter((l) => l.track.kind === "video").map((l) => [l.mid, l.track]));
    this.sound.replaceChildren(...lines.filter((l) => l.track.kind === "audio").map((line) => {
      const audio = el("audio", { autoplay: true });
      audio.srcObject = new MediaStream([line.track]);
      void useSpeaker(audio);
      return audio;
    }));
    this.#play();
    this.draw(this.live.page.state, null);
  }

  /** Browsers may refuse sound before a click: then one clear button asks for it. */
  #play() {
    const starts = [...this.sound.querySelectorAll("audio")].map((audio) => audio.play());
    Promise.all(starts).then(
      () => { this.startAudio.hidden = true; },
      (fault) => { this.startAudio.hidden = !(fault instanceof DOMException && fault.name === "NotAllowedError"); });
  }

  /** @param {RoomState} state @param {RoomState|null} before */
  draw(state, before) {
    if (state.room === null) return;
    if (before && state.room === before.room && state.slots === before.slots && state.speaking === before.speaking) return;
    const me = this.live.me.id;
    const members = state.room.stage;
    const byId = new Map(members.map((member) => [member.id, member]));
    // A slot may have a person and no source: large, and the camera is off.
    const pictures = state.slots.filter((s) => s.participant !== null && this.tracks.has(s.mid)).sort((a, b) => a.slot - b.slot);
    const firstVideo = [...this.tracks.keys()][0];
    const large = pictures.find((s) => s.mid === firstVideo);
    const picture = (/** @type {typeof large} */ slot) => (slot && slot.source !== null ? this.tracks.get(slot.mid) ?? null : null);
    const shown = new Set([me]);
    const main = large?.participant ?? this.#largest(members, state.speaking);
    const alone = main === null && this.live.staged;
    this.empty.hidden = main !== null || alone;
    this.main.node.classList.toggle("tile-mirror", alone);
    this.alone = alone;
    if (main === null && !alone) this.main.hide();
    else if (main === null) this.main.show(me, t("You"), this.live.media.tracks.camera, this.#ownFacts(state));
    else {
      this.#fill(this.main, byId.get(main), main, picture(large), state);
      shown.add(main);
    }
    let next = 0;
    for (const slot of pictures) {
      if (slot === large || slot.participant === null || slot.source === null || next >= this.thumbs.length) continue;
      if (slot.participant === main && slot.source !== "screen" && large?.source !== "screen") continue;
      this.#fill(this.thumbs[next++], byId.get(slot.participant), slot.participant, picture(slot), state);
      shown.add(slot.participant);
    }
    for (const member of members) {
      if (shown.has(member.id) || next >= this.thumbs.length) continue;
      this.#fill(this.thumbs[next++], member, member.id, null, state);
    }
    for (const tile of this.thumbs.slice(next)) tile.hide();
    this.own();
  }

  /** Who is large while the server shows no picture: who speaks, else who came first.
   * @param {readonly StageMember[]} members @param {readonly string[]} speaking */
  #largest(members, speaking) {
    const others = members.filter((member) => member.id !== this.live.me.id);
    const talks = speaking.find((id) => others.some((member) => member.id === id));
    return talks ?? others[0]?.id ?? null;
  }

  /** @param {Tile} tile @param {StageMember|undefined} member @param {string} id
   * @param {MediaStreamTrack|null} track @param {RoomState} state */
  #fill(tile, member, id, track, state) {
    const name = member?.name ?? state.people.get(id)?.name ?? id;
    const mic = member?.sources.find((s) => s.source === "microphone");
    tile.show(id, name, track, { muted: mic?.muted ?? true, speaking: state.speaking.includes(id), pinned: this.pinned === id });
  }

  /** Our own tile, from our own tracks. */
  own() {
    const { media, staged, me } = this.live;
    if (this.alone) this.main.show(me.id, t("You"), media.tracks.camera, this.#ownFacts(this.live.page.state));
    if (!staged || settings.hideSelf || this.alone) {
      this.self.hide();
      return;
    }
    const camera = media.tracks.camera;
    const state = this.live.page.state;
    this.self.show(me.id, t("You"), camera, this.#ownFacts(state));
    this.self.pin.hidden = true;
  }

  /** The large picture in a window of its own, or back. The element stays the same when the
   * speaker changes, so the little window follows. */
  async float() {
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture();
      else await this.main.video.requestPictureInPicture();
    } catch {
      announce(t("There is no picture to show in a small window yet."));
    }
  }

  /** @param {RoomState} state */
  #ownFacts(state) {
    const { media, me } = this.live;
    return {
      muted: !media.tracks.microphone?.enabled, speaking: state.speaking.includes(me.id),
      pinned: this.pinned === me.id,
    };
  }

  /** Keep someone large, or let the speakers decide again. @param {string} id */
  pin(id) {
    this.pinned = this.pinned === id ? "" : id;
    void this.live.act("view", { main: this.pinned || "auto", thumbs: THUMBS, audio_only: false });
    this.draw(this.live.page.state, null);
  }

  /** @param {string} text empty: nothing to tell @param {() => void} [again] offered as a button */
  say(text, again) {
    if (text && this.noticeText.textContent !== text) announce(text);
    setText(this.noticeText, text);
    this.notice.hidden = text === "";
    this.retry.hidden = again === undefined;
    this.retry.onclick = () => {
      this.say(t("Trying again …"));
      again?.();
    };
  }

  /** @param {Record<string, number>} counts */
  reactions(counts) {
    for (const [emoji, n] of Object.entries(counts).slice(0, 6)) {
      const node = el("span", { class: "burst-one" }, emoji, n > 1 ? el("b", {}, `×${n}`) : null);
      this.burst.append(node);
      setTimeout(() => node.remove(), 3_000);
    }
    while (this.burst.children.length > 12) this.burst.firstElementChild?.remove();
  }
}
