"""Draws the picture of README.md: the top of a page, from the reference records on the embedded dataset.

``python docs/picture.py`` needs Playwright (``pip install -e '.[test]'``) and Chromium on the PATH.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from figures import REFERENCE, ROOT
from PIL import Image

from harness.reporting.pages import write_report
from harness.results.store import existing
from harness.tables import tables

TABLE, DATASET, PROFILE = "mpn_ablation", "synthetic", "study"
PICTURE = ROOT / "docs" / "images" / f"{TABLE}.webp"
WIDTH, HEIGHT = 1000, 950
SCALE = 2
QUALITY = 80


def main() -> int:
    """Write the page in a folder of its own, and its top as ``PICTURE``. Returns 2 where there is no Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("error: there is no chromium; install it (apt-get install chromium)", file=sys.stderr)
        return 2
    shown = [
        record
        for record in existing(REFERENCE, "results").records()
        if (record["table"], record["dataset"], record["profile"]) == (TABLE, DATASET, PROFILE)
    ]
    with TemporaryDirectory() as folder:
        write_report(shown, {TABLE: tables()[TABLE]}, REFERENCE, Path(folder))
        png = _screenshot(Path(folder) / f"{TABLE}.html", chromium)
    PICTURE.parent.mkdir(exist_ok=True)
    Image.open(io.BytesIO(png)).save(PICTURE, quality=QUALITY, method=6)
    return 0


def _screenshot(page: Path, chromium: str) -> bytes:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE)
        opened.goto(page.as_uri())
        png = opened.screenshot()
        browser.close()
    return png


if __name__ == "__main__":
    sys.exit(main())
