"""A real browser for tests: headless Chromium on one file, which may fetch nothing."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.support.requirements import require

CHROMIUM = shutil.which("chromium")


class Opened:
    """A page that was opened: what it asked for but itself, and what it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda message: self.errors.append(message.text) if message.type == "error" else None,
        )

    def texts(self, query: str) -> list[str]:
        """The texts of the elements, whether they are shown or not."""
        return [text.strip() for text in self.page.locator(query).all_text_contents()]

    def shown(self, query: str) -> list[str]:
        """The texts of those that are shown."""
        return [one.inner_text() for one in self.page.locator(query).all() if one.is_visible()]


@contextlib.contextmanager
def opened(file: Path, *, width: int = 1280, height: int = 900, **context: Any) -> Iterator[Opened]:
    """Open a file; `context` are options of Playwright's `new_context`."""
    require(CHROMIUM is not None, "chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-quic"]
        )
        try:
            viewport: Any = {"width": width, "height": height}
            page = browser.new_context(viewport=viewport, **context).new_page()
            page.set_default_timeout(20_000)
            found = Opened(page)
            page.goto(file.as_uri())
            yield found
            assert found.requests == [file.as_uri()]
        finally:
            browser.close()
