"""What is in a store, for people and for scripts; and whether its sources have changed since."""

import datetime as dt
from typing import Any

import fsspec

from bigview.store.manifest import Manifest, SourceFile
from bigview.store.pairs import ENTRY, pairs_of
from bigview.store.reader import Reader


def summary(reader: Reader) -> dict[str, Any]:
    """Return plain facts about a store, ready for JSON."""
    manifest = reader.manifest
    return {
        "store": reader.folder.url,
        "title": manifest.title,
        "created": manifest.created,
        "fingerprint": manifest.fingerprint,
        "rows": manifest.rows,
        "placed": manifest.placed,
        "unplaced": manifest.rows - manifest.placed,
        "bytes": sum(file.bytes for file in manifest.files),
        "files": len(manifest.files),
        "key": manifest.key,
        "x": _extent(manifest, "x"),
        "y": _extent(manifest, "y"),
        "levels": [level.level for level in manifest.levels if level.cells],
        "columns": [
            {
                "name": column.name,
                "kind": column.kind,
                "type": column.dtype,
                "low": _shown(column.low, column.kind, column.dtype),
                "high": _shown(column.high, column.kind, column.dtype),
                "missing": column.missing,
                "distinct": column.distinct or None,
            }
            for column in manifest.columns
        ],
        "sources": [
            {"path": source.path, "rows": source.rows, "bytes": source.bytes, "change": source_change(source)} for source in manifest.sources
        ],
        "vectors": manifest.vectors,
        "indexes": [
            {"x": pair.x.column, "y": pair.y.column, "placed": pair.placed, "bytes": pair.bytes, "created": pair.created}
            for pair in pairs_of(manifest)
        ],
        "report": {name: value for name, value in manifest.report.items() if name != ENTRY},
    }


def _extent(manifest: Manifest, name: str) -> dict[str, Any]:
    axis = manifest.x if name == "x" else manifest.y
    return {"column": axis.column, "low": _plain(axis.value(axis.low)), "high": _plain(axis.value(axis.high))}


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, float)) else str(value)


def _shown(value: Any, kind: str, dtype: str) -> Any:
    if value is None or kind != "datetime":
        return value
    unit = dtype.partition("[")[2].rstrip("]").split(",")[0] or "ns"
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.get(unit, 10**9)
    seconds, rest = divmod(int(value), scale)
    try:
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds, microseconds=rest * 10**6 // scale)
    except OverflowError:  # a year beyond 9999
        return int(value)
    return moment.isoformat(sep=" ")


def source_change(source: SourceFile) -> str | None:
    """Return what has happened to a source file since the build: None, or "missing", "changed" or "unknown"."""
    try:
        filesystem, path = fsspec.core.url_to_fs(source.path)
        info = filesystem.info(path)
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError, ImportError, RuntimeError):  # no network, no rights, no such protocol here
        return "unknown"
    if int(info.get("size") or 0) != source.bytes:
        return "changed"
    return "changed" if source.modified and _modified(info) != source.modified else None


def _modified(info: dict[str, Any]) -> str:
    stamp = info.get("mtime") or info.get("LastModified") or info.get("created") or ""
    if isinstance(stamp, (int, float)):
        stamp = dt.datetime.fromtimestamp(stamp, dt.UTC)
    return str(stamp.isoformat() if hasattr(stamp, "isoformat") else stamp)
