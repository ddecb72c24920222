"""What is in a matrix store, for people and for scripts."""

from typing import Any

from bigview.store.axistable import AxisTable
from bigview.store.matrix import MatrixTable
from bigview.store.matrixmanifest import AxisEntry
from bigview.store.summary import source_change


def matrix_summary(table: MatrixTable) -> dict[str, Any]:
    """Return plain facts about a matrix store, ready for JSON."""
    manifest = table.manifest
    return {
        "store": table.folder.url,
        "title": manifest.title,
        "created": manifest.created,
        "fingerprint": manifest.fingerprint,
        "layout": manifest.layout,
        "shape": list(manifest.shape),
        "cells": table.size,
        "kind": manifest.kind,
        "type": manifest.dtype.lstrip("<|"),
        "categories": list(manifest.categories),
        "bytes": sum(file.bytes for file in manifest.files),
        "files": len(manifest.files),
        "facts": {name: value for name, value in manifest.facts.items() if name != "quantiles"},
        "levels": [[level.rows, level.cols] for level in manifest.levels],
        "rows": _axis(manifest.rows, table.rows),
        "cols": _axis(manifest.cols, table.cols),
        "sources": [{"path": source.path, "bytes": source.bytes, "change": source_change(source)} for source in manifest.sources],
        "report": manifest.report,
    }


def _axis(entry: AxisEntry, axis: AxisTable) -> dict[str, Any]:
    return {"size": axis.size, "named": axis.named, "columns": [{"name": column.name, "kind": column.kind} for column in entry.columns]}
