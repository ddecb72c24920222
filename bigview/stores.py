"""Stores as the user holds them: a table of points that can also be drawn, explored and given to HoloViews."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bigview.matrices import MatrixStore
from bigview.spec import Style, View, Where
from bigview.store.files import Folder
from bigview.store.matrixmanifest import is_matrix
from bigview.store.pairtable import PairTable, over
from bigview.store.points import PointTable

if TYPE_CHECKING:
    import xarray as xr

    from bigview.raster.frame import Frame
    from bigview.raster.render import Picture
    from bigview.store.export import ExportSize
    from bigview.store.saved import Selections


class _Drawn(PointTable):
    """What is drawn of points, in whatever order they are."""

    def aggregate(self, view: View, agg: Any = "count", where: Where = None) -> "xr.DataArray":
        """Return a grid of the view's size.

        Parameters
        ----------
        view : View
        agg : Datashader reduction, its name, `bigview.by` or `bigview.dominant`
        where : str or Filter, optional
            Which rows.

        Returns
        -------
        xarray.DataArray
            Dimensions (y, x) or (y, x, category), y ascending, coordinates at the centres of the pixels. Attributes
            `bounds` (x0, x1, y0, y1), `exact`, `error` and `level`.

        Raises
        ------
        ViewError, ExpressionError, ColumnError, TooLargeError
        """
        from bigview.raster.aggregate import aggregate

        return aggregate(self, view, agg, where)

    def frame(self, view: View, style: Style | None = None, where: Where = None) -> "Frame":
        """Return the picture of a view with its legend or colour bar, as every door shows it."""
        from bigview.raster.frame import frame

        return frame(self, view, style or Style(), where)

    def render(self, path: Any = None, **options: Any) -> "Picture":
        """Draw an image with title, and legend or colour bar; no browser is needed.

        Parameters
        ----------
        path : path, optional
            File to write: .png, .svg or .pdf. It appears whole or not at all.
        **options
            See `bigview.raster.render.render`: width, height, by, where, view, style, title, dark, spec.
        """
        from bigview.raster.render import render

        return render(self, path, **options)


class PointStore(_Drawn):
    """A store of points: ask it for grids, rows and pictures, or explore it.

    `bigview.open` gives one. It is safe from any number of threads, pickles as its address, and is a context manager.
    In Jupyter it shows its explorer. ``hv.Points(store, ["x", "y"])`` works as on a table.
    """

    def over(self, x: str, y: str) -> "PairStore":
        """Return the same rows by the place that two other columns give them, from an index over these.

        Raises
        ------
        ColumnError
            When the store has no such column.
        OptionError
            When there is no index over them; see `index`.

        Examples
        --------
        >>> store.over("price", "area").aggregate(bigview.View((0, 1e6), (0, 300)))  # doctest: +SKIP
        """
        return over(self, x, y, PairStore)

    def index(self, x: str, y: str, **options: Any) -> Any:
        """Index the store by another pair of columns, and return its rows over them, as `over` does.

        Nothing of the store is written anew. What was opened before, this store too, does not know of the index; open it again.

        Parameters
        ----------
        x, y : str
            Columns of numbers or datetimes.
        **options
            See `bigview.build.pairs.index_points`: scheduler, quiet, dry_run.

        Returns
        -------
        PairStore
            With ``dry_run=True`` what the index would cost; nothing is written then.
        """
        from bigview.build.pairs import index_points

        made = index_points(self.reader.folder.url, x, y, **options)
        return made if options.get("dry_run") else PointStore.open(self.reader.folder.url).over(x, y)

    def selections(self, url: Any = None) -> "Selections":
        """Return the selections that people have saved under a name, beside the store or in a database.

        Parameters
        ----------
        url : str or path, optional
            A database as SQLAlchemy takes it ("postgresql+psycopg://host/team"), or an SQLite file. By default the one that the store was opened
            with, else emb.selections.db beside emb.bv.
        """
        from bigview.store.saved import Selections

        return Selections(self, None if url is None else str(url))

    def export(self, target: Any, where: Where = None, **options: Any) -> "ExportSize":
        """Write the selected rows to a Parquet, CSV or Arrow file, in store order, with little memory whatever their number.

        Parameters
        ----------
        target : path, fsspec URL or binary file
            A file by its name appears whole or not at all.
        where : str or Filter, optional
            Which rows.
        **options
            See `bigview.store.export.export`: view, columns, format, spreadsheet.

        Returns
        -------
        ExportSize
            Rows, bytes and columns of what was written; `bigview.store.export.export_size` tells them beforehand.
        """
        from bigview.store.export import export

        return export(self, target, where, **options)

    def explore(self, **options: Any) -> Any:
        """Return the explorer (a Panel object that displays itself in Jupyter)."""
        from bigview.app.explorer import Explorer

        return Explorer(self, **options)

    @property
    def hvplot(self) -> Any:
        """Plots by hvPlot's own keywords: ``store.hvplot.points("x", "y", by="lang")``."""
        from bigview.views.hvplot import accessor

        return accessor(self)

    @property
    def interface(self) -> None:
        """Nothing; but HoloViews reads this of whatever it makes an element from, and that read makes it know stores."""
        from bigview.views.register import register

        register()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.explore()._repr_mimebundle_(include, exclude)
        return shown if isinstance(shown, (Mapping, tuple)) else {"text/plain": repr(self)}


class PairStore(PairTable, _Drawn):
    """The rows of a store by the place that two other columns give them: ask it for grids, rows and pictures. `PointStore.over` gives one."""


def open(store: Any, selections: Any = None) -> Any:
    """Open a store.

    Parameters
    ----------
    store : path or fsspec URL
    selections : str or path, optional
        The database of its saved selections, as SQLAlchemy takes it ("postgresql+psycopg://host/team"), or an SQLite file; by default
        emb.selections.db beside emb.bv. What its explorers save is saved there.

    Returns
    -------
    PointStore or MatrixStore
        By what the store holds.

    Raises
    ------
    StoreMissingError
        When there is nothing, or no store, at this address.
    StoreVersionError
        When a newer bigview wrote it.

    Examples
    --------
    >>> store = bigview.open("emb.bv")  # doctest: +SKIP
    """
    if is_matrix(Folder(str(store))):
        return MatrixStore.open(str(store))
    return PointStore.open(str(store), None if selections is None else str(selections))


def build_points(source: Any, store: Any, **options: Any) -> PointStore | Any:
    """Build a point store and open it.

    Parameters
    ----------
    source : path, URL, list of them, SQL text, or a table
        Parquet, CSV, Arrow or Feather files, `.npy` vectors, an SQL query that DuckDB runs, or a pandas, Polars, Arrow,
        Dask or DuckDB table.
    store : path or fsspec URL
        Where the store is made. One that is there stays until the new one is complete.
    **options
        x, y : names of the columns of the positions; key : column of your own id; vectors : a column of vectors or a
        `.npy` file, which are projected; and the fields of `bigview.build.options.BuildOptions` (project, limit,
        scheduler, quiet, dry_run, seed, …).

    Returns
    -------
    PointStore
        With ``dry_run=True`` what the build would cost; nothing is written then.
    """
    from bigview.build.points import build_points as build

    made = build(source, str(store), **options)
    return made if options.get("dry_run") else PointStore.open(str(store))


__all__ = ["PointStore", "build_points", "open"]
