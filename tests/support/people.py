"""How does a test sit somebody down at the console: a real Chromium, a person, and the pages that they see?"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Locator, Page, expect, sync_playwright

from support.passwords import PASSWORD

REQUIRED: Final = "PAYWARDEN_REQUIRE_BROWSER"
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
# How people sit before it.
SEATS: Final[dict[str, dict[str, Any]]] = {
    "en": {},
    "zh-dark": {"locale": "zh-CN", "color_scheme": "dark"},
    "en-narrow": {"viewport": {"width": 360, "height": 780}},
}
# What WCAG 2.2 asks for at level AA, and what axe calls good practice.
_RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# A worker, a broker, a server and a browser share two cores here.
PATIENCE_MS: Final = 30_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium. Where there is none the test is skipped, or fails if PAYWARDEN_REQUIRE_BROWSER=1 wants it."""
    program = os.environ.get("PAYWARDEN_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    with sync_playwright() as playwright:
        try:
            # Root has no sandbox, and containers have a small /dev/shm.
            browser = playwright.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
        except Error as error:
            missing = f"no Chromium starts here (Debian: apt-get install chromium): {str(error).splitlines()[0]}"
            if os.environ.get(REQUIRED) == "1":
                pytest.fail(missing)
            pytest.skip(missing)
        expect.set_options(timeout=PATIENCE_MS)
        yield browser
        browser.close()


class Person:
    """Somebody at a browser of their own. What their pages complain about is a failure, whatever the test looks at."""

    def __init__(self, browser: Browser, address: str, name: str, **context: Any) -> None:
        self.name = name
        self.complaints: list[str] = []
        self._context = browser.new_context(
            **{"base_url": address, "locale": "en-GB", "viewport": {"width": 1360, "height": 900}} | context
        )
        self._context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self._context.new_page()
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def signs_in(self) -> Person:
        self.page.goto("/login")
        self.page.get_by_label(re.compile("Name|用户名")).fill(self.name)
        self.page.get_by_label(re.compile("Password|密码")).fill(PASSWORD)
        self.page.get_by_role("button", name=re.compile("Sign in|登录")).click()
        self.page.wait_for_url("**/queue")
        return self

    def leaves(self) -> None:
        self._context.close()

    def opens(self, address: str) -> Page:
        self.page.goto(address)
        return self.page

    def row_of(self, address: str, account_id: str) -> Locator:
        """The rows of a list that lead to a customer, whom pages name by a reference that stands in the address."""
        self.opens(f"/account?id={account_id}")
        reference = urlsplit(self.page.url).query
        return self.opens(address).locator("tbody tr").filter(has=self.page.locator(f'a[href*="{reference}"]'))

    def unfolds(self, name: str) -> None:
        """Opens the form of a button, where there is something to choose."""
        named = self.page.locator("button", has_text=re.compile(f"^{re.escape(name)}$"))
        folded = self.page.locator("details.wish:not([open])").filter(has=named)
        if folded.count():
            folded.locator("summary").click()

    def does(self, name: str) -> str:
        """Presses a button of the case that is open, and waits for what became of it."""
        self.unfolds(name)
        self.page.get_by_role("button", name=name, exact=True).click()
        outcome = self.page.locator(".outcome.done, .outcome.refused")
        expect(outcome).to_be_visible()
        return outcome.inner_text()

    def barriers(self) -> list[str]:
        """What keeps somebody from using the page that is open: each rule of axe with the first place."""
        found = Axe().run(self.page, options=_RULES).response["violations"]
        return [f"{each['id']}: {each['help']}: {each['nodes'][0]['html']}" for each in found]

    def keeps_picture(self, name: str) -> None:
        """A picture of the whole page, for whoever wants to look: PAYWARDEN_SCREENSHOTS names a folder."""
        if folder := os.environ.get("PAYWARDEN_SCREENSHOTS"):
            # What sticks to the end of the window would lie across the middle of a picture of the whole page.
            size = self.page.viewport_size or {"width": 1360, "height": 900}
            whole = int(self.page.evaluate("document.documentElement.scrollHeight"))
            self.page.set_viewport_size({**size, "height": max(whole, size["height"])})
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
            self.page.set_viewport_size(size)
