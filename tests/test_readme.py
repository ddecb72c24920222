"""The pages are true: the cells of README and guide run in a notebook, the commands of all pages exist, and links and pictures lead somewhere."""

import re
import struct

import nbformat
import pytest
from nbclient import NotebookClient

from bigview.cli import _parser
from bigview.config import MEGABYTE, limits
from tests.pages import PAGES, ROOT, cells, commands, links
from tools.run import COMMANDS

README = PAGES[0]
GUIDE = ROOT / "docs" / "guide.md"
MATRICES = ROOT / "docs" / "matrices.md"
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.png"))


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Return a client with a running kernel: pages have it one after the other, each with nothing in it but what is imported."""
    client = NotebookClient(nbformat.v4.new_notebook(), timeout=240, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    with client.setup_kernel():
        yield client


@pytest.fixture(scope="module", params=[README, GUIDE, MATRICES], ids=["README", "guide", "matrices"])
def notebook(request, kernel, tmp_path_factory):
    """Return a page's cells after a run under a real kernel, in an empty folder."""
    folder = tmp_path_factory.mktemp("page")
    kernel.execute_cell(_added(kernel, f"%reset -f\nimport os; os.chdir({str(folder)!r}); del os"), len(kernel.nb.cells) - 1)
    made = [_added(kernel, source) for source in cells(request.param)]
    first = len(kernel.nb.cells) - len(made)
    for number, cell in enumerate(made, first):
        kernel.execute_cell(cell, number)
    return nbformat.v4.new_notebook(cells=made), folder


def _added(client, source):
    client.nb.cells.append(nbformat.v4.new_code_cell(source))
    return client.nb.cells[-1]


def outputs(cell):
    return [kind for output in cell.outputs if output.output_type in ("display_data", "execute_result") for kind in output.data]


def test_cells_run_and_show_something(notebook):
    made, folder = notebook
    assert len(made.cells) >= 5
    for cell in made.cells:
        assert cell.outputs, cell.source
        assert not [output for output in cell.outputs if output.output_type == "error"]
        if any(word in cell.source for word in ("explore(", "hvplot", "rasterize(")):
            assert "text/html" in outputs(cell), cell.source
    images = list(folder.glob("*.png"))
    assert images
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in images)


def test_first_cell_is_six_lines_and_a_million_points():
    first = cells(README)[0]
    assert len([line for line in first.splitlines() if line.strip()]) == 6
    assert "1_000_000" in first


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_understood(page):
    for words in commands(page, "bigview"):
        if "--help" not in words and "--version" not in words:
            _parser().parse_args(words[1:])
    for words in commands(page, "make"):
        assert words[1] in {*COMMANDS, "clean"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in links(page):
        assert (page.parent / link).exists(), link


def test_pictures_are_real_and_small():
    assert "docs/pictures/words.png" in links(README)
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page) if link.endswith(".png")}
    assert shown == set(PICTURES)
    assert sum(path.stat().st_size for path in PICTURES) < 1_000_000
    assert (ROOT / "docs" / "pictures" / "words.png").stat().st_size < 400_000
    for path in PICTURES:
        width, height = struct.unpack(">II", path.read_bytes()[16:24])
        assert width >= 600
        assert height >= 400


def test_the_tests_that_are_named_exist():
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert len(named) >= 8
    for file, name in named:
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), name


def test_limits_are_those_in_force():
    text, now = README.read_text(encoding="utf-8"), limits()
    for size in (now.cache_bytes, now.filter_bytes, now.frame_bytes, now.result_bytes):
        assert f"{size // MEGABYTE} MB" in text
    for number in (now.partition_rows, now.max_pixels, now.exact_rows, now.category_limit, now.element_rows, now.picture_pixels):
        assert f"{number:,}" in text
    assert f"legends list {now.legend_items}" in text
    assert f"{now.sessions} at once" in text
