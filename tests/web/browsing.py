"""What the tests in a browser share."""

from __future__ import annotations

from typing import Any

import pytest

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}


class Opened:
    """A browser window that remembers everything that should not happen."""

    def __init__(self, context: Any, url: str) -> None:
        self.page, self.url, self.wrong = context.new_page(), url, []
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.wrong.append(f"asked for {request.url}")

    def go(self, path: str) -> Any:
        self.page.goto(self.url + path)
        return self.page


def until(page: Any, expression: str) -> None:
    """Wait for an expression; Playwright's own waiting evaluates text in the page, which the policy forbids."""
    for _ in range(300):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never came true: {expression}")


def violations(page: Any, axe: str) -> dict[str, Any]:
    page.evaluate(axe)
    result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return {each["id"]: [node["html"][:200] for node in each["nodes"]] for each in result["violations"]}
