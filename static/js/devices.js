/** Cameras, microphones and speakers: asking, choosing, measuring, and saying what went wrong. */

import { t } from "./i18n.js";
import { save, settings } from "./settings.js";

/** @typedef {"denied"|"system"|"busy"|"missing"|"insecure"} Fault */

/**
 * Which of the texts fits a failure of getUserMedia.
 * @param {unknown} error @returns {Fault}
 */
export function faultOf(error) {
  const name = error instanceof Error ? error.name : "";
  const text = error instanceof Error ? error.message : "";
  if (!navigator.mediaDevices) return "insecure";
  if (name === "NotAllowedError" || name === "SecurityError") {
    return /system/i.test(text) ? "system" : "denied";
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return "busy"; // NotReadableError, AbortError: something holds or breaks the device
}

/** What happened and what to do about it. @param {Fault} fault @returns {{title: string, text: string}} */
export function faultText(fault) {
  switch (fault) {
    case "denied": return {
      title: t("This site may not use your camera or microphone"),
      text: t("Click the icon left of the address ({browser}), allow camera and microphone, then try again.", { browser: browserName() }),
    };
    case "system": return {
      title: t("Your computer does not let the browser use them"),
      text: t("Open the privacy settings of {system}, allow {browser} to use camera and microphone, then try again.", { system: systemName(), browser: browserName() }),
    };
    case "busy": return {
      title: t("Camera or microphone is in use"),
      text: t("Another program holds it. Close other calls and camera programs, then try again."),
    };
    case "insecure": return {
      title: t("This connection is not secure"),
      text: t("Browsers give camera and microphone to secure addresses (https) only. You can still enter and listen."),
    };
    default: return {
      title: t("No camera or microphone was found"),
      text: t("Plug one in and try again. You can enter and listen without."),
    };
  }
}

function browserName() {
  const agent = navigator.userAgent;
  if (/Firefox/.test(agent)) return "Firefox";
  if (/Edg\//.test(agent)) return "Edge";
  if (/Chrome|Chromium/.test(agent)) return "Chrome";
  if (/Safari/.test(agent)) return "Safari";
  return t("the browser");
}

function systemName() {
  const agent = navigator.userAgent;
  if (/Android/.test(agent)) return "Android";
  if (/iPhone|iPad/.test(agent)) return "iOS";
  if (/Mac OS/.test(agent)) return "macOS";
  if (/Windows/.test(agent)) return "Windows";
  return t("your system");
}

/** @param {"audio"|"video"} kind @returns {MediaTrackConstraints} */
function constraints(kind) {
  const id = kind === "audio" ? settings.microphone : settings.camera;
  /** @type {MediaTrackConstraints} */
  const base = kind === "audio"
    ? { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
    : { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
  return id ? { ...base, deviceId: { ideal: id } } : base;
}

/** One track of a kind. Rejects with what getUserMedia rejects. @param {"audio"|"video"} kind */
export async function openTrack(kind) {
  if (!navigator.mediaDevices) throw new Error("insecure context");
  const stream = await navigator.mediaDevices.getUserMedia({ [kind]: constraints(kind) });
  return stream.getTracks()[0];
}

/**
 * Both tracks if both can be had, else the one that can.
 * @returns {Promise<{audio: MediaStreamTrack|null, video: MediaStreamTrack|null, fault: Fault|null}>}
 */
export async function openBoth() {
  if (!navigator.mediaDevices) return { audio: null, video: null, fault: "insecure" };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: constraints("audio"), video: constraints("video"),
    });
    return { audio: stream.getAudioTracks()[0], video: stream.getVideoTracks()[0], fault: null };
  } catch (error) {
    const fault = faultOf(error);
    if (fault === "denied") return { audio: null, video: null, fault };
    const audio = await openTrack("audio").catch(() => null);
    const video = await openTrack("video").catch(() => null);
    return { audio, video, fault: audio && video ? null : fault };
  }
}

/** Fill a picker with the devices of a kind. Hidden while there is no choice to make.
 * @param {MediaDeviceInfo[]} devices @param {MediaDeviceKind} kind
 * @param {HTMLSelectElement} select @param {"microphone"|"camera"|"speaker"} choice */
export function fillPicker(devices, kind, select, choice) {
  const found = devices.filter((device) => device.kind === kind && device.deviceId !== "");
  select.replaceChildren(...found.map((device, index) => {
    const option = document.createElement("option");
    option.value = device.deviceId;
    option.textContent = device.label || t("Device {n}", { n: index + 1 });
    option.selected = device.deviceId === settings[choice];
    return option;
  }));
  /** @type {HTMLElement} */ (select.parentElement).hidden = found.length === 0;
  select.onchange = () => {
    save({ [choice]: select.value });
    select.dispatchEvent(new CustomEvent("picked", { bubbles: true }));
  };
}

/** @returns {Promise<MediaDeviceInfo[]>} */
export async function listDevices() {
  return navigator.mediaDevices ? navigator.mediaDevices.enumerateDevices() : [];
}

/** Send the sound of an element to the chosen speaker, where the browser can.
 * @param {HTMLMediaElement} element */
export async function useSpeaker(element) {
  if (!settings.speaker || !("setSinkId" in element)) return;
  await element.setSinkId(settings.speaker).catch(() => save({ speaker: "" }));
}

/** @type {AudioContext|null} */
let context = null;

function audio() {
  context ??= new AudioContext();
  void context.resume();
  return context;
}

/**
 * Calls `show` with the loudness of a track, 0 to 1, until the returned function is called.
 * @param {MediaStreamTrack} track @param {(level: number) => void} show
 */
export function meter(track, show) {
  const ctx = audio();
  const source = ctx.createMediaStreamSource(new MediaStream([track]));
  const analyser = ctx.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    // Without a loudspeaker, or before the page was touched, nothing is measured: no silence.
    if (ctx.state !== "running") return;
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    // Root mean square on a scale on which quiet talk already shows.
    show(Math.min(1, Math.sqrt(Math.sqrt(sum / samples.length)) * 1.4));
  }, 80);
  return () => {
    clearInterval(timer);
    source.disconnect();
  };
}

/** A tone of rising notes. Resolves when it has been heard. @param {number[]} [notes] in Hz */
export async function chime(notes = [392, 494, 587]) {
  const ctx = audio();
  if (settings.speaker && "setSinkId" in ctx) {
    await /** @type {any} */ (ctx).setSinkId(settings.speaker).catch(() => undefined);
  }
  const start = ctx.currentTime + 0.02;
  notes.forEach((hertz, index) => {
    const tone = ctx.createOscillator();
    const gain = ctx.createGain();
    const at = start + index * 0.22;
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.18, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.4);
    tone.connect(gain).connect(ctx.destination);
    tone.start(at);
    tone.stop(at + 0.45);
  });
  await new Promise((resolve) => setTimeout(resolve, notes.length * 220 + 300));
}
