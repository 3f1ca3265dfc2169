/**
 * The short code two people compare by voice: the same on both sides when, and only when, each
 * browser talks to the other's own key. Made of the DTLS fingerprints of both.
 */

/** Groups of five digits: about 100 bits, too many to find a second pair of keys for. */
export const GROUPS = 6;
const BYTES_EACH = 5;

/** The fingerprints a description names, in one spelling and order. @param {string} sdp */
export function fingerprints(sdp) {
  const found = [...sdp.matchAll(/^a=fingerprint:\s*(\S+)\s+([0-9A-Fa-f:]+)\s*$/gm)]
    .map(([, hash, value]) => `${hash.toLowerCase()} ${value.toUpperCase()}`);
  return [...new Set(found)].sort();
}

/**
 * @param {string} own description of this side @param {string} theirs of the other side
 * @returns {Promise<string[]>} six groups of five digits; none while a fingerprint is missing
 */
export async function safetyCode(own, theirs) {
  const [mine, other] = [fingerprints(own), fingerprints(theirs)];
  if (mine.length === 0 || other.length === 0 || !globalThis.crypto?.subtle) return [];
  const text = [mine.join(","), other.join(",")].sort().join("\n");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from({ length: GROUPS }, (_, group) => {
    let n = 0n;
    for (const byte of digest.slice(group * BYTES_EACH, (group + 1) * BYTES_EACH)) n = (n << 8n) | BigInt(byte);
    return String(n % 100_000n).padStart(5, "0");
  });
}
