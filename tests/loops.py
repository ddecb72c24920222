"""Event loops for tests that serve pages in this process."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bokeh.document import Document
from bokeh.io import doc as current

Result = TypeVar("Result")


def run(scene: Coroutine[Any, Any, Result]) -> Result:
    """Run a scene in a loop of its own thread.

    In the thread of the tests Playwright's loop may run, and no other one then. Bokeh's current document belongs to the process: sessions that are
    cut off may leave their own there, or take the common one with them, and the next test would draw into it. So it gets a new one.
    """
    try:
        with ThreadPoolExecutor(1) as alone:
            return alone.submit(asyncio.run, scene).result()
    finally:
        current._PATCHED_CURDOCS.clear()
        current.set_curdoc(Document())
