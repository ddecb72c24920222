"""Make the pictures of these pages from the demo's real words: `.venv/bin/python docs/make_pictures.py [STORE]`.

Builds the demo's store when it is not there, drives its explorer in a headless browser, and renders one image without a browser.
"""

import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for tests.browser and tools.run, which are not installed

import bigview as bv  # noqa: E402
from bigview.build.demo import demo_store  # noqa: E402
from tests.browser import launch, playing  # noqa: E402
from tools.run import BROWSER_ADVICE, find_browser  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1180, "height": 720}
GREEK = (438, 290)  # pixels: an island of one language, for the record under the pointer
SETTLE = 2500  # milliseconds from a gesture until picture, legend and record have come
LARGEST = {"words.png": 400_000}  # bytes; a clone should stay small
ALL = 1_200_000


@contextmanager
def served(store: str) -> Iterator[str]:
    """Serve a store and return the page's address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "bigview", "serve", store, "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        server.stdout.readline()  # says that it listens
        yield f"http://localhost:{port}/"
    finally:
        server.terminate()
        server.wait(20)


def save(name: str, image: Image.Image) -> None:
    """Write a picture with 256 colours and no dithering: points on a dark ground compress badly otherwise."""
    small = image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / name
    small.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")
    if path.stat().st_size > LARGEST.get(name, 300_000):
        raise SystemExit(f"{name} is too large; take fewer colours or a smaller window.")


def shot(page) -> Image.Image:
    """Return the page when it has come to rest."""
    page.wait_for_timeout(SETTLE)
    return Image.open(io.BytesIO(page.screenshot()))


def explorer(address: str, browser: str) -> None:
    """Take the screenshots."""
    with playing() as driver, launch(driver, browser) as running:
        page = running.new_page(viewport=SIZE)
        page.goto(address)
        page.locator(".in-view").filter(has_not_text="…").wait_for()  # the first picture is there
        page.wait_for_timeout(SETTLE)
        page.mouse.move(*GREEK)
        save("words.png", shot(page))
        for _ in range(7):
            page.mouse.wheel(0, -240)
            page.wait_for_timeout(350)
        page.wait_for_timeout(2 * SETTLE)
        page.mouse.click(*GREEK)
        page.locator(".record .close").wait_for(timeout=10_000)
        page.mouse.move(700, 690)
        save("record.png", shot(page))
        page = running.new_page(viewport=SIZE)
        page.goto(address)
        page.locator(".in-view").filter(has_not_text="…").wait_for()
        page.get_by_role("combobox").first.click()
        page.get_by_role("menuitem", name="zipf", exact=True).click()
        page.get_by_role("button", name="Light or dark").click()
        page.mouse.move(5, 700)
        save("light.png", shot(page))
        page = running.new_page(viewport=SIZE)
        page.goto(address)
        page.locator(".in-view").filter(has_not_text="…").wait_for()
        page.get_by_role("button", name="Charts", exact=True).click()
        plot = page.locator("svg.plot")
        plot.wait_for(timeout=10_000)
        area = plot.bounding_box()
        page.mouse.move(area["x"] + area["width"] * 0.25, area["y"] + 40)
        page.mouse.down()
        page.mouse.move(area["x"] + area["width"] * 0.6, area["y"] + 40, steps=8)
        page.mouse.up()
        save("charts.png", shot(page))


def main(arguments: list[str]) -> None:
    """Make all pictures."""
    browser = find_browser()
    if browser is None:
        raise SystemExit(f"A browser is needed; {BROWSER_ADVICE}.")
    place = arguments[0] if arguments else str(demo_store("words"))
    store = bv.open(place)
    with served(place) as address:
        explorer(address, browser)
    rendered = store.render(width=800, by="script")
    save("render.png", Image.open(io.BytesIO(rendered._repr_png_())))
    total = sum(path.stat().st_size for path in PICTURES.glob("*.png"))
    if total > ALL:
        raise SystemExit(f"The pictures take {total:,} bytes together, over {ALL:,}.")


if __name__ == "__main__":
    main(sys.argv[1:])
