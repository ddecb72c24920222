"""bigview: explore hundreds of millions of points on an ordinary machine.

The public names are loaded when they are first used, so that scripts and workers load no plotting library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bigview.store.kernelfolder import ensure as _ensure

if TYPE_CHECKING:
    from bigview.chart import Chart
    from bigview.errors import (
        BigviewError,
        ColumnError,
        DatabaseError,
        ExpressionError,
        InputError,
        NameTakenError,
        OptionError,
        PackageMissingError,
        PortError,
        SelectionMissingError,
        SpaceError,
        StoreBusyError,
        StoreDamagedError,
        StoreMissingError,
        StoreVersionError,
        TooLargeError,
        ViewError,
    )
    from bigview.matrices import MatrixStore, build_matrix, compare, correlation, pivot, similarity
    from bigview.matrixorder import Lines, Move, Ordering
    from bigview.matrixspec import MatrixSpec, MatrixStyle
    from bigview.part import Saved
    from bigview.spec import Cross, Filter, Histogram, Style, View, by, dominant
    from bigview.state import Spec
    from bigview.stores import PointStore, build_points, open

__version__ = "0.1.0"

__all__ = [
    "BigviewError",
    "Chart",
    "ColumnError",
    "Cross",
    "DatabaseError",
    "ExpressionError",
    "Filter",
    "Histogram",
    "InputError",
    "Lines",
    "MatrixSpec",
    "MatrixStore",
    "MatrixStyle",
    "Move",
    "NameTakenError",
    "OptionError",
    "Ordering",
    "PackageMissingError",
    "PointStore",
    "PortError",
    "Saved",
    "SelectionMissingError",
    "SpaceError",
    "Spec",
    "StoreBusyError",
    "StoreDamagedError",
    "StoreMissingError",
    "StoreVersionError",
    "Style",
    "TooLargeError",
    "View",
    "ViewError",
    "build_matrix",
    "build_points",
    "by",
    "compare",
    "correlation",
    "dominant",
    "open",
    "pivot",
    "similarity",
]

_HOMES = {
    **dict.fromkeys(("Cross", "Filter", "Histogram", "Style", "View", "by", "dominant"), "bigview.spec"),
    "Chart": "bigview.chart",
    "Saved": "bigview.part",
    "Spec": "bigview.state",
    **dict.fromkeys(("MatrixSpec", "MatrixStyle"), "bigview.matrixspec"),
    **dict.fromkeys(("Lines", "Move", "Ordering"), "bigview.matrixorder"),
    **dict.fromkeys(("MatrixStore", "build_matrix", "compare", "correlation", "pivot", "similarity"), "bigview.matrices"),
    **dict.fromkeys(("PointStore", "build_points", "open"), "bigview.stores"),
}

_ensure()  # before any kernel is loaded, which is before any other module of the package


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'bigview' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "bigview.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
