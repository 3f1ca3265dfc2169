/**
 * The gate: a code comes by camera, keyboard or hand scanner; the answer is large, said and
 * heard; a few seconds later the gate is ready again. One code is asked at a time, the next
 * ones wait their turn.
 */

import { ApiError, call } from "../api.js";
import { byId, el, icon, setIcon, setText } from "../dom.js";
import { number, t, timeForm } from "../i18n.js";
import { save, settings, tab } from "../settings.js";
import { Scanner } from "../views/scanner.js";
import { sound, wake } from "../views/tones.js";

const AGAIN_MS = 3_000; // a code still before the camera is not a new scan
const YES_MS = 3_500;
const NO_MS = 7_000;
const QUEUE_MAX = 5;
const LAST = 10;
const ANSWER_MS = 4_000;
const TRIES = 3;

const root = document.documentElement;
const zone = root.dataset.zone || "UTC";
const moments = timeForm({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone: zone });
const clocks = timeForm({ hour: "2-digit", minute: "2-digit", timeZone: zone });

/** Gates speak the fair's time, whatever the device is set to. @param {string} iso */
const clock = (iso) => clocks.format(new Date(iso));

/** @param {string} result @returns {[string, string]} */
function words(result) {
  /** @type {Record<string, [string, string]>} */
  const all = {
    admitted: [t("Let in"), t("Welcome to the fair.")],
    second_entry: [t("Already used"), t("This pass has let somebody in before.")],
    too_early: [t("Too early"), t("The time of this pass has not begun.")],
    too_late: [t("Too late"), t("The time of this pass is over.")],
    wrong_day: [t("Wrong day"), t("This pass is for another day.")],
    cancelled: [t("Not valid"), t("This pass was given back or blocked.")],
    unknown: [t("Unknown code"), t("This is no pass of this fair.")],
  };
  return all[result] ?? [t("Not valid"), ""];
}

