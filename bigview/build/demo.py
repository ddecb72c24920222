"""The demonstration stores: real words, synthetic clusters of any size, and matrices of flights and of all the land on earth."""

import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from bigview.build.clustering import ClusterOptions, clustered
from bigview.build.clusters import clusters_partition
from bigview.build.flights import flight_matrices
from bigview.build.landmask import CREDIT as LAND_CREDIT
from bigview.build.landmask import STEPS, land_axes, unpacked_land
from bigview.build.matrix import build_matrix
from bigview.build.parts import GeneratedSource
from bigview.build.points import build_points
from bigview.build.progress import callback, progress
from bigview.build.similarity import build_similarity
from bigview.build.words import words_table
from bigview.errors import BigviewError, OptionError, closest
from bigview.store.files import Folder
from bigview.store.matrix import MatrixTable
from bigview.store.matrixmanifest import read_matrix_manifest
from bigview.store.points import PointTable
from bigview.store.reader import Reader
from bigview.store.trees import TreeFile
from bigview.store.verify import whole

DEMOS = ("words", "clusters", "similarity", "flights", "landmask")
ROWS = 1_000_000
"""Default number of rows: the first picture is there within minutes."""
_PARTITION = 1_000_000


def demo_stores(name: str = "words", rows: int | None = ROWS, folder: str | Path | None = None, quiet: bool = False) -> list[Path]:
    """Return the paths of a demonstration's stores, built if they are not there; the flights have several.

    Parameters
    ----------
    name : {"words", "clusters", "similarity", "flights", "landmask"}
    rows : int or None
        Of words and clusters; of a similarity the words.
    folder : path, optional
        Where demonstration data are kept; see `demo_folder`.
    quiet : bool
        Tell nothing.
    """
    if name not in ("flights", "landmask"):
        return [demo_store(name, rows, folder, quiet)]
    home = Path(folder) if folder is not None else demo_folder()
    home.mkdir(parents=True, exist_ok=True)
    return _flights(home, quiet) if name == "flights" else [_landmask(home, quiet)]


def demo_store(name: str = "words", rows: int | None = ROWS, folder: str | Path | None = None, quiet: bool = False) -> Path:
    """Return the path of a demonstration store, the first one of several, built if it is not there.

    Parameters
    ----------
    name : {"words", "clusters", "similarity", "flights", "landmask"}
    rows : int or None
        None takes every word there is.
    folder : path, optional
        Where demonstration data are kept; see `demo_folder`.
    quiet : bool
        Tell nothing.
    """
    if name not in DEMOS:
        raise OptionError(f"There is no demo {name!r}. {closest(name, DEMOS)}")
    if name in ("flights", "landmask"):
        return demo_stores(name, rows, folder, quiet)[0]
    if rows is not None and rows < 1:
        raise OptionError(f"rows is {rows}; a demo needs at least one.")
    home = Path(folder) if folder is not None else demo_folder()
    store = home / f"{name}-{'all' if rows is None else rows}.bv"
    if name == "similarity":
        return _similarity(demo_store("words", rows, folder, quiet), store, quiet)
    if not _there(store):
        home.mkdir(parents=True, exist_ok=True)
        if name == "words":
            _words(rows, home, store, quiet)
        else:
            _clusters(rows, store, quiet)
    return store


def demo_folder() -> Path:
    """Return where demonstration data are kept: `BIGVIEW_HOME`, or the platform's folder for caches."""
    named = os.environ.get("BIGVIEW_HOME")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "bigview" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "bigview"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bigview"


def _there(store: Path) -> bool:
    try:
        return whole(Reader(Folder(str(store))))
    except BigviewError:  # none, of another version, or damaged: it is built
        return False


def _words(rows: int | None, home: Path, store: Path, quiet: bool) -> None:
    with progress(quiet) as tell:
        files = words_table(rows, home, callback(tell))
    build_points(
        str(files.metadata),
        str(store),
        vectors=str(files.vectors),
        project="umap",
        quiet=quiet,
        title=f"{'All' if rows is None else f'{rows:,}'} words of 42 languages",
        report={
            "licence": "CC BY-SA 4.0",
            "credit": "Words and frequencies: wordfreq (CC BY-SA 4.0). Vectors: WordLlama.",
        },
    )


def _clusters(rows: int | None, store: Path, quiet: bool) -> None:
    count = ROWS if rows is None else rows
    source = GeneratedSource(count, _PARTITION, clusters_rows)
    build_points(source, str(store), x="x", y="y", quiet=quiet, title=f"{count:,} points in 60 clusters (synthetic)")


def clusters_rows(first: int, rows: int) -> pa.Table:
    """Return rows of the synthetic clusters, from a row at which a partition begins."""
    return clusters_partition(first // _PARTITION, rows)


def _flights(home: Path, quiet: bool) -> list[Path]:
    stores = []
    for name, make in flight_matrices().items():
        store = home / f"flights-{name}.bv"
        if not _matrix_there(store):
            made = make()
            build_matrix(made.values, str(store), rows=made.rows, cols=made.cols, title=made.title, report=made.report, quiet=quiet)
        stores.append(store)
    return stores


def _landmask(home: Path, quiet: bool) -> Path:
    store = home / "landmask.bv"
    if not _matrix_there(store):
        rows, cols = land_axes()
        report: dict[str, Any] = {
            "credit": LAND_CREDIT,
            "rows": "latitude",
            "cols": "longitude",
            "value": "share of land",
            "style": {"palette": "atlas"},
        }
        report["steps"] = {"rows": STEPS, "cols": STEPS}
        with progress(quiet) as tell, unpacked_land(home, callback(tell)) as source:
            build_matrix(str(source), str(store), rows=rows, cols=cols, title="Land and sea, 933 million cells", report=report, quiet=quiet)
    return store


def _similarity(words: Path, store: Path, quiet: bool) -> Path:
    """Make the similarity of all words, by language; the order by cluster is made too, since it takes a minute or two."""
    table = PointTable.open(str(words))
    if _matrix_there(store) and MatrixTable.open(str(store)).manifest.options.get("store_fingerprint") == table.manifest.fingerprint:
        return store
    kept = {name: table.manifest.report[name] for name in ("credit", "licence") if name in table.manifest.report}
    title = f"How alike {len(table):,} words are"
    build_similarity(table, str(store), by="language", title=title, report={**kept, "rows": "word", "cols": "word"}, quiet=quiet)
    with progress(quiet) as tell:
        made, options = MatrixTable.open(str(store)), ClusterOptions()
        TreeFile(made, "cols", options.facts()).write(clustered(made, "rows", options, tell))  # rows and columns are the same words
    return store


def _matrix_there(store: Path) -> bool:
    folder = Folder(str(store))
    try:
        return all(folder.size(file.name) == file.bytes for file in read_matrix_manifest(folder).files)
    except (BigviewError, OSError):  # none, of another version, or damaged: it is built
        return False
