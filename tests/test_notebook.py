"""A notebook under a real kernel: cells run, plots display, and a drag reaches the kernel by the messages that a browser sends."""

import json
import os
import uuid
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.views import store as built
from tests.views import table as made

ROOT = Path(__file__).resolve().parent.parent

SETUP = """
import json
import bigview.stores
store = bigview.stores.open({url!r})
import holoviews as hv
import datashader as ds
from holoviews.operation.datashader import rasterize, datashade, inspect_points
hv.extension("bokeh")
"""

CONNECTED = """
from bokeh.plotting import figure as Figure
from panel.io.state import state
ref = {ref}
pane, model, document, comm = state._views[ref]
client = [name for name, entry in state._comm_manager._comms.items() if "CommJS" in type(entry).__name__][-1]
figure = next(part for part in model.references() if isinstance(part, Figure))
sent, send = [], comm.send


def count(*args, **options):
    sent.extend(len(part) for part in (*args, *options.get("buffers", ())) if hasattr(part, "__len__"))
    return send(*args, **options)


comm.send = count
print(json.dumps(dict(client=client, figure=figure.id, {more})))
"""

PLOT = CONNECTED.format(ref="list(state._views)[-1]", more="x=figure.x_range.id, y=figure.y_range.id")

SHOWN = """
import asyncio
from panel.pane import HoloViews
plot = pane.select(HoloViews)[0]._plots[ref][0]
for _ in range(100):
    image = plot.current_frame
    if [round(end, 6) for end in image.bounds.lbrt()] == {bounds}:
        break
    await asyncio.sleep(0.05)
left, bottom, right, top = image.bounds.lbrt()
view = __import__("bigview.spec").spec.View((left, right), (bottom, top))
print(json.dumps(dict(bounds=image.bounds.lbrt(), count=store.count(view), drawn={drawn}, lod=figure.lod_timeout, sent=sum(sent))))
"""


