"""The pages that the browser benchmark opens: bigview's explorer, the same with a picture that costs nothing, and stock HoloViews.

    python -m benchmarks.pages {explorer,constant,stock,stock-constant} STORE --port 5100 --log loop.jsonl [--by COLUMN]

Each is served by a process of its own. A heartbeat on the event loop and a count of the bytes written to sockets go to the log: a line for each late
beat and each write.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd
import panel as pn
from tornado.iostream import IOStream

import bigview as bv
from bigview.app.explorer import Explorer
from bigview.app.server import COMPRESSION, warm
from bigview.raster.frame import frame
from bigview.spec import View
from bigview.views import scene
from bigview.views.picture import Painter, Picture, Wish
from bigview.views.wire import encode

BEAT, LATE = 0.002, 0.004  # seconds


class Log:
    """Lines of JSON, written as they come."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", buffering=1)

    def __call__(self, kind: str, value: float) -> None:
        self._file.write(json.dumps({"at": time.time() * 1e3, "kind": kind, "value": value}) + "\n")


async def heartbeat(log: Log) -> None:
    """Note each time that the event loop came late to a beat, in milliseconds."""
    while True:
        start = time.perf_counter()
        await asyncio.sleep(BEAT)
        late = time.perf_counter() - start - BEAT
        if late > LATE:
            log("late", late * 1e3)


def count_bytes(log: Log) -> None:
    """Note the size of everything written to a socket."""
    write = IOStream.write

    def counted(self: IOStream, data: Any) -> Any:
        log("bytes", len(data))
        return write(self, data)

    IOStream.write = counted  # type: ignore[method-assign]


class ConstantPainter(Painter):
    """Gives one picture for every wish: what is left is the way of a picture, without its making."""

    def __init__(self, table: bv.PointStore, *_: Any) -> None:
        super().__init__(table)
        self._table, self._made = table, None

    def paint(self, wish: Wish, stale: Callable[[], bool] = lambda: False) -> Iterator[Picture]:
        """Yield the picture of the first wish, moved to where it is asked for."""
        if self._made is None:
            made = frame(self._table, View(*self._table.home, wish.view.width, wish.view.height), wish.style)
            self._made = made, encode(made)
        made, wire = self._made
        drawing = replace(made.drawing, bounds=(*wish.view.x_range, *wish.view.y_range))
        yield Picture(replace(made, drawing=drawing), replace(wire), count=1 if wish.settled else None)


def time_painting(log: Log) -> None:
    """Note how long each picture took its worker, in milliseconds."""
    paint = scene.Painter.paint

    def timed(self: Painter, wish: Wish, stale: Callable[[], bool] = lambda: False) -> Iterator[Picture]:
        start = time.perf_counter()
        for picture in paint(self, wish, stale):
            log("paint", 1e3 * (time.perf_counter() - start))
            yield picture

    scene.Painter.paint = timed  # type: ignore[method-assign]


def explorer_page(store: bv.PointStore, by: str | None) -> Callable[[], Any]:
    """Return the page of the explorer."""

    def page() -> Any:
        pn.extension()
        return Explorer(store, color_by=by)

    return page


def stock_page(store: bv.PointStore, constant: bool) -> Callable[[], Any]:
    """Return the page of a plain HoloViews user: all rows in memory, `rasterize`, no settings; or one picture that costs nothing."""
    from holoviews.operation.datashader import rasterize
    from holoviews.streams import RangeXY

    x, y = store.manifest.x.column, store.manifest.y.column
    data = None if constant else columns_of(store, (x, y))
    (x0, x1), (y0, y1) = store.home
    picture = np.random.default_rng(0).poisson(2, (650, 850)).astype(float)

    def constant_image(x_range: Any, y_range: Any) -> hv.Image:
        left, right = x_range or (x0, x1)
        low, high = y_range or (y0, y1)
        return hv.Image(picture, bounds=(left, low, right, high))

    def page() -> Any:
        hv.extension("bokeh")
        if constant:
            plot = hv.DynamicMap(constant_image, streams=[RangeXY()])
        else:
            plot = rasterize(hv.Points(data, [x, y])).opts(cnorm="eq_hist")
        return pn.pane.HoloViews(plot.opts(responsive=True, active_tools=["wheel_zoom", "pan"]), sizing_mode="stretch_both")

    return page


def columns_of(store: bv.PointStore, names: tuple[str, ...]) -> pd.DataFrame:
    """Return whole columns of a store."""
    import pyarrow.parquet as pq

    folder = Path(store.reader.folder.url)
    files = sorted(file.name for file in store.manifest.files if file.name.startswith("rows/"))
    return pq.read_table([str(folder / name) for name in files], columns=list(names)).to_pandas()


PAGES: dict[str, Callable[[bv.PointStore, str | None], Callable[[], Any]]] = {
    "explorer": explorer_page,
    "constant": explorer_page,
    "stock": lambda store, by: stock_page(store, constant=False),
    "stock-constant": lambda store, by: stock_page(store, constant=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", choices=list(PAGES))
    parser.add_argument("store")
    parser.add_argument("--port", type=int, default=5100)
    parser.add_argument("--log", type=Path, default=Path("loop.jsonl"))
    parser.add_argument("--by")
    given = parser.parse_args()
    log, store = Log(given.log), bv.open(given.store)
    if given.page == "constant":
        scene.Painter = ConstantPainter
    count_bytes(log)
    time_painting(log)
    options = {"websocket_compression_level": COMPRESSION} if given.page in ("explorer", "constant") else {}
    page = PAGES[given.page](store, given.by)
    server = pn.io.server.get_server({"/": page}, port=given.port, start=False, show=False, verbose=False, **options)
    if given.page in ("explorer", "constant"):
        warm([store])  # as `bigview serve` does, there in the background
    server.io_loop.add_callback(heartbeat, log)
    server.io_loop.add_callback(log, "listening", 0.0)
    server.start()
    server.io_loop.start()


if __name__ == "__main__":
    main()
