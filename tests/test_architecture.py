"""The rules of building hold, and breaking one is noticed."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture import MOST_LINES, imports, violations

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "bigview").rglob("*.py"))
}
UI = ["holoviews", "panel", "bokeh", "hvplot", "panel_material_ui", "matplotlib"]
HEAVY = ["datashader", "dask", "distributed", "numba", "scipy", "wordfreq", "wordllama"]


def test_the_rules_hold():
    assert not violations(SOURCES), "\n".join(violations(SOURCES))


def test_the_package_was_read():
    assert {"bigview", "bigview.errors", "bigview.store"} <= set(SOURCES)


@pytest.mark.parametrize(
    ("module", "source", "words"),
    [
        ("bigview.store.axis", "from bigview.raster.plan import plan", "must not use it"),
        ("bigview.store.axis", "def f():\n    from bigview.raster.plan import plan", "must not use it"),
        ("bigview.store.axis", "def f():\n    import bigview.build.sort", "must not use it"),
        (
            "bigview.store.axis",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bigview.app.state import State",
            "must not use it",
        ),
        ("bigview.errors", "from bigview.config import limits", "must not use it"),
        ("bigview.config", "from bigview import spec", "must not use it"),
        ("bigview.views.live", "import bigview", "must not use it"),
        ("bigview.views.live", "from bigview import open", "must not use it"),
        ("bigview.views.live", "import bigview.stores", "must not use it"),
        ("bigview.build.points", "from bigview.stores import open", "must not use it"),
        ("bigview.build.points", "def f():\n    import_module('bigview.stores')", "must not use it"),
        ("bigview.app.server", "from bigview.cli import main", "must not use it"),
        ("bigview.store.axis", "from .manifest import Manifest", "relative import"),
        ("bigview.store.axis", "from . import manifest", "relative import"),
        ("bigview.store.axis", "import bigview.extra", "not in the reading order"),
        ("bigview.extra", "", "not in the reading order"),
        ("bigview.stores", "from bigview.app.explorer import Explorer", "only inside a function"),
        ("bigview.cli", "import bigview.views.live", "only inside a function"),
        ("bigview.stores", "def f():\n    import holoviews as hv", "at home in"),
        ("bigview.raster.frame", "from holoviews.operation import datashader", "at home in"),
        ("bigview.cli", "def f():\n    import panel.io", "at home in"),
        ("bigview.store.points", "import dask.dataframe", "at home in"),
        ("bigview.app.server", "def f():\n    from distributed import Client", "at home in"),
        ("bigview.store.points", "import importlib\ndef f():\n    importlib.import_module('bokeh.io')", "at home in"),
        ("bigview.store.utils", "", "says nothing"),
        ("bigview.app.helpers", "", "says nothing"),
        ("bigview.store.deep.axis", "", "third level"),
        ("bigview.store.axis", "#\n" * (MOST_LINES + 1), "lines, more than"),
        ("bigview.raster.kernels", "@numba.njit(cache=True, parallel=True)\ndef f(): pass", "parallel=True"),
        ("bigview.raster.kernels", "from numba import njit\nf = njit(parallel=FLAG)(g)", "parallel=True"),
    ],
)
def test_a_violation_is_caught(module, source, words):
    found = violations({module: source})
    assert len(found) == 1, found
    assert words in found[0]


def test_a_circle_is_caught():
    sources = {
        "bigview.store.a": "from bigview.store import b",
        "bigview.store.b": "from bigview.store.c import thing",
        "bigview.store.c": "import bigview.store.a",
    }
    circle = " -> ".join(f"bigview.store.{name}" for name in "abca")
    assert violations(sources) == [f"imports in a circle: {circle}"]
    # Inside a function nothing is imported while modules load.
    assert not violations(sources | {"bigview.store.c": "def f():\n    import bigview.store.a"})


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bigview.store.axis", "from bigview.errors import ViewError\nfrom bigview.store.morton import key"),
        ("bigview.stores", "def f():\n    from bigview.app.explorer import E\n    import bigview.views.live"),
        ("bigview.app.server", "from bigview.stores import open\nimport panel"),
        ("bigview.build.points", "import dask\nsubmit(parallel=True)"),
        ("bigview.__main__", "from bigview.cli import main"),
        ("bigview.cli", "from bigview import __version__"),
        ("bigview.raster.kernels", "@njit(cache=True, nogil=True, parallel=False)\ndef f(): pass"),
    ],
)
def test_what_is_allowed(module, source):
    assert not violations({module: source})


def test_import_loads_no_ui_and_nothing_heavy():
    """Workers and scripts start fast: the door is light."""
    script = f"import sys, bigview; print(*[n for n in {UI + HEAVY} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_no_public_name_hides_a_module():
    """A public name equal to a module's would replace it in the package."""
    import bigview

    modules = {name.split(".")[1] for name in SOURCES if "." in name}
    assert not modules & set(getattr(bigview, "__all__", ()))


def test_every_library_is_a_declared_requirement():
    """What comes along with another requirement today may not come tomorrow."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    declared = {re.match(r"[\w.-]+", text)[0].lower().replace("_", "-") for text in texts} | {"bigview", "distributed"}
    homes = packages_distributions()
    missing = set()
    for module, source in SOURCES.items():
        for item in imports(source):
            top = item.name.split(".")[0]
            if top in sys.stdlib_module_names or item.relative:
                continue
            names = {name.lower().replace("_", "-") for name in homes.get(top, [top])}
            if not names & declared:
                missing.add(f"{module}:{item.line}: {top}")
    assert not missing, "not in pyproject.toml:\n" + "\n".join(sorted(missing))
