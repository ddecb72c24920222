"""What all tests share: strict settings, and a browser where there is one."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dask
import param
import pytest
from hypothesis import HealthCheck, settings

from tests.browser import Console, launch, playing, remembering
from tests.servers import serving
from tools.run import BROWSER_ADVICE, find_browser, in_ci

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

# A deadline would time numba's compiler, and a busy machine, not the code. The same goes for slow data generation.
settings.register_profile("dev", deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), print_blob=True)
settings.register_profile("long", settings.get_profile("dev"), max_examples=300)  # HYPOTHESIS_PROFILE=long: an hour
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if in_ci() else "dev"))

# HoloViews and Panel warn through param's logger, which pytest does not see.
param.parameterized.warnings_as_exceptions = True

# Without a client Dask computes in this thread, where errors have a readable traceback. Workers that the tests start
# inherit the variable: their start and stop are not news.
dask.config.set(scheduler="synchronous")
os.environ.setdefault("DASK_DISTRIBUTED__LOGGING__DISTRIBUTED", "error")


_MOST_MEMORY = 8 << 30  # bytes of a process of the tests
_died: list[object] = []


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium. Without one the test is skipped, on a build server it fails."""
    path = find_browser()
    if path is None:
        message = f"no browser: {BROWSER_ADVICE}"
        pytest.fail(message) if in_ci() else pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def playwright(chromium: str) -> "Iterator[Playwright]":
    """Return Playwright's driver."""
    with playing() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: "Playwright", chromium: str) -> "Iterator[Browser]":
    """Return a running headless browser, for visitors who share nothing."""
    with launch(playwright, chromium) as running:
        yield running


@pytest.fixture(scope="session")
def visitor(playwright: "Playwright", chromium: str, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[BrowserContext]":
    """Return the browser of one visitor, who has been here before: pages load sooner."""
    with remembering(playwright, chromium, str(tmp_path_factory.mktemp("profile"))) as running:
        yield running


@pytest.fixture(scope="module")
def url(chromium: str, store: str) -> Iterator[str]:
    """Return the address of the explorer of a module's own `store`, which is its path."""
    with serving(store) as address:
        yield address


@pytest.fixture
def console() -> Console:
    """Return the errors that pages of this test have reported so far."""
    return Console()


@pytest.fixture
def page(visitor: "BrowserContext", console: Console) -> "Iterator[Page]":
    """Return an empty page of 1280 by 800; the test fails if anything on it reports an error."""
    tab = visitor.new_page()
    tab.set_viewport_size({"width": 1280, "height": 800})
    console.watch(tab)
    yield tab
    if os.environ.get("BIGVIEW_SHOTS"):
        tab.screenshot(path=os.environ["BIGVIEW_SHOTS"])
    tab.close()
    assert not console.errors, "\n".join(["the browser's console has errors:", *console.errors])


def pytest_configure() -> None:
    """Let a test that asks for far too much memory fail by itself: it would take the whole machine along."""
    if resource is not None:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY if hard == resource.RLIM_INFINITY else min(hard, _MOST_MEMORY), hard))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """Take note of a worker that died: the tests it was to run are not run."""
    if error:
        _died.append(node)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail in a way that running the failed tests again does not mend."""
    if _died:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the browser, so that `-m 'not browser'` needs no discipline. Files of them come first: they take longest."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
    slow = {item.path for item in items if item.get_closest_marker("browser")}
    items.sort(key=lambda item: item.path not in slow)
