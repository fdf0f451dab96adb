"""A headless Chromium: from PATH, or the one that Playwright installs."""

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, Error, sync_playwright

from lab.errors import LabError

# No background requests. No sandbox: it fails for root and in containers, and the pages are our own.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Starts the browser; raises LabError if none is found or it does not start."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=list(_ARGUMENTS))
        except Error as error:
            if found:
                raise LabError(f"{found} does not start: {error.message.splitlines()[0]}") from error
            raise LabError(
                "no Chromium was found; put one on PATH (on Debian: apt-get install chromium) "
                "or install Playwright's (python -m playwright install chromium)"
            ) from error
        try:
            yield browser
        finally:
            browser.close()
