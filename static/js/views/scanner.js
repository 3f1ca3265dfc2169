/**
 * A camera that reads codes: BarcodeDetector where the browser has it, else small grey
 * frames that the hub reads (POST /gate/frame), about five a second and one in flight.
 */

const EVERY_MS = 200;
const SIDE_MAX = 640;
const QUALITY = 0.7;

/** @typedef {{detect: (source: CanvasImageSource) => Promise<{rawValue: string}[]>}} Detector */

/** @returns {Promise<Detector|null>} */
async function detector() {
  const Native = /** @type {any} */ (globalThis).BarcodeDetector;
  if (!Native) return null;
  try {
    const formats = await Native.getSupportedFormats();
    return formats.includes("qr_code") ? new Native({ formats: ["qr_code"] }) : null;
  } catch {
    return null; // there by name, without its service
  }
}

export class Scanner {
  /** @param {HTMLVideoElement} video @param {(code: string) => void} seen */
  constructor(video, seen) {
    this.video = video;
    this.seen = seen;
    this.canvas = document.createElement("canvas");
    /** @type {MediaStream|null} */
    this.stream = null;
    /** @type {Detector|null} */
    this.native = null;
    this.run = 0;
  }

  get on() {
    return this.stream !== null;
  }

  /** Rejects with what getUserMedia rejects with. */
  async start() {
    this.stop();
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
    });
    this.stream = stream;
    this.native = await detector();
    this.video.srcObject = stream;
    await this.video.play();
    stream.getVideoTracks()[0].addEventListener("ended", () => this.stop());
    this.run += 1;
    void this.#loop(this.run);
  }

  stop() {
    this.run += 1;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  /** @param {number} run */
  async #loop(run) {
    while (run === this.run) {
      const began = performance.now();
      if (!document.hidden && this.video.readyState >= 2) {
        try {
          const code = this.native ? await this.#look(this.native) : await this.#ask();
          if (code && run === this.run) this.seen(code);
        } catch {
          // A frame is lost; the next one comes at once.
        }
      }
      const rest = EVERY_MS - (performance.now() - began);
      await new Promise((go) => setTimeout(go, Math.max(20, rest)));
    }
  }

  /** @param {Detector} native */
  async #look(native) {
    return (await native.detect(this.video))[0]?.rawValue ?? "";
  }

  async #ask() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const scale = Math.min(1, SIDE_MAX / Math.max(width, height, 1));
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const paint = this.canvas.getContext("2d");
    if (!paint) return "";
    paint.filter = "grayscale(1)";
    paint.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    /** @type {Blob|null} */
    const frame = await new Promise((done) => this.canvas.toBlob(done, "image/jpeg", QUALITY));
    if (!frame) return "";
    const answer = await fetch("/gate/frame", {
      method: "POST",
      body: frame,
      headers: { "X-CSRF-Token": document.documentElement.dataset.csrf ?? "" },
      signal: AbortSignal.timeout(3_000),
    });
    return answer.ok ? ((await answer.json()).code ?? "") : "";
  }
}
