"""What is visible of a matrix as an image to download: with names, tracks, trees and colour bar, made when it is fetched."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bigview.raster.heat import HeatLook
from bigview.raster.heatchosen import Box
from bigview.raster.heatrender import render_matrix
from bigview.store.matrix import MatrixTable

IMAGES = {"png": "image/png", "svg": "image/svg+xml"}
_WIDTH = 3000  # pixels: a page of print


@dataclass(frozen=True, eq=False)
class HeatImage:
    """An image of a part of a matrix.

    Attributes
    ----------
    table : MatrixTable
    look : HeatLook
    box : Box
    clusters : (int or None, int or None)
        Into how many the trees are cut.
    format : {"png", "svg"}
    """

    table: MatrixTable
    look: HeatLook
    box: Box
    clusters: tuple[int | None, int | None]
    format: str

    def chunks(self) -> tuple[str, str, Iterator[bytes]]:
        """Return the name of the file, its media type, and its bytes."""
        stem = Path(self.table.folder.path()).name.removesuffix(".bv")
        title = re.sub(r"[^\w.-]+", "-", stem, flags=re.ASCII).strip("-.") or "matrix"
        return f"{title}.{self.format}", IMAGES[self.format], self._bytes()

    def _bytes(self) -> Iterator[bytes]:
        rows, cols = (tuple(map(float, ends)) for ends in self.box)
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"matrix.{self.format}"
            look: dict[str, Any] = {"style": self.look.style, "rows": self.look.rows, "cols": self.look.cols, "locked": self.look.locked}
            render_matrix(self.table, path, _WIDTH, view=(cols, rows), clusters=self.clusters, **look)
            yield path.read_bytes()
