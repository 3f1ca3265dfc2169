/** Yes and no as sounds: made here, no file. Two rising tones, or two low buzzes. */

import { settings } from "../settings.js";

/** @type {AudioContext|null} */
let audio = null;

/** Browsers let a page sound only after somebody touched it. */
export function wake() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") void audio.resume();
}

/** @param {OscillatorType} type @param {number} hertz @param {number} after s @param {number} long s @param {number} loud */
function tone(type, hertz, after, long, loud) {
  if (audio === null) return;
  const at = audio.currentTime + after;
  const source = audio.createOscillator();
  const gain = audio.createGain();
  source.type = type;
  source.frequency.value = hertz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(loud, at + 0.01);
  gain.gain.setValueAtTime(loud, at + long - 0.03);
  gain.gain.linearRampToValueAtTime(0, at + long);
  source.connect(gain).connect(audio.destination);
  source.start(at);
  source.stop(at + long);
}

/** @param {boolean} yes */
export function sound(yes) {
  if (!settings.sounds) return;
  wake();
  if (yes) {
    tone("sine", 880, 0, 0.12, 0.4);
    tone("sine", 1320, 0.12, 0.2, 0.4);
  } else {
    tone("square", 185, 0, 0.25, 0.25);
    tone("square", 185, 0.32, 0.35, 0.25);
  }
}
