"""Contact matrices of the cooler format, `.cool` and `.mcool`: kept sparse, with the bins as rows and columns.

See Abdennur and Mirny, "Cooler: scalable storage for Hi-C data and other genomically labeled arrays" (2020); the file is read as its schema says.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from bigview.build.axes import Axis
from bigview.build.found import described, is_there
from bigview.build.matrixarrays import h5py_module
from bigview.build.matrixsource import readable
from bigview.build.sparse import SparseSource
from bigview.errors import InputError


def cooler_source(path: str, dataset: str | None) -> SparseSource:
    """Return a contact matrix as a source: of an `.mcool` file the finest one, or ``file.mcool::resolutions/10000``."""
    path, _, inner = path.partition("::")
    name = (dataset if dataset is not None else inner).strip("/")
    is_there(path)
    with readable(path), h5py_module().File(path, "r") as file:
        finer = sorted(int(size) for size in file.get("resolutions", ()) if str(size).isdigit())
        name = f"resolutions/{name}" if name.isdigit() else name or ("" if "pixels" in file else f"resolutions/{finer[0]}" if finer else "")
        if name and name not in file:
            raise InputError(f"{path} has no {name!r}. There are the resolutions {', '.join(map(str, finer)) or 'none'}.")
        group = file[name] if name else file
        if "pixels" not in group and "cells" in group:
            cells = list(group["cells"])
            raise InputError(f"{path} holds {len(cells):,} cells; say which one is meant, as {path}::cells/{cells[0] if cells else 'NAME'}.")
        if "pixels" not in group or "bins" not in group:
            raise InputError(f"{path} is no cooler file: it has no pixels and bins.")
        axis = _bins(group["bins"])
        matrix = _contacts(group, axis.size)
        report = {"value": "contacts", **({"resolution": name.rpartition("/")[2]} if name else {})}
        return SparseSource(f"{path}::{name}" if name else path, matrix, axis, axis, (described(path, axis.size),), report)


def _bins(group: Any) -> Axis:
    chrom, start, end = (np.asarray(group[name]) for name in ("chrom", "start", "end"))
    names = group["chrom"].attrs.get("enum_path")
    told = h5py_module().check_enum_dtype(group["chrom"].dtype)
    if told is not None:
        numbers = {number: name for name, number in told.items()}
        chroms = [numbers[int(number)] for number in chrom]
    else:
        listed = group.parent["chroms/name"][()] if names is None else group.parent[names][()]
        texts = [name.decode() if isinstance(name, bytes) else str(name) for name in listed]
        chroms = [texts[int(number)] for number in chrom] if chrom.dtype.kind in "iu" else [str(name) for name in chrom]
    columns = {"chrom": pa.array(chroms).dictionary_encode(), "start": pa.array(start), "end": pa.array(end)}
    if "weight" in group:
        columns["weight"] = pa.array(np.asarray(group["weight"]))
    texts = [f"{name}:{a}-{b}" for name, a, b in zip(chroms, start.tolist(), end.tolist(), strict=True)]
    return Axis(len(texts), pa.array(texts, pa.string()), pa.table(columns))


def _contacts(group: Any, size: int) -> Any:
    """Return all contacts; of a symmetric matrix the file has the upper half only."""
    from scipy.sparse import coo_array

    one, other, count = (np.asarray(group["pixels"][name]) for name in ("bin1_id", "bin2_id", "count"))
    mode = group.attrs.get("storage-mode", "symmetric-upper")
    if (mode.decode() if isinstance(mode, bytes) else str(mode)) == "symmetric-upper":
        away = one != other
        one, other, count = np.concatenate([one, other[away]]), np.concatenate([other, one[away]]), np.concatenate([count, count[away]])
    return coo_array((count, (one, other)), shape=(size, size)).tocsr()
