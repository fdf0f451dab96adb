"""Pictures of the dashboards, taken from the preview page."""

import json
from collections.abc import Iterator
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
WIDTH = 1280
READY_MS = 30_000


def take(platform: Platform, folder: Path, span: str) -> Iterator[Path]:
    """Draws every dashboard in each theme over the last `span`, such as 15m; raises LabError."""
    if not preview.published(platform):
        raise LabError("there is no preview to draw; make up starts the platform and publishes it")
    about = json.loads((platform.folder / "user" / "platform.json").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        for dashboard in about["dashboards"]:
            for theme in THEMES:
                query = {"dashboard": dashboard["uid"], "theme": theme, "from": f"now-{span}", "refresh": ""}
                page.set_viewport_size({"width": WIDTH, "height": 900})
                page.goto(f"{preview.url(platform)}?{urlencode(query)}")
                page.wait_for_selector("body[data-ready=true]", timeout=READY_MS)
                if faults := page.locator("[data-state=error]").all_inner_texts():
                    errors = "; ".join(" ".join(text.split()) for text in faults)
                    raise LabError(f"{dashboard['title']} can't be drawn completely: {errors}")
                # Make the whole page visible: the browser may leave the rest undrawn.
                height = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": WIDTH, "height": height})
                page.wait_for_timeout(300)
                path = folder / f"{dashboard['uid']}-{theme}.png"
                _save(page.screenshot(), path)
                yield path


def _save(screenshot: bytes, path: Path) -> None:
    """Saves with 256 colours, a third of the size: the 128 most frequent, and 128 spread over the rest."""
    picture = Image.open(BytesIO(screenshot)).convert("RGB")
    counted = sorted(picture.getcolors(picture.width * picture.height), reverse=True)
    frequent = [channel for _, color in counted[:128] for channel in color]
    spread = picture.quantize(128, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette = Image.new("P", (1, 1))
    palette.putpalette(frequent + spread.getpalette())
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
