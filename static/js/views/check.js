/** A look at one's camera, microphone and sound before one enters: the section of the template. */

import { chime, faultText, fillPicker, listDevices, meter, openBoth, openTrack } from "../devices.js";
import { byId, el, icon, setIcon, setText } from "../dom.js";
import { t } from "../i18n.js";
import { save, settings } from "../settings.js";

export class Check {
  constructor() {
    /** @type {MediaStreamTrack|null} */
    this.audio = null;
    /** @type {MediaStreamTrack|null} */
    this.video = null;
    this.stopMeter = () => {};
    /** The person has let us use a device: inside we may switch it on as chosen here. */
    this.checked = false;
  }

  wire() {
    byId("allow").addEventListener("click", () => void this.preview());
    byId("pre-mic").addEventListener("click", () => this.#toggle("microphoneOn"));
    byId("pre-camera").addEventListener("click", () => this.#toggle("cameraOn"));
    byId("test-sound").addEventListener("click", () => void this.#testSound());
    byId("pickers").addEventListener("picked", (event) => void this.#picked(/** @type {HTMLElement} */ (event.target).id));
    addEventListener("pagehide", () => this.stop());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.#fillPickers());
  }

  async preview() {
    const { audio, video, fault } = await openBoth();
    byId("device-fault").replaceChildren();
    if (fault) this.#deviceFault(fault);
    if (!audio && !video) return;
    this.audio = audio;
    this.video = video;
    this.checked = true;
    byId("preview-ask").hidden = true;
    byId("preview-bar").hidden = false;
    this.#apply();
    await this.#fillPickers();
  }

  /** @param {import("../devices.js").Fault} fault */
  #deviceFault(fault) {
    const { title, text } = faultText(fault);
    byId("device-fault").replaceChildren(el("div", { class: "note note-warn" }, icon("warn"),
      el("div", {}, el("strong", {}, title), el("br"), text, " ",
        el("button", { type: "button", class: "link", onclick: () => void this.preview() }, t("Try again")))));
    // Once the person has allowed it in the browser's own panel, go on by ourselves.
    navigator.permissions?.query({ name: /** @type {any} */ ("camera") }).then((permission) => {
      permission.onchange = () => {
        if (permission.state === "granted" && !byId("lobby").hidden) void this.preview();
      };
    }).catch(() => undefined);
  }

  #apply() {
    const screen = /** @type {HTMLVideoElement} */ (byId("preview-video"));
    if (this.audio) this.audio.enabled = settings.microphoneOn;
    const picture = this.video !== null && settings.cameraOn;
    screen.hidden = !picture;
    screen.srcObject = picture && this.video ? new MediaStream([this.video]) : null;
    this.stopMeter();
    const level = /** @type {HTMLMeterElement} */ (byId("level"));
    level.value = 0;
    this.stopMeter = this.audio ? meter(this.audio, (value) => { level.value = value; }) : () => {};
    this.#button("pre-mic", "mic", this.audio !== null && settings.microphoneOn, this.audio !== null);
    this.#button("pre-camera", "camera", picture, this.video !== null);
  }

  /** @param {string} id @param {string} sign @param {boolean} on @param {boolean} there */
  #button(id, sign, on, there) {
    const button = /** @type {HTMLButtonElement} */ (byId(id));
    button.setAttribute("aria-pressed", String(on));
    button.disabled = !there;
    setIcon(button.querySelector(".icon"), on ? sign : `${sign}-off`);
  }

  /** @param {"microphoneOn"|"cameraOn"} key */
  #toggle(key) {
    save({ [key]: !settings[key] });
    this.#apply();
  }

  /** @param {string} id of the picker */
  async #picked(id) {
    const kind = id === "pick-mic" ? "audio" : id === "pick-camera" ? "video" : null;
    if (kind === null) return;
    this[kind]?.stop();
    this[kind] = await openTrack(kind).catch(() => null);
    this.#apply();
  }

  async #fillPickers() {
    const devices = await listDevices();
    fillPicker(devices, "audioinput", byId("pick-mic"), "microphone");
    fillPicker(devices, "videoinput", byId("pick-camera"), "camera");
    fillPicker(devices, "audiooutput", byId("pick-speaker"), "speaker");
  }

  async #testSound() {
    const note = byId("test-sound-note");
    setText(note, t("Playing three notes …"));
    await chime().catch(() => undefined);
    setText(note, t("Heard nothing? Check the volume, or pick another speaker."));
  }

  stop() {
    this.stopMeter();
    this.stopMeter = () => {};
    this.audio?.stop();
    this.video?.stop();
    this.audio = this.video = null;
    byId("preview-ask").hidden = false;
    byId("preview-bar").hidden = true;
    const screen = /** @type {HTMLVideoElement} */ (byId("preview-video"));
    screen.hidden = true;
    screen.srcObject = null;
  }
}
