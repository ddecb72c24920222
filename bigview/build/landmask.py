"""The demo of a large matrix: land and sea on all of the earth, 21,600 × 43,200 cells of half a minute of arc.

The mask comes inside the package global-land-mask (MIT; from the GLOBE elevation data of NOAA), so nothing is downloaded.
"""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd

from bigview.errors import PackageMissingError

CREDIT = "Land and sea: global-land-mask (MIT), from the GLOBE elevation data of NOAA."
_ROWS = 256  # rows unpacked at once: 11 MB

STEPS = [1, 2, 4, 10, 20, 40, 60, 120, 240, 600, 1200, 1800, 3600, 5400, 10800]
"""Steps in rows and columns that make round degrees and minutes: a degree has 120."""

Progress = Callable[[str, int, int], None]


def land_mask() -> Path:
    """Return the file with the mask."""
    found = find_spec("global_land_mask")
    if found is None or found.origin is None:
        raise PackageMissingError("The land mask of the demo comes from global-land-mask: pip install 'bigview[demo]'.")
    return Path(found.origin).parent / "globe_combined_mask_compressed.npz"


@contextmanager
def unpacked_land(folder: Path, report: Progress = lambda stage, done, total: None) -> Iterator[Path]:
    """Give a `.npy` file of booleans, True on land, for as long as it is needed: 933 MB, unpacked a few rows at a time."""
    target = folder / f".land-{uuid4().hex}.npy"
    try:
        with zipfile.ZipFile(land_mask()) as archive, archive.open("mask.npy") as source:
            np.lib.format.read_magic(source)
            (rows, cols), _, dtype = np.lib.format.read_array_header_1_0(source)
            out = np.lib.format.open_memmap(target, mode="w+", dtype=np.bool_, shape=(rows, cols))
            for first in range(0, rows, _ROWS):
                report("unpack the mask", first, rows)
                count = min(_ROWS, rows - first)
                sea = np.frombuffer(source.read(count * cols * dtype.itemsize), dtype).reshape(count, cols)
                out[first : first + count] = ~sea
            out.flush()
            del out
        report("unpack the mask", rows, rows)
        yield target
    finally:
        target.unlink(missing_ok=True)


def land_axes() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return latitudes and longitudes of the rows and columns, indexed by how people write them."""
    with np.load(land_mask(), allow_pickle=False) as held:
        lat, lon = held["lat"].astype(np.float64), held["lon"].astype(np.float64)
    zone = (np.floor(lon / 15 + 0.5)).astype(int)
    rows = pd.DataFrame(
        {"latitude": lat, "zone": np.select([abs(lat) > 66.56, abs(lat) > 23.44], ["polar", "temperate"], "tropical")}, index=_degrees(lat, "NS")
    )
    return rows, pd.DataFrame({"longitude": lon, "solar hours from Greenwich": zone}, index=_degrees(lon, "EW"))


def _degrees(values: np.ndarray, letters: str) -> pd.Index:
    """Return angles as degrees and minutes, to half a minute."""
    halves = np.rint(abs(values) * 120).astype(int)
    names = []
    for half, value in zip(halves.tolist(), values.tolist(), strict=True):
        degree, rest = divmod(half, 120)
        minute = f" {rest / 2:g}′" if rest else ""
        names.append(f"{degree}°{minute} {letters[value < 0]}" if half else "0°")
    return pd.Index(names)
