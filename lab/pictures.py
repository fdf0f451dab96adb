"""Pictures of the dashboards, taken from the preview page."""

import json
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image

from lab import ROOT, preview
from lab.browser import chromium
from lab.errors import LabError
from lab.platform import Platform

FOLDER = ROOT / "docs" / "pictures"
THEMES = ("light", "dark")
WIDTH = 1366
PHONE = {"width": 390, "height": 844}
PHONE_DASHBOARD = "observability-platform-service"
READY_MS = 30_000


def take(platform: Platform, folder: Path, span: str) -> Iterator[Path]:
    """Draws the start page and every dashboard in each theme, and one dashboard on a phone.

    The dashboards show the last `span`, such as 15m. Raises LabError.
    """
    if not preview.published(platform):
        raise LabError("there is no preview to draw; make up starts the platform and publishes it")
    about = json.loads((platform.folder / "user" / "platform.json").read_text(encoding="utf-8"))
    titles = {dashboard["uid"]: dashboard["title"] for dashboard in about["dashboards"]}
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        page = browser.new_page()

        def draw(name: str, title: str, size: Mapping[str, int], **query: str) -> Path:
            page.set_viewport_size(size)
            page.goto(f"{preview.url(platform)}?{urlencode({'from': f'now-{span}', 'refresh': ''} | query)}")
            page.wait_for_selector("body[data-ready=true]", timeout=READY_MS)
            if faults := page.locator("[data-state=error]").all_inner_texts():
                errors = "; ".join(" ".join(text.split()) for text in faults)
                raise LabError(f"{title} can't be drawn completely: {errors}")
            if size != PHONE:
                # Make the whole page visible: the browser may leave the rest undrawn.
                height = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": size["width"], "height": height})
            page.wait_for_timeout(300)
            path = folder / f"{name}.png"
            _save(page.screenshot(), path)
            return path

        for theme in THEMES:
            yield draw(f"start-{theme}", "The start page", {"width": WIDTH, "height": 600}, theme=theme)
            for uid, title in titles.items():
                wide = {"width": WIDTH, "height": 900}
                yield draw(f"{uid}-{theme}", title, wide, theme=theme, dashboard=uid)
        if PHONE_DASHBOARD in titles:
            yield draw("phone", titles[PHONE_DASHBOARD], PHONE, theme="dark", dashboard=PHONE_DASHBOARD)


def _save(screenshot: bytes, path: Path) -> None:
    """Saves with 256 colours, a third of the size: the 128 most frequent, and 128 spread over the rest."""
    picture = Image.open(BytesIO(screenshot)).convert("RGB")
    counted = sorted(picture.getcolors(picture.width * picture.height), reverse=True)
    frequent = [channel for _, color in counted[:128] for channel in color]
    spread = picture.quantize(128, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette = Image.new("P", (1, 1))
    palette.putpalette(frequent + spread.getpalette())
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
