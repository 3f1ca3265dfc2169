"""The direct way of a talk on the browser's own peer connections, the hub left out: meeting at
once, meeting anew, two restarts of a path at once, codes, a file."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from playwright.async_api import Browser, Page

from tests.journeys.test_capacity import visit
from tests.pages.serving import Fair

#: Meshes in one page, and a hub between them that passes signals in order.
TALK = """
async () => {
  const base = document.documentElement.dataset.static;
  const { Mesh, ownKey } = await import(`${base}/js/talk/mesh.js`);
  const meshes = {}, files = [];
  const join = async (id, all) => {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    const [microphone, camera] = [media.getAudioTracks()[0], media.getVideoTracks()[0]];
    const tracks = { microphone, camera, screen: null };
    const mesh = new Mesh(id, tracks, {
      send: async (to, data) => {
        const text = JSON.stringify(data);
        setTimeout(() => void meshes[to]?.heard(id, JSON.parse(text)), 5);
      },
      changed: () => undefined,
      file: async (from, file) => files.push([id, from, file.name, await file.blob.text()]),
      progress: () => undefined,
    });
    meshes[id] = mesh;
    mesh.start(await ownKey(), false);
    mesh.people(all);
  };
  const decoded = async (id, from) => {
    const { pc } = meshes[id].others.get(from).pair;
    let frames = 0;
    for (const report of (await pc.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "video") frames += report.framesDecoded;
    }
    return frames;
  };
  /** Every pair has a path, both ways decode, and both made one code. */
  const settled = async (ids) => {
    for (const a of ids) for (const b of ids) {
      if (a === b) continue;
      const [one, two] = [meshes[a].others.get(b), meshes[b].others.get(a)];
      if (one?.pair.state !== "connected" || one.code.length !== 6) return false;
      if (one.code.join() !== two?.code.join()) return false;
      if (!one.on.camera || (await decoded(a, b)) < 3) return false;
    }
    return true;
  };
  window.talk = { meshes, files, join, settled, decoded };
}
"""


async def settled(page: Page, *ids: str) -> None:
    deadline = time.monotonic() + 30
    while not await page.evaluate("(ids) => talk.settled(ids)", list(ids)):
        assert time.monotonic() < deadline, "they do not all see each other"
        await asyncio.sleep(0.2)


async def codes(page: Page, one: str) -> Any:
    script = "(id) => Object.fromEntries([...talk.meshes[id].others].map(([k, o]) => [k, o.code]))"
    return await page.evaluate(script, one)


async def test_browsers_meet_and_meet_again_by_themselves(fair: Fair, browser: Browser) -> None:
    page = await visit(browser, fair.url)
    await page.evaluate(TALK)
    everybody = ["ada", "bo", "cai"]
    await page.evaluate("(ids) => Promise.all(ids.map((id) => talk.join(id, ids)))", everybody)
    await settled(page, *everybody)
    first = await codes(page, "ada")
    assert first["bo"] != first["cai"], "one code for two people"

    # The path is looked for anew by both at once: neither connection nor code is another.
    await page.evaluate(
        """() => {
          const { ada, bo } = talk.meshes;
          window.kept = [ada.others.get("bo").pair.pc, bo.others.get("ada").pair.pc];
          window.ufrag = (description) => description.sdp.match(/ice-ufrag:(\\S+)/)[1];
          window.old = kept.map((pc) => ufrag(pc.localDescription));
          for (const pc of kept) pc.restartIce();
        }"""
    )
    again = """() => {
      const [a, b] = kept;
      return kept.every((pc) => pc.signalingState === "stable")
        && kept.every((pc, i) => ufrag(pc.localDescription) !== old[i])
        && ufrag(a.localDescription) === ufrag(b.remoteDescription)
        && ufrag(b.localDescription) === ufrag(a.remoteDescription)
        && kept.every((pc) => pc.connectionState === "connected");
    }"""
    await page.wait_for_function(again, timeout=20_000, polling=200)
    assert await codes(page, "ada") == first

    await page.evaluate(
        """async () => {
          const wire = talk.meshes.bo.reachable().find(([id]) => id === "ada")[1];
          await wire.send("f1", new File(["x".repeat(300000)], "offer.txt"), () => undefined);
        }"""
    )
    await page.wait_for_function("() => talk.files.length === 1", timeout=10_000)
    assert await page.evaluate("talk.files[0].slice(0, 3)") == ["ada", "bo", "offer.txt"]
    assert await page.evaluate("talk.files[0][3].length") == 300_000

    # Each side once comes with a fresh page: the other lets the old connection go.
    for who in ("ada", "cai"):
        await page.evaluate(
            """(id) => {
              for (const { pair } of talk.meshes[id].others.values()) pair.close();
              return talk.join(id, ["ada", "bo", "cai"]);
            }""",
            who,
        )
        await settled(page, *everybody)
    second = await codes(page, "ada")
    assert second["bo"] != first["bo"], "a fresh key and the old code"