class Browser(NotebookClient):
    """Runs cells as Jupyter does, and speaks to the plots over their comms as the page does."""

    def run(self, source):
        """Run a cell; return its printed text."""
        cell = nbformat.v4.new_code_cell(source)
        self.nb.cells.append(cell)
        done = self.execute_cell(cell, len(self.nb.cells) - 1)
        self.last = done
        return "".join(output.get("text", "") for output in done.outputs if output.output_type == "stream")

    def tell(self, kind, **content):
        """Send a message of the page."""
        self.kc.shell_channel.send(self.kc.session.msg(kind, content))

    def patch(self, comm, events):
        """Send changes of the document, as BokehJS packs them."""
        header = {"msgid": uuid.uuid4().hex, "msgtype": "PATCH-DOC"}
        self.tell("comm_msg", comm_id=comm, data={"header": header, "metadata": {}, "content": {"events": events}})

    def drag(self, comm, ids, path):
        """Drag the map: the ranges change at every step of the pointer, and at the end the page says that they have."""
        for x0, x1, y0, y1 in path:
            ends = ((ids["x"], "start", x0), (ids["x"], "end", x1), (ids["y"], "start", y0), (ids["y"], "end", y1))
            self.patch(comm, [{"kind": "ModelChanged", "model": {"id": model}, "attr": attr, "new": new} for model, attr, new in ends])
        entries = [["model", {"id": ids["figure"]}], ["x0", x0], ["x1", x1], ["y0", y0], ["y1", y1]]
        event = {"type": "event", "name": "rangesupdate", "values": {"type": "map", "entries": entries}}
        self.patch(comm, [{"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}])


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    store = built(folder, made())
    os.environ["IPYTHONDIR"] = str(folder)
    client = Browser(nbformat.v4.new_notebook(), timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    with client.setup_kernel():
        client.run(SETUP.format(url=str(store.reader.folder.url)))
        yield client
    del os.environ["IPYTHONDIR"]


@pytest.mark.parametrize(
    ("cell", "drawn"),
    [
        ('rasterize(hv.Points(store, ["x", "y"])).opts(width=500, height=400)', "int(image.data.to_array().sum())"),
        ('store.hvplot.points("x", "y", by="label", width=500, height=400)', 'image.data.attrs["frame"].count'),
    ],
    ids=["rasterize", "hvplot"],
)
def test_a_live_drag(browser, cell, drawn):
    browser.run(cell)
    assert any("text/html" in output.get("data", {}) for output in browser.last.outputs), browser.last.outputs
    ids = json.loads(browser.run(PLOT))
    comm = uuid.uuid4().hex
    browser.tell("comm_open", comm_id=comm, target_name=ids["client"], data={})
    path = [(0.5 + step / 10, 2.0 + step / 10, 0.0, 1.5) for step in range(6)]
    browser.drag(comm, ids, path)
    after = json.loads(browser.run(SHOWN.format(bounds=[1.0, 0.0, 2.5, 1.5], drawn=drawn)))
    assert after["bounds"] == pytest.approx([1.0, 0.0, 2.5, 1.5])
    assert after["drawn"] == after["count"] > 0
    assert after["lod"] == 30
    assert after["sent"] > 100_000, "the new picture went to the page"


@pytest.mark.parametrize(
    "cell",
    [
        'datashade(hv.Points(store), aggregator=ds.by("label")).opts(show_legend=True)',
        "hv.link_selections.instance()(rasterize(hv.Points(store)) + datashade(hv.Points(store)))",
        'store.hvplot.hist("score", by="label")',
        "store.hvplot.table()",
        "picture = rasterize(hv.Points(store)); picture * inspect_points(picture)",
    ],
)
def test_cells_display(browser, cell):
    browser.run(cell)
    kinds = {kind for output in browser.last.outputs for kind in output.get("data", {})}
    assert "text/html" in kinds
    assert all(output.output_type != "error" for output in browser.last.outputs)


EXPLORER = "stage = explorer.stage" + CONNECTED.format(
    ref="next(ref for ref in stage._models if ref in state._views)", more="stage=stage._models[ref][0].id"
)

WAITED = """
import asyncio
for _ in range(400):
    if {until}:
        break
    await asyncio.sleep(0.05)
print(json.dumps({shown}))
"""


def test_the_explorer_in_a_cell(browser):
    browser.run("explorer = store.explore()")
    browser.run("explorer")
    assert any("text/html" in output.get("data", {}) for output in browser.last.outputs), browser.last.outputs
    ids, comm = json.loads(browser.run(EXPLORER)), uuid.uuid4().hex
    browser.tell("comm_open", comm_id=comm, target_name=ids["client"], data={})
    sizes = [("inner_width", 600), ("inner_height", 400)]
    browser.patch(comm, [{"kind": "ModelChanged", "model": {"id": ids["figure"]}, "attr": name, "new": size} for name, size in sizes])

    def say(kind, value):
        """Send a message as explorer.js does."""
        data = {"type": "map", "entries": [["kind", kind], ["value", value]]}
        event = {"type": "event", "name": "data_event", "values": {"type": "map", "entries": [["model", {"id": ids["stage"]}], ["data", data]]}}
        browser.patch(comm, [{"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}])

    def shown(until, what):
        return json.loads(browser.run(WAITED.format(until=until, shown=what)))

    status, bytes_sent = shown("stage.status['view'] != '…'", "[stage.status, sum(sent)]")
    assert status["view"] == "20,000"
    assert "densest" in status["summary"]
    assert bytes_sent > 10_000, "the picture went to the page"
    say("legend", {"type": "map", "entries": [["name", "a"]]})
    view, filters, truth = shown(
        "stage.status['view'] != '20,000'", "[stage.status['view'], stage.chips['filters'], store.count(where=explorer.where)]"
    )
    assert (view, filters) == (f"{truth:,}", ["label: a"])
    for panel in ("table", "filters", "charts", "saved"):
        say("open", panel)
    assert len(shown("len(stage.opened) == 4", "stage.opened")) == 4
    assert shown("stage.table.page.get('ids')", "[stage.table.page['range'], stage.table.trouble]") == [f"1–100 of {view}", ""]
    assert shown("all('all' in one for one in stage.charts.charts)", "[one['title'] for one in stage.charts.charts]") == ["label", "score"]
    say("filters", "undo")
    assert shown("not stage.chips['filters']", "stage.chips['redo']")
    say("key", "+")
    shown("stage.status['view'] != '20,000'", "0")
    assert shown("explorer.spec.view", "[stage.status['message'], explorer.spec.view is not None]") == ["", True]
