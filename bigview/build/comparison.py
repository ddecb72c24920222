"""Compare two matrices: a store of a few lines that names both, and which rows and columns they share."""

import datetime as dt
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.axes import Axis, write_axis
from bigview.build.place import current_matrix, new_generation, nothing_half_written, sweep_matrix
from bigview.build.writing import write_file
from bigview.errors import InputError, OptionError, closest
from bigview.matrixspec import HOWS, How
from bigview.store.axistable import NAME as LABEL
from bigview.store.axistable import AxisTable
from bigview.store.comparison import ComparedCells, picked_array
from bigview.store.files import Folder
from bigview.store.manifest import NAME, DataFile, SourceFile
from bigview.store.matrix import MatrixTable
from bigview.store.matrixmanifest import MatrixManifest

_SAMPLE = 1024
"""Rows and columns whose cells are looked at to find the scale of the colours."""
_QUANTILES = 257
_WORDS: dict[How, str] = {"difference": "{} − {}", "ratio": "{} ÷ {}", "log_ratio": "log₂ of {} ÷ {}"}

Picked = NDArray[np.int64] | None
Tables = list[MatrixTable]


def passing_comparison(one: MatrixTable, other: MatrixTable, how: How = "difference") -> MatrixTable:
    """Return a comparison that is kept in memory alone, to be explored: at first the two matrices are shown themselves, to swipe between."""
    known = [str(part) for table in (one, other) for part in (_address(table), table.manifest.fingerprint)]
    store = f"memory://bigview-comparison-{hashlib.sha256(chr(10).join([how, *known]).encode()).hexdigest()[:32]}"
    if not Folder(store).exists(NAME):
        build_comparison(one, other, store, how, title=" and ".join(_titles([one, other])), swipe=True)
    return MatrixTable.open(store)


def build_comparison(
    one: Any, other: Any, store: str, how: How = "difference", overwrite: bool = True, title: str = "", swipe: bool = False
) -> MatrixManifest:
    """Make the store of a comparison.

    Parameters
    ----------
    one, other : MatrixTable, path or URL
    store : str
        Where it is made.
    how : {"difference", "ratio", "log_ratio"}
    overwrite : bool
    title : str
    swipe : bool
        The explorer shows the two matrices themselves at first.

    Returns
    -------
    MatrixManifest

    Raises
    ------
    OptionError
        When there is no such comparison.
    InputError
        When the matrices share no rows or columns, or hold categories.
    """
    if how not in HOWS:
        raise OptionError(f"There is no comparison {how!r}. {closest(str(how), HOWS)}")
    tables = [given if isinstance(given, MatrixTable) else MatrixTable.open(str(given)) for given in (one, other)]
    for table in tables:
        if table.kind == "category":
            raise InputError(f"{table.folder.url} holds categories, which have no {how.replace('_', ' ')}.")
    shared = [_shared(tables[0].rows, tables[1].rows, "rows"), _shared(tables[0].cols, tables[1].cols, "columns")]
    folder = Folder(store)
    current = current_matrix(folder, overwrite)
    generation = new_generation()
    with nothing_half_written(folder, generation):
        sweep_matrix(folder, current)
        made = _written(tables, shared, (folder, generation), how, title)
        made = replace(made, report={**made.report, "swipe": True}) if swipe else made
        folder.replace(NAME, made.dumps().encode())
    return made


def _shared(one: AxisTable, other: AxisTable, what: str) -> tuple[Picked, Picked]:
    """Return which rows both have, by name, or by number where one has no names; None for all in their own order."""
    if not (one.named and other.named):
        if one.size != other.size:
            raise InputError(f"The matrices have {one.size:,} and {other.size:,} {what}, and names to match them by are not on both sides.")
        return None, None
    if one.size == other.size and np.array_equal(one.names, other.names):
        return None, None
    places = other.positions(one.names)
    if not (places >= 0).any():
        raise InputError(f"The matrices share no {what}: {str(one.names[0])!r} of the first, for one, is not in the second. Names must agree.")
    return np.flatnonzero(places >= 0), places[places >= 0]


