"""HoloViews' data interface for a matrix store: a grid of which nothing is read until an operation asks for what is in view."""

from typing import Any

import holoviews as hv
import numpy as np
from holoviews.core.data import Interface
from holoviews.core.data.grid import GridInterface
from holoviews.core.data.interface import DataError

from bigview.errors import OptionError
from bigview.store.matrix import MatrixTable
from bigview.views.matrixpart import MatrixPart

DATATYPE = "bigview_matrix"


class MatrixInterface(Interface):
    """Lets HoloViews' gridded elements hold a matrix, or a part of one, in place of an array.

    x counts columns and y rows, in the order shown; the cell i covers i … i + 1. Ranges and types are known without cells; slices stay lazy.
    Cells are read only where they are few (`bigview.config.limits().element_cells`); otherwise an error says what to do instead.
    """

    types = (MatrixTable, MatrixPart)
    datatype = DATATYPE
    gridded = True
    named = True  # whatever dimensions are called, columns come first

    @classmethod
    def applies(cls, obj: Any) -> bool:
        """Tell whether this interface is for an object."""
        return isinstance(obj, cls.types)

    @classmethod
    def init(cls, eltype: Any, data: Any, kdims: Any, vdims: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Return data and dimensions of a new element: columns, rows and values."""
        if not cls.applies(data):
            raise ValueError(f"{type(data).__name__} is not a matrix.")
        if not issubclass(eltype, (hv.Image, hv.QuadMesh)) and eltype is not hv.Dataset:
            raise DataError(f"hv.{eltype.__name__} would read every cell of the matrix. Take rasterize(hv.Image(store)), or store.hvplot.heatmap().")
        part = MatrixPart.of(data)
        kdims = list(part.dims[:2]) if kdims is None else kdims
        vdims = [part.dims[2]] if vdims is None else vdims
        if len(kdims) != 2 or len(vdims) != 1:
            raise DataError(f"A matrix has two key dimensions, columns and rows, and one of values, not {len(kdims)} and {len(vdims)}.")
        return part, {"kdims": kdims, "vdims": vdims}, {}

    @classmethod
    def validate(cls, dataset: Any, vdims: bool = True) -> None:
        """Accept any names."""

    @classmethod
    def shape(cls, dataset: Any, gridded: bool = False) -> tuple[int, int]:
        """Return rows and columns, or the number of cells and of dimensions."""
        return dataset.data.shape if gridded else (cls.length(dataset), len(dataset.dimensions()))

    @classmethod
    def length(cls, dataset: Any) -> int:
        """Return the number of cells."""
        rows, cols = dataset.data.shape
        return int(rows * cols)

    @classmethod
    def nonzero(cls, dataset: Any) -> bool:
        """Tell whether there are cells."""
        return cls.length(dataset) > 0

    @classmethod
    def irregular(cls, dataset: Any, dim: Any) -> bool:
        """Tell that cells are evenly spaced."""
        return False

    @classmethod
    def dtype(cls, dataset: Any, dimension: Any) -> np.dtype:
        """Return the type of places, or of values."""
        return np.dtype(float) if dataset.get_dimension_index(dimension) < 2 else np.dtype(dataset.data.table.dtype)

    @classmethod
    def dimension_type(cls, dataset: Any, dim: Any) -> type:
        """Return the type of places, or of values."""
        return cls.dtype(dataset, dim).type

    @classmethod
    def range(cls, dataset: Any, dimension: Any) -> tuple[Any, Any]:
        """Return the middles of the outer cells (of a mesh their edges), or the extent of all values in the store."""
        number = dataset.get_dimension_index(dimension)
        if number < 2:
            low, high = dataset.data.box[1 - number]
            return (float(low), float(high)) if dataset._binned else (low + 0.5, high - 0.5)
        facts = dataset.data.table.manifest.facts
        return facts.get("low", np.nan), facts.get("high", np.nan)

    @classmethod
    def coords(cls, dataset: Any, dim: Any, ordered: bool = False, expanded: bool = False, edges: bool = False) -> Any:
        """Return the places of columns or rows: their middles, or their edges."""
        number = dataset.get_dimension_index(dim)
        if expanded:
            return _small(dataset, "coords", number, edges=edges)
        low, high = dataset.data.box[1 - number]
        return np.arange(low, high + 1).astype(float) if edges else dataset.data.centres(1 - number)

    @classmethod
    def values(cls, dataset: Any, dim: Any, expanded: bool = True, flat: bool = True, compute: bool = True, keep_index: bool = False) -> Any:
        """Return places, or the values of all cells, if these are few."""
        number = dataset.get_dimension_index(dim)
        if number < 2 and not expanded:
            return dataset.data.centres(1 - number)
        cells = dataset.data.cells(_instead(dataset))
        if number < 2:
            grid = np.meshgrid(dataset.data.centres(1), dataset.data.centres(0))[number]
            return grid.T.flatten() if flat else grid
        return cells.T.flatten() if flat else cells

    @classmethod
    def ndloc(cls, dataset: Any, indices: Any) -> Any:
        """Return a part, or the value of one cell, by numbers of rows and columns."""
        rows, cols = indices
        if all(isinstance(one, slice) and one.step in (None, 1) for one in (rows, cols)):
            return dataset.data.part(rows, cols)
        if all(isinstance(one, (int, np.integer)) for one in (rows, cols)):
            return dataset.data.part(slice(rows, rows + 1), slice(cols, cols + 1)).cells(_instead(dataset))[0, 0]
        raise OptionError("Cells of a matrix are taken by two numbers, or by two slices without steps. For lists use store.cells(rows, cols).")

    @classmethod
    def select(cls, dataset: Any, selection_mask: Any = None, **selection: Any) -> Any:
        """Return the part that ranges of places select; anything else only of few cells."""
        spans: list[slice] = []
        for kdim, (low, high) in zip(dataset.kdims[::-1], dataset.data.box, strict=True):
            chosen = selection.get(kdim.name, slice(None))
            chosen = slice(*chosen) if isinstance(chosen, tuple) else chosen
            if selection_mask is not None or not isinstance(chosen, slice) or chosen.step is not None:
                return GridInterface.select(_in_memory(dataset), selection_mask, **selection)
            # A cell is in where its middle is, as in every grid of HoloViews.
            first, last = (None if end is None else int(np.clip(np.ceil(end - 0.5), low, high)) - low for end in (chosen.start, chosen.stop))
            spans.append(slice(first, last))
        return dataset.data.part(*spans)

    @classmethod
    def dframe(cls, dataset: Any, dimensions: Any) -> Any:
        """Return the cells as lines of a table, if they are few."""
        return GridInterface.dframe(_in_memory(dataset), dimensions)

    @classmethod
    def reindex(cls, dataset: Any, kdims: Any = None, vdims: Any = None) -> Any:
        """Return the data: dimensions are names only."""
        return dataset.data

    @classmethod
    def redim(cls, dataset: Any, dimensions: Any) -> Any:
        """Return the data: dimensions are names only."""
        return dataset.data


def _instead(dataset: Any) -> str:
    name = type(dataset).__name__ if isinstance(dataset, (hv.Image, hv.QuadMesh)) else "Image"
    return f"rasterize(hv.{name}(store))"


def _in_memory(dataset: Any) -> Any:
    """Return the element with its cells read, if they are few."""
    part = dataset.data
    grid = (part.centres(1), part.centres(0), part.cells(_instead(dataset)))
    return hv.Dataset(grid, dataset.kdims, dataset.vdims, datatype=["grid"])


def _small(dataset: Any, step: str, *args: Any, **options: Any) -> Any:
    return getattr(GridInterface, step)(_in_memory(dataset), *args, **options)


def _delegated(name: str) -> Any:
    def step(cls: Any, dataset: Any, *args: Any, **options: Any) -> Any:
        return _small(dataset, name, *args, **options)

    step.__doc__ = f"Do what an array in memory does for {name}, if there are few cells."
    return classmethod(step)


for _step in ("sort", "aggregate", "sample", "groupby", "iloc", "add_dimension", "assign", "mask", "unpack_scalar", "concat"):
    setattr(MatrixInterface, _step, _delegated(_step))
