"""bigview's tests; helpers are imported as `from tests.browser import …`."""