def _lists(shared: list[tuple[Picked, Picked]], place: tuple[Folder, str]) -> list[DataFile]:
    """Write which rows and columns take part, where not all do."""
    files = []
    for axis, lists in enumerate(shared):
        for which, chosen in enumerate(lists):
            if chosen is not None:
                array = picked_array(*place, (which, axis), len(chosen))
                files.append(write_file(place[0], f"{array.name}/zarr.json", array.metadata))
                files.append(write_file(place[0], array.key(0, 0), chosen.astype("<i8").view(np.uint8).data))
    return files


def _written(tables: Tables, shared: list[tuple[Picked, Picked]], place: tuple[Folder, str], how: How, title: str) -> MatrixManifest:
    folder, generation = place
    files = _lists(shared, place)
    known = [
        {
            "path": _address(table),
            "fingerprint": table.manifest.fingerprint,
            "picked": [0 if lists[which] is None else len(lists[which]) for lists in shared],  # type: ignore[arg-type]
        }
        for which, table in enumerate(tables)
    ]
    entries = []
    for axis, name in enumerate(("rows", "cols")):
        entry, made = write_axis(folder, f"{generation}/{name}.parquet", _axis(getattr(tables[0], name), shared[axis][0]))
        entries.append(entry)
        files += made
    options = {"how": how, "of": known}
    shape = entries[0].size, entries[1].size
    value = _WORDS[how].format(*_titles(tables))
    manifest = MatrixManifest(
        generation=generation,
        fingerprint=hashlib.sha256("\n".join([str(options), *(file.sha256 for file in files)]).encode()).hexdigest(),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        shape=shape,
        layout="comparison",
        kind="number",
        dtype="<f8",
        missing=None,
        chunk=tables[0].manifest.chunk,
        rows=entries[0],
        cols=entries[1],
        files=tuple(files),
        sources=tuple(SourceFile(_address(table), 0, table.manifest.created, table.shape[0]) for table in tables),
        options=options,
        report={"value": value, "center": 1.0 if how == "ratio" else 0.0},
        title=title or value,
    )
    return replace(manifest, facts=_facts(ComparedCells(folder, generation, shape, options, MatrixTable.open)))


def _titles(tables: Tables) -> list[str]:
    return [table.manifest.title or Path(table.folder.url.rstrip("/")).stem for table in tables]


def _address(table: MatrixTable) -> str:
    return str(Path(table.folder.path("")).resolve()) if table.folder.is_local else table.folder.url


def _axis(axis: AxisTable, picked: Picked) -> Axis:
    """Return what the first matrix knows of the rows that take part."""
    places = np.arange(axis.size) if picked is None else picked
    frame = axis.table(places)[list(axis.columns)] if axis.columns else None
    names = pa.array(axis.names[places], pa.string()) if axis.named else None
    table = None if frame is None else pa.Table.from_pandas(frame, preserve_index=False)
    return Axis(len(places), names, table if table is None or LABEL not in table.column_names else table.drop_columns([LABEL]))


def _facts(cells: ComparedCells) -> dict[str, Any]:
    """Return what the cells are like, from those of a sample of rows and columns."""
    rng = np.random.default_rng(0)
    rows, cols = (np.sort(rng.choice(size, min(size, _SAMPLE), replace=False)) for size in cells.shape)
    found = cells.take(rows, cols)
    good = found[np.isfinite(found)]
    known: dict[str, Any] = {
        "cells": cells.shape[0] * cells.shape[1],
        "sampled": int(found.size),
        "missing": int(found.size - good.size),
        "infinite": 0,
    }
    if not good.size:
        return known
    return known | {
        "low": float(good.min()),
        "high": float(good.max()),
        "positive": float(good[good > 0].min()) if (good > 0).any() else None,
        "mean": float(good.mean()),
        "std": float(good.std()),
        "quantiles": [float(value) for value in np.quantile(good, np.linspace(0, 1, _QUANTILES))],
    }
