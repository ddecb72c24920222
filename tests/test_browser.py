"""The browser of the other tests works, and its console is watched."""

import pytest

from tests.browser import Console


def test_draws_and_runs_scripts(page):
    page.set_content("<canvas id=c width=2 height=1></canvas>")
    pixel = page.evaluate(
        "() => { const c = document.querySelector('#c').getContext('2d');"
        " c.fillStyle = '#123456'; c.fillRect(0, 0, 2, 1); return Array.from(c.getImageData(1, 0, 1, 1).data); }"
    )
    assert pixel == [0x12, 0x34, 0x56, 255]


@pytest.mark.parametrize("script", ["console.error('a complaint')", "setTimeout(() => { throw Error('a complaint') })"])
def test_console_errors_are_caught(browser, script):
    console = Console()
    page = browser.new_page()
    console.watch(page)
    page.set_content(f"<script>{script}</script>")
    page.wait_for_timeout(100)
    page.close()
    assert len(console.errors) == 1
    assert "a complaint" in console.errors[0]
