"""The pyramid of a matrix: for each level, blocks of cells as sum, squares, least, greatest and how many are missing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bigview.store.chunks import ChunkedArray
from bigview.store.files import Folder
from bigview.store.matrixmanifest import MatrixLevel, MatrixManifest

PLANES = ("sum", "squares", "min", "max", "missing")
"""Statistics of a level's cells; "squares" are the squared distances from the mean of the level's cell, summed."""

_EXACT = 1 << 24
"""Whole numbers up to this are exact in float32."""


def plane_types(dtype: np.dtype[Any], cells: int) -> dict[str, str]:
    """Return the types of a level's planes whose cells hold so many cells of a type.

    Sums are float64; of small whole numbers float32 where that is exact. Squares are float64 where their range asks for it.
    """
    most = 1.0 if dtype.kind == "b" else float(np.iinfo(dtype).max) + 1 if dtype.kind in "iu" else np.inf
    small = dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize <= 2) or dtype == np.float16
    held = np.min_scalar_type(cells)
    return {
        "sum": "<f4" if most * cells <= _EXACT else "<f8",
        "squares": "<f4" if small else "<f8",
        "min": dtype.str,
        "max": dtype.str,
        "missing": held.newbyteorder("<").str if held.itemsize <= 4 else "<u8",
    }


def code_planes(cells: int, codes: int) -> dict[str, str]:
    """Return the types of a level's planes over categories, whose cells hold so many cells: how many have each code."""
    held = np.min_scalar_type(cells)
    return {f"count-{code}": held.newbyteorder("<").str for code in range(codes)}


@dataclass(frozen=True)
class LevelArrays:
    """Where the planes of a level are.

    Attributes
    ----------
    rows, cols : int
        Cells of the matrix along each side of a cell of the level.
    shape : (int, int)
        Cells of the level.
    arrays : dict
        Statistic to `ChunkedArray`; a chunk of "missing" that is all zero has no file.
    """

    rows: int
    cols: int
    shape: tuple[int, int]
    arrays: dict[str, ChunkedArray]


def level_name(generation: str, level: MatrixLevel, plane: str) -> str:
    """Return the name of the array of a plane."""
    return f"{generation}/levels/{level.rows}x{level.cols}/{plane}"


def level_arrays(folder: Folder, manifest: MatrixManifest, level: MatrixLevel) -> LevelArrays:
    """Return where the planes of a level are."""
    shape = -(-manifest.shape[0] // level.rows), -(-manifest.shape[1] // level.cols)
    arrays = {
        plane: ChunkedArray(folder, level_name(manifest.generation, level, plane), shape, level.chunk, np.dtype(name))
        for plane, name in level.planes.items()
    }
    return LevelArrays(level.rows, level.cols, shape, arrays)
