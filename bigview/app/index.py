"""The first page of a server with several stores: their names, their sizes, a small picture of each."""

import base64
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn
from numpy.typing import NDArray
from PIL import Image

from bigview.app.matrixpages import Table, about, first_picture
from bigview.app.state import first_coloring
from bigview.errors import BigviewError
from bigview.raster.frame import frame
from bigview.spec import Style, View
from bigview.store.matrix import MatrixTable
from bigview.store.points import PointTable
from bigview.views.camera import Camera
from bigview.views.picture import to_plot, to_value

_THUMBNAIL = (480, 300)
_WHOLE = {"position": "fixed", "inset": "0", "overflow": "auto"}
_STYLE = (Path(__file__).parent / "index.css").read_text(encoding="utf-8")


Listed = tuple[str, str, Table]


def index_page(stores: Sequence[Listed], pairs: Sequence[tuple[str, Listed, Listed]] = ()) -> Any:
    """Return the page that lists stores, given as (address, title, table), and pairs of them that are shown side by side."""
    cards = "".join(_card(slug, title, (table,), about(table)) for slug, title, table in stores)
    cards += "".join(_card(slug, f"{one[1]} and {other[1]}", (one[2], other[2]), _together(one[2])) for slug, one, other in pairs)
    text = f'<main><h1>bigview</h1><div class="cards">{cards}</div></main>'
    return pn.pane.HTML(text, stylesheets=[_STYLE], sizing_mode="stretch_both", margin=0, styles=_WHOLE)


def _together(one: Table) -> str:
    return "in one place, compared" if isinstance(one, MatrixTable) else "side by side, linked"


def _card(slug: str, title: str, tables: Sequence[Table], size: str) -> str:
    images = [image for table in tables if (image := _thumbnail(table))]
    pictures = "".join(f'<img alt="" src="data:image/png;base64,{image}">' for image in images)
    return f'<a href="./{escape(slug)}"><div class="pictures">{pictures}</div><h2>{escape(title)}</h2><p>{escape(size)}</p></a>'


@lru_cache(maxsize=32)
def _thumbnail(table: Table) -> str:
    """Return a small picture of a store as base64 of a PNG; nothing where it cannot be drawn."""
    try:
        picture = first_picture(table, _THUMBNAIL) if isinstance(table, MatrixTable) else _of_points(table)
    except BigviewError:
        return ""
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(picture).view(np.uint8).reshape(*picture.shape, 4), "RGBA").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _of_points(table: PointTable) -> NDArray[np.uint32]:
    (x0, x1), (y0, y1) = (tuple(to_plot(end) for end in ends) for ends in table.home)
    axes = table.manifest.x, table.manifest.y
    camera = Camera.fitted(Camera(x0, x1, y0, y1), _THUMBNAIL, equal=all(axis.kind == "float" for axis in axes))
    view = View(
        (to_value(axes[0], camera.x0), to_value(axes[0], camera.x1)), (to_value(axes[1], camera.y0), to_value(axes[1], camera.y1)), *_THUMBNAIL
    )
    return np.asarray(frame(table, view, Style(by=first_coloring(table))).rgba[::-1])
