"""A page used by keyboard alone: every step of the focus is looked at on the way."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, Page

STEPS_MAX = 150

#: What has the focus: whether it shows, where it is, and whether it is the page itself.
FOCUS = """
(wanted) => {
  const node = document.activeElement;
  if (node === null || node === document.body) return null;
  window.keyboardIds ??= new WeakMap();
  window.keyboardNext ??= 0;
  if (!window.keyboardIds.has(node)) window.keyboardIds.set(node, window.keyboardNext++);
  // The box of a check or file may be drawn by its label.
  const drawn = [node, node.closest("label")].filter((one) => one !== null);
  const marked = drawn.some((one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
      || style.boxShadow !== "none";
  });
  const box = node.getBoundingClientRect();
  return {
    gone: !wanted.isConnected,
    id: window.keyboardIds.get(node), marked, there: node === wanted,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight
      && box.right > 0 && box.left < innerWidth,
    positive: node.tabIndex > 0,
    html: node.outerHTML.slice(0, 160),
  };
}
"""


class Keyboard:
    """Acts on ``page`` by keys only."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def reach(self, target: Locator, *, key: str = "Tab") -> None:
        """Press Tab until ``target`` has the focus. Raises AssertionError: it cannot be reached,
        the focus is caught somewhere, does not show, or is out of sight."""
        await target.first.wait_for(timeout=8000)
        # Looked for once, and again when the page drew it anew: by role it takes long.
        wanted = await target.first.element_handle()
        before = None
        for _ in range(STEPS_MAX):
            now: dict[str, Any] | None = await self.page.evaluate(FOCUS, wanted)
            if now is not None and now["gone"]:
                wanted = await target.first.element_handle()
                continue
            if now is None or before is None:
                # Between the end of the page and its beginning, or where we come from.
                if now is not None and now["there"]:
                    return
                before = -1 if now is None else now["id"]
                await self.page.keyboard.press(key)
                continue
            assert now["id"] != before or now["html"].startswith(("<video", "<input")), (
                f"the focus is caught: {now['html']}"
            )
            assert now["marked"], f"the focus does not show: {now['html']}"
            assert now["seen"], f"the focus is out of sight: {now['html']}"
            assert not now["positive"], f"an order of its own: {now['html']}"
            if now["there"]:
                return
            before = now["id"]
            await self.page.keyboard.press(key)
        raise AssertionError(f"not reached in {STEPS_MAX} steps: {target}")

    async def press(self, target: Locator, key: str = "Enter") -> None:
        await self.reach(target)
        await self.page.keyboard.press(key)

    async def type(self, label: str, text: str) -> None:
        """Into the field of this label; what stood there is replaced."""
        await self.reach(self.page.get_by_label(label, exact=True))
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.type(text)

    async def choose(self, target: Locator, text: str) -> None:
        """Of a closed select box: the letters one types choose."""
        await self.reach(target)
        await self.page.keyboard.type(text)

    async def skip(self) -> None:
        """The first Tab shows the way past the navigation, and Enter takes it."""
        await self.reach(self.page.locator(".skip"))
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_function("() => document.activeElement?.id === 'main'")
