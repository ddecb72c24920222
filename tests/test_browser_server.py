"""A full server, as a visitor meets it in the browser."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bigview.build.points import build_points


@pytest.fixture
def url(tmp_path, chromium):
    """Return the address of a server with one place."""
    rng = np.random.default_rng(0)
    build_points(pd.DataFrame(rng.normal(size=(1000, 2)), columns=["x", "y"]), str(tmp_path / "a.bv"), x="x", y="y")
    command = [sys.executable, "-m", "bigview", "serve", str(tmp_path / "a.bv"), "--port", "0", "--sessions", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield re.search(r"http://\S+", server.stdout.readline()).group()
        finally:
            server.kill()


def test_who_finds_no_place_waits_and_gets_in_by_himself(browser, page, url):
    page.goto(url)
    page.locator(".in-view", has_text="1,000").wait_for()
    late = browser.new_page()  # its console tells of the 503, as it should
    late.set_default_timeout(30_000)
    assert late.goto(url).status == 503
    assert late.get_by_role("heading", level=1).inner_text() == "All places are taken just now"
    assert late.get_by_role("link", name="Try again now").get_attribute("href") == ""
    late.keyboard.press("Tab")
    assert late.evaluate("document.activeElement.textContent") == "Try again now"
    late.keyboard.press("Enter")
    late.wait_for_load_state()
    assert late.get_by_role("status").inner_text() == ""
    page.close()
    late.locator(".in-view", has_text="1,000").wait_for()
    late.close()
