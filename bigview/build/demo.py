"""The demonstration stores: real words, and synthetic clusters of any size."""

import os
import sys
from pathlib import Path

import pyarrow as pa

from bigview.build.clusters import clusters_partition
from bigview.build.parts import GeneratedSource
from bigview.build.points import build_points
from bigview.build.progress import callback, progress
from bigview.build.words import words_table
from bigview.errors import BigviewError, OptionError, closest
from bigview.store.files import Folder
from bigview.store.reader import Reader
from bigview.store.verify import whole

DEMOS = ("words", "clusters")
ROWS = 1_000_000
"""Default number of rows: the first picture is there within minutes."""
_PARTITION = 1_000_000


def demo_store(name: str = "words", rows: int | None = ROWS, folder: str | Path | None = None, quiet: bool = False) -> Path:
    """Return the path of a demonstration store, built if it is not there.

    Parameters
    ----------
    name : {"words", "clusters"}
    rows : int or None
        None takes every word there is.
    folder : path, optional
        Where demonstration data are kept; see `demo_folder`.
    quiet : bool
        Tell nothing.
    """
    if name not in DEMOS:
        raise OptionError(f"There is no demo {name!r}. {closest(name, DEMOS)}")
    if rows is not None and rows < 1:
        raise OptionError(f"rows is {rows}; a demo needs at least one.")
    home = Path(folder) if folder is not None else demo_folder()
    store = home / f"{name}-{'all' if rows is None else rows}.bv"
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
