"""A selection as it was saved, and what has changed in the store since."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bigview.errors import BigviewError
from bigview.part import Saved
from bigview.spec import Filters
from bigview.store.clauses import parse
from bigview.store.packed import expressions, kinds
from bigview.store.points import PointTable


@dataclass(frozen=True)
class SavedSelection:
    """A selection under a name.

    Attributes
    ----------
    name, author, note : str
    time : datetime
        When it was saved, UTC.
    rows : int
        How many rows it had then.
    fingerprint : str
        Of the store it was made in.
    digest : str
        Of its expression.
    expression : str
        JSON in the form of a spec; large parts stand in it as a number.
    where : Filters
        The condition. Empty in a list of selections, which does not load it.
    """

    name: str
    author: str
    time: dt.datetime
    note: str
    rows: int
    fingerprint: str
    digest: str
    expression: str
    where: Filters = field(default=Filters(), compare=False)
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def link(self) -> Saved:
        """What a spec holds instead of the expression."""
        return Saved(self.name, self.digest)

    @property
    def view(self) -> str:
        """All that was shown when it was saved, as the query of a link (`bigview.Spec.from_query`); "" where that was not kept."""
        return str(self.facts.get("view", ""))

    def differences(self, table: PointTable) -> list[str]:
        """Return what keeps it from meaning in `table` what it meant when it was saved, a sentence each; none where nothing has changed."""
        return [*_store_changes(self, table), *self.broken(table)]

    def broken(self, table: PointTable) -> list[str]:
        """Return the clauses that cannot be evaluated in `table`, a sentence each."""
        found: dict[str, list[str]] = {}
        for text in dict.fromkeys(expressions(self.where)):
            try:
                parse(text, table.columns)
            except BigviewError as error:
                found.setdefault(str(error), []).append(text)
        return [
            f"The clause{'s' if len(texts) > 1 else ''} {' and '.join(texts)} of {self.name!r} no longer work{'' if len(texts) > 1 else 's'}: {why}"
            for why, texts in found.items()
        ]


def _store_changes(selection: SavedSelection, table: PointTable) -> list[str]:
    manifest = table.manifest
    if not selection.fingerprint or selection.fingerprint == manifest.fingerprint:
        return []
    before, now = selection.facts.get("columns", {}), dict(table.columns)
    told = [f"The store was built again after {selection.name!r} was saved: its {selection.rows:,} rows may be others now."]
    rows = selection.facts.get("rows", manifest.rows)
    if rows != manifest.rows:
        told.append(f"The store had {rows:,} rows then; it has {manifest.rows:,} now.")
    gone, new = [name for name in before if name not in now], [name for name in now if before and name not in before]
    other = [f"{name} ({kind}, now {now[name]})" for name, kind in before.items() if now.get(name, kind) != kind]
    for names, what in ((gone, "no longer there"), (new, "new"), (other, "of another kind")):
        if names:
            told.append(f"Columns that are {what}: {', '.join(names)}.")
    if kinds(selection.where) & {"rows", "split"}:
        told.append("It names rows by their number in the source: where the source has changed, these are other records.")
    return told
