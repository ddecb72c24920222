"""Matrices as the user holds them: stores of cells that can also be drawn and explored, and the ways to make one."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from bigview.spec import View
from bigview.store.matrix import MatrixTable

if TYPE_CHECKING:
    import xarray as xr

    from bigview.matrixspec import MatrixStyle
    from bigview.raster.heat import HeatFrame
    from bigview.raster.render import Picture
    from bigview.store.contrast import Contrast
    from bigview.store.tree import Tree


class MatrixStore(MatrixTable):
    """A store of a matrix: ask it for grids, cells and pictures, or explore it.

    `bigview.open` gives one. It is safe from any number of threads, pickles as its address, and is a context manager.
    """

    def aggregate(self, view: View, agg: Any = "mean", rows: Any = None, cols: Any = None) -> "xr.DataArray":
        """Return a grid of the view's size.

        Parameters
        ----------
        view : View
            x over the displayed columns, 0 … m, y over the displayed rows, 0 … n: the cell i covers i … i + 1.
        agg : Datashader reduction, or its name
            mean, min, max, sum, count, std; mode for categories.
        rows, cols : Order, optional
            Which rows and columns, in which order; all in their own by default.

        Returns
        -------
        xarray.DataArray
            Dimensions (y, x), y ascending as the rows are, coordinates at the centres of the pixels. Attributes `bounds` (x0, x1, y0, y1), `exact`,
            `error` (pixels), `level` and `cells` (rows and columns a pixel).

        Raises
        ------
        ViewError, OptionError, TooLargeError
        """
        from bigview.raster.matrixgrid import aggregate_matrix

        return aggregate_matrix(self, view, agg, rows, cols)

    def frame(self, view: View, style: "MatrixStyle | None" = None, rows: Any = None, cols: Any = None) -> "HeatFrame":
        """Return the picture of a view with its colour bar or legend, as every door shows it.

        Parameters
        ----------
        view : View
            As in `aggregate`.
        style : MatrixStyle, optional
        rows, cols : Order, optional

        Returns
        -------
        HeatFrame
            Its plot coordinates are x, and minus y: the first row is on top.
        """
        from bigview.matrixspec import MatrixStyle
        from bigview.raster.heat import HeatLook, heat_frame

        return heat_frame(self, view, HeatLook(style or MatrixStyle(), rows, cols))

    def cluster(self, side: Literal["rows", "cols"] = "rows", quiet: bool = True, **options: Any) -> "Tree":
        """Return the tree of the rows or the columns, computed once and kept with the store; see `bigview.build.clustering`.

        Its `index` is an order: ``store.aggregate(view, rows=store.cluster("rows", metric="correlation"))``.

        Parameters
        ----------
        side : {"rows", "cols"}
        quiet : bool
            Show no progress.
        **options
            method, metric, standard, within (a metadata column whose groups stand side by side), seed: the fields of `ClusterOptions`.
        """
        from bigview.build.clustering import ClusterOptions, clustered
        from bigview.build.progress import progress

        with progress(quiet) as tell:
            return clustered(self, side, ClusterOptions.of(options), tell)

    def render(self, path: Any = None, width: int = 4096, height: int | None = None, **options: Any) -> "Picture":
        """Draw an image with title, names, tracks and trees of rows and columns, and colour bar or legend; no browser is needed.

        Parameters
        ----------
        path : path, optional
            File to write: .png, .svg or .pdf. It appears whole or not at all.
        width, height : int
            Size of the image in pixels; the height follows from the shape of the matrix.
        **options
            view : View, whose pixels the matrix then has exactly, or ranges ((x0, x1), (y0, y1)) of columns and rows; style : MatrixStyle; rows,
            cols : Order, or Tree of `cluster`, which is drawn beside them (also of an order that is a kept tree's, or a part of it); clusters : int,
            or (rows, columns), into which the trees are cut, each with its colour; tracks : bool or names of metadata columns; names, trees, texts
            (values in cells with room for them) : bool; locked : a store, or a list of them, whose values the colours span too, so that a colour
            means the same in images of each; title : str, "" for none; dark : bool; dpi : int, pixels an inch, for the size in print;
            spec : MatrixSpec, of which the others replace parts.

        Returns
        -------
        Picture
            Shows itself in Jupyter.
        """
        from bigview.raster.heatrender import render_matrix

        return render_matrix(self, path, width, height, **options)

    def contrast(self, chosen: Any, side: Literal["rows", "cols"] = "rows", bins: int = 64) -> "Contrast":
        """Return what tells some rows (or columns), by native number, from the others: means, deviations, effect sizes, distributions.

        ``store.contrast(rows).top(store.cols.names)`` has the columns that differ most; see `bigview.store.contrast`.
        """
        from bigview.store.contrast import contrast

        return contrast(self, chosen, side, bins)

    def export(self, target: Any, rows: Any = None, cols: Any = None, format: str | None = None, spreadsheet: bool = False) -> int:
        """Write cells with the names of their rows and columns to a Parquet, CSV, Arrow, NPZ or Zarr file, with little memory whatever their number.

        Parameters
        ----------
        target : path or fsspec URL
            The file appears whole or not at all; the end of its name tells the format; that of a Zarr group in one file is .zarr.zip.
        rows, cols : Order, slice or index array, optional
            Which rows and columns, in which order; all in their own by default.
        format : {"parquet", "csv", "arrow", "npz", "zarr"}, optional
        spreadsheet : bool
            Make a CSV file safe to open in a spreadsheet.

        Returns
        -------
        int
            Bytes of the file.
        """
        from bigview.store.matrixexport import export_matrix

        return export_matrix(self, target, rows, cols, format, spreadsheet)

    def explore(self, compare: "MatrixTable | None" = None, how: str = "difference", **options: Any) -> Any:
        """Return the explorer (a Panel object that displays itself in Jupyter).

        Parameters
        ----------
        compare : MatrixStore, optional
            Another matrix of the same rows and columns (see `bigview.compare`). Both are shown in one place, in the same order and colours, with a
            divider between them that can be dragged; or what their cells compare to.
        how : {"difference", "ratio", "log_ratio"}
        **options
            dark, height, spec, locked; see `bigview.app.heatmap.HeatmapExplorer`.
        """
        from bigview.app.heatmap import HeatmapExplorer
        from bigview.build.comparison import passing_comparison

        return HeatmapExplorer(self if compare is None else passing_comparison(self, compare, how), **options)  # type: ignore[arg-type]

    @property
    def hvplot(self) -> Any:
        """Plots by hvPlot's own keywords: ``store.hvplot.heatmap(cmap="viridis")``."""
        from bigview.views.heatplots import heat_accessor

        return heat_accessor(self)

    @property
    def interface(self) -> None:
        """Nothing; but HoloViews reads this of whatever it makes an element from, and that read makes it know matrices."""
        from bigview.views.register import register

        register()

    def ordered(self, rows: Any = None, cols: Any = None) -> Any:
        """Return the matrix in an order, for elements of HoloViews: ``rasterize(hv.Image(store.ordered(rows=ORDER)))``.

        Parameters
        ----------
        rows, cols : Order or Tree, optional
            Which rows and columns, in which order; all in their own by default.

        Returns
        -------
        MatrixPart
            Nothing is read for it.
        """
        from bigview.views.matrixpart import MatrixPart
        from bigview.views.register import register

        register()
        return MatrixPart.ordered(self, rows, cols)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.explore()._repr_mimebundle_(include, exclude)
        return shown if isinstance(shown, (Mapping, tuple)) else {"text/plain": repr(self)}


def build_matrix(source: Any, store: Any, **options: Any) -> MatrixStore | Any:
    """Build a matrix store and open it.

    Parameters
    ----------
    source : array, table or path
        An array of NumPy (also masked, also a memory map), Dask, xarray, Zarr or h5py; a sparse matrix of SciPy; a wide DataFrame of pandas, Polars
        or Dask; an AnnData object; a `.npy`, `.npz`, `.zarr`, `.h5`, `.nc`, `.h5ad`, `.cool` or `.mcool` file, or a wide table in a `.parquet` or
        `.csv` file. An array inside of a file is named after "::" ("layers/counts"). A long table or SQL text, with `rows`, `cols`
        and `value`: see `pivot`.
    store : path or fsspec URL
        Where the store is made. One that is there stays until the new one is complete.
    **options
        rows, cols : tables of what is known of rows and columns, matched by name (DataFrame, Parquet or CSV file), or names; categories : what codes
        mean; and the other fields of `bigview.build.matrixoptions.MatrixOptions` (dataset, title, scheduler, quiet, dry_run, …).

    Returns
    -------
    MatrixStore
        With ``dry_run=True`` what the build would cost; nothing is written then.
    """
    from bigview.build.matrix import build_matrix as build

    made = build(source, str(store), **options)
    return made if options.get("dry_run") else MatrixStore.open(str(store))


def correlation(
    source: Any, store: Any, columns: Sequence[str] | None = None, side: Literal["rows", "cols"] = "cols", **options: Any
) -> MatrixStore | Any:
    """Build the correlation matrix of columns with each other, without ever holding the table in memory.

    Parameters
    ----------
    source : table, path, array, PointStore or MatrixStore
        Its columns of numbers are taken; of a matrix its columns, or its rows.
    store : path or fsspec URL
        Where the store is made.
    columns : sequence of str, optional
        Only these columns of a table.
    side : {"cols", "rows"}
        What of a matrix is correlated.
    **options
        title, report, quiet, dry_run, overwrite.

    Returns
    -------
    MatrixStore
        Pearson's coefficients, float32. A missing value counts for no pair that it is in; a column without spread has none.
    """
    from bigview.build.correlation import correlation_source

    given = str(source) if isinstance(source, os.PathLike) else source
    return build_matrix(correlation_source(given, columns, side), store, **options)


def pivot(source: Any, store: Any, rows: str, cols: str, value: str | None = None, agg: str = "mean", **options: Any) -> MatrixStore | Any:
    """Build the matrix of a long table: a line gives a row, a column and a value.

    Parameters
    ----------
    source : table, path, SQL text, DuckDB relation or PointStore
    store : path or fsspec URL
        Where the store is made.
    rows, cols : str
        The column, or SQL expression, that gives a line's row, and its column.
    value : str, optional
        The column of the values; without it lines are counted.
    agg : {"mean", "sum", "min", "max", "count"}
        What becomes of several lines in one cell.
    **options
        database, title, report, quiet, dry_run, overwrite.

    Returns
    -------
    MatrixStore
        Cells without a line are missing; 0 in counts, and in sums of which few cells are filled, which are kept sparse.

    Examples
    --------
    >>> bigview.pivot("flights.parquet", "delays.bv", rows="weekday", cols="hour(departure)", value="delay")  # doctest: +SKIP
    """
    return build_matrix(source, store, rows=rows, cols=cols, value=value, agg=agg, **options)


def similarity(source: Any, store: Any = None, metric: str = "cosine", **options: Any) -> MatrixStore:
    """Return the matrix of vectors against each other, which is never written: its cells, and the means of its blocks, are computed when asked for.

    Parameters
    ----------
    source : PointStore, path or array
        A point store that was made from vectors, or its path; a `.npy` file of vectors, which stays where it is; an array, which is copied.
    store : path, optional
        Where the small store is made that names the vectors; beside the source by default ("words.bv" gives "words-cosine.bv").
    metric : {"cosine", "dot", "sqeuclidean", "euclidean"}
        Means of blocks are exact for the first three. Euclidean distances are known where few cells are in view.
    **options
        by (a column whose order rows and columns are in), rows (a table of what is known of the vectors), title, report, overwrite, quiet.

    Returns
    -------
    MatrixStore
        Of as many rows and columns as there are vectors. The mean and the count of a block are exact, however large it is; the least, the greatest
        and the standard deviation are computed where 50 million cells or fewer are in view.

    Raises
    ------
    OptionError, InputError, StoreMissingError

    Examples
    --------
    >>> bigview.similarity("words.bv").aggregate(bigview.View((0, 1e6), (0, 1e6)))  # doctest: +SKIP
    """
    from bigview.build.similarity import build_similarity

    return MatrixStore.open(build_similarity(source, None if store is None else str(store), metric, **options)[0])  # type: ignore[arg-type]


def compare(one: Any, other: Any, store: Any, how: str = "difference", **options: Any) -> MatrixStore:
    """Return the comparison of two matrices with the same rows and columns; nothing of it is written but which ones they are.

    Parameters
    ----------
    one, other : MatrixStore, path or URL
        Rows and columns are matched by name, where both have names; those of one matrix alone are left out.
    store : path or fsspec URL
        Where the small store is made that names the two.
    how : {"difference", "ratio", "log_ratio"}
        What two cells become: one − other, one ÷ other, or the binary logarithm of that. A pixel of several cells shows the comparison of the means.
    **options
        overwrite, title.

    Returns
    -------
    MatrixStore
        In any order, as every other one. Least, greatest and standard deviation are those of the compared cells.

    Raises
    ------
    OptionError, InputError, StoreMissingError
    """
    from bigview.build.comparison import build_comparison

    build_comparison(one, other, str(store), how, **options)  # type: ignore[arg-type]
    return MatrixStore.open(str(store))


__all__ = ["MatrixStore", "build_matrix", "compare", "correlation", "pivot", "similarity"]