/** @param {number} bytes */
function random(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function start() {
  new Gate().begin();
}

class Gate {
  constructor() {
    this.field = byId("code");
    this.panel = byId("verdict");
    this.device = tab.get("gate") || random(6);
    tab.set("gate", this.device);
    /** @type {string[]} */
    this.queue = [];
    this.busy = false;
    this.ready = 0;
    /** @type {Map<string, number>} code -> when the camera last saw it */
    this.sighted = new Map();
    this.scanner = new Scanner(/** @type {HTMLVideoElement} */ (byId("video")), (code) => this.#sight(code));
  }

  begin() {
    byId("gate-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = /** @type {HTMLInputElement} */ (this.field).value.trim();
      /** @type {HTMLInputElement} */ (this.field).value = "";
      if (typed) this.#ask(typed);
    });
    this.#keepFocus();
    this.#mute();
    this.#camera();
    this.#stayAwake();
  }

  /** A hand scanner types wherever the focus is: it belongs in the field. */
  #keepFocus() {
    this.field.focus();
    document.addEventListener("keydown", (event) => {
      wake();
      const at = document.activeElement;
      const plain = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
      // Space and Enter still press the button one has tabbed to.
      if (plain && event.key !== " " && at !== this.field) this.field.focus();
    });
    document.addEventListener("pointerdown", wake);
    document.addEventListener("click", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (!target.closest("a, input, summary")) this.field.focus();
    });
    window.addEventListener("focus", () => this.field.focus());
  }

  #mute() {
    const button = byId("mute");
    button.hidden = false;
    const show = () => {
      button.setAttribute("aria-pressed", String(settings.sounds));
      setText(/** @type {Node} */ (button.querySelector("span")), settings.sounds ? t("Sound on") : t("Sound off"));
      setIcon(button.querySelector("svg"), settings.sounds ? "speaker" : "quiet");
    };
    button.addEventListener("click", () => {
      save({ sounds: !settings.sounds });
      show();
    });
    show();
  }

  #camera() {
    if (!navigator.mediaDevices?.getUserMedia) return; // no secure address, or no camera in it
    const box = byId("camera");
    const button = byId("camera-button");
    const label = /** @type {Node} */ (button.querySelector("span"));
    const note = byId("camera-note");
    box.hidden = false;
    button.addEventListener("click", async () => {
      if (this.scanner.on) {
        this.scanner.stop();
      } else {
        setText(note, t("Asking for the camera …"));
        try {
          await this.scanner.start();
          setText(note, t("Hold the code before the camera."));
        } catch (fault) {
          const denied = fault instanceof DOMException && fault.name === "NotAllowedError";
          setText(note, denied ? t("The browser does not allow the camera here.") : t("No camera could be opened. Type the code, or use a hand scanner."));
        }
      }
      if (!this.scanner.on && !note.textContent) setText(note, "");
      box.toggleAttribute("data-on", this.scanner.on);
      setText(label, this.scanner.on ? t("Stop the camera") : t("Start the camera"));
      setIcon(button.querySelector("svg"), this.scanner.on ? "camera-off" : "camera");
      tab.set("gate.camera", this.scanner.on ? "on" : "");
    });
    if (tab.get("gate.camera")) button.click();
  }

  /** The screen of a gate must not go dark. */
  #stayAwake() {
    const ask = async () => {
      if (document.hidden || !("wakeLock" in navigator)) return;
      try {
        await navigator.wakeLock.request("screen");
      } catch {
        // Refused on low battery: the gate works, the screen follows the system.
      }
    };
    document.addEventListener("visibilitychange", () => void ask());
    void ask();
  }

  /** @param {string} code */
  #sight(code) {
    const now = performance.now();
    const last = this.sighted.get(code) ?? -Infinity;
    for (const [old, at] of this.sighted) if (now - at > AGAIN_MS) this.sighted.delete(old);
    this.sighted.set(code, now);
    if (now - last > AGAIN_MS) this.#ask(code);
  }

  /** @param {string} code */
  #ask(code) {
    if (this.queue.length >= QUEUE_MAX) return;
    this.queue.push(code);
    if (!this.busy) void this.#work();
  }

  async #work() {
    this.busy = true;
    for (let code = this.queue.shift(); code !== undefined; code = this.queue.shift()) {
      clearTimeout(this.ready);
      await this.#scan(code.slice(0, 64));
    }
    this.busy = false;
  }

  /** The reading has a name: when an answer is lost, the same is asked again, not a second entry.
   * @param {string} code */
  async #scan(code) {
    const scan = random(6);
    for (let tried = 1; ; tried += 1) {
      try {
        const { data } = await call("POST", "/api/v1/gate/scans", {
          body: { code, gate: this.device, scan }, signal: AbortSignal.timeout(ANSWER_MS),
        });
        this.#answer(data);
        return;
      } catch (fault) {
        const status = fault instanceof ApiError ? fault.status : 0;
        if (status !== 0 && status < 500) {
          this.#show("no", "close", status === 401 || status === 403 ? t("Signed out") : t("Not valid"), "", status === 401 || status === 403 ? t("Sign in again to go on.") : "");
          return;
        }
        this.#show("wait", "warn", t("No answer yet"), "", t("The network or the server is slow. Trying again …"));
        if (tried >= TRIES) {
          this.#show("wait", "warn", t("No answer"), "", t("Scan once more in a moment."));
          return;
        }
      }
    }
  }

  /** @param {Record<string, any>} said */
  #answer(said) {
    const [word, text] = words(said.result);
    const span = said.starts_at ? moments.formatRange(new Date(said.starts_at), new Date(said.ends_at)) : "";
    let more = said.admitted ? span : [text, span].filter(Boolean).join(" ");
    if (said.result === "second_entry") {
      const time = moments.format(new Date(said.first_at));
      more = said.same_gate ? t("Let in at {time}, at this gate.", { time }) : t("Let in at {time}.", { time });
    }
    const number4 = said.last4 && said.admitted ? t("document ending in {last4}", { last4: said.last4 }) : "";
    this.#show(said.admitted ? "yes" : "no", said.admitted ? "check" : "close", word, said.name ?? "", [more, number4].filter(Boolean).join(" · "));
    sound(said.admitted);
    setText(byId("today"), number(said.today));
    if (!said.repeated) this.#note(said, word);
    this.ready = setTimeout(() => this.#show("ready", "qr", t("Ready"), "", t("Scan a pass, or type its code.")), said.admitted ? YES_MS : NO_MS);
  }

  /** @param {Record<string, any>} said @param {string} word */
  #note(said, word) {
    const list = byId("last");
    list.prepend(el("li", { "data-yes": String(said.admitted) },
      el("span", { class: "last-word" }, icon(said.admitted ? "check" : "close"), word),
      el("span", { class: "last-name" }, said.name ?? ""),
      el("time", { datetime: said.at }, clock(said.at))));
    while (list.children.length > LAST) list.lastElementChild?.remove();
  }

  /** @param {string} state @param {string} symbol @param {string} word @param {string} name @param {string} more */
  #show(state, symbol, word, name, more) {
    this.panel.dataset.state = state;
    setIcon(this.panel.querySelector("svg"), symbol);
    setText(byId("verdict-word"), word);
    setText(byId("verdict-name"), name);
    setText(byId("verdict-more"), more);
  }
}
