"""The control of one column: what the page shows of it, what the visitor says with it, and the counts beside it."""

from typing import Any

import numpy as np

from bigview.app.asked import Asked, asked_of, asking
from bigview.app.picks import column_of, picked, toggled
from bigview.app.stops import Slider, neat, read, value_of
from bigview.config import limits
from bigview.errors import OptionError
from bigview.part import Part
from bigview.spec import Filter, Filters
from bigview.store.binned import equal_bins, load_together, stop_bins
from bigview.store.manifest import Column
from bigview.store.points import PointTable

LISTED = 200  # categories on the page at once; a search reaches the others

Parts = tuple[Part, ...]


class Control:
    """The control of a column.

    Parameters
    ----------
    table : PointTable
    column : Column
    """

    def __init__(self, table: PointTable, column: Column) -> None:
        self._table, self.column, self.name = table, column, column.name
        self.slider = Slider.of(column)
        self.query = ""
        self._nan = column.kind == "number" and column.missing > 0
        self._all: list[int] = []
        self._known: tuple[Any, Any] = (None, None)
        self._names: list[str] = []
        self._folded: list[str] = []
        self._codes: dict[str, int] = {}

    @property
    def facts(self) -> dict[str, Any]:
        """What the page has to know once."""
        found: dict[str, Any] = {"name": self.name, "kind": self.column.kind, "missing": self.column.missing}
        if self.slider is not None:
            found.update(texts=self.slider.texts, starts=self.slider.starts, ends=self.slider.ends, extent=self.slider.extent)
        return found

    # The filter it owns.

    def place(self, filters: Parts) -> int | None:
        """Return which of the filters belongs to it."""
        return next((place for place, part in enumerate(filters) if column_of(part) == self.name), None)

    def _asked(self, filters: Parts) -> Asked:
        place = self.place(filters)
        return (None if place is None else asked_of(filters[place])) or Asked(self.name, "range")

    def shown(self, filters: Parts) -> dict[str, Any]:
        """Return what the filters ask of the column, as the page shows it."""
        asked = self._asked(filters)
        told: dict[str, Any] = {"active": self.place(filters) is not None, "gap": asked.kind if asked.kind in ("missing", "present") else ""}
        if self.slider is not None:
            low, high = asked.low, asked.high
            told.update(low=low or "", high=neat(high or ""))
            told["from"] = 0.0 if low is None else self.slider.place(low, False)
            told["to"] = 1.0 if high is None else self.slider.place(high, True)
        elif self.column.kind in ("category", "boolean"):
            told["picked"] = list(picked(self.name, filters[place : place + 1])) if (place := self.place(filters)) is not None else []
        elif self.column.kind == "text":
            told.update(mode="regex" if asked.kind == "regex" else "contains", text=asked.text)
        return told

    def changed(self, filters: Parts, asked: Asked | None) -> Parts:
        """Return the filters with what the control asks now; None: nothing."""
        made = None if asked is None else asking(asked, self._nan)
        place = self.place(filters)
        kept = [part for number, part in enumerate(filters) if number != place]
        if made is not None:
            kept.insert(len(kept) if place is None else place, made)
        return tuple(kept)

    # What the visitor says.

    def ranged(self, filters: Parts, low: str | None, high: str | None) -> Parts:
        """Return the filters with another range; an end at the column's own is open."""
        slider = self.slider
        if slider is None:
            return filters
        low = None if low == slider.texts[0] else low
        high = None if high == slider.texts[-1] else high
        if low is None and high is None:
            return self.changed(filters, None)
        if self._nan and high is None:
            high = slider.texts[-1]  # NaN comes after all numbers
        return self.changed(filters, Asked(self.name, "range", low, high))

    def stopped(self, filters: Parts, end: str, stop: int) -> Parts:
        """Return the filters after a handle moved to a stop; the handles do not pass each other."""
        slider = self.slider
        if slider is None or not 0 <= stop < len(slider.texts):
            return filters
        ends = self._ends(filters)
        ends[end == "high"] = slider.texts[stop]
        return self.ranged(filters, *ends)

    def typed(self, filters: Parts, end: str, text: str) -> Parts:
        """Return the filters after an end was typed; nothing typed opens it."""
        ends = self._ends(filters)
        ends[end == "high"] = read(self.column, text, upper=end == "high") if text.strip() else None
        low, high = ends
        if low is not None and high is not None and value_of(self.column, low) > value_of(self.column, high):
            raise OptionError(f"No value is from {low} to {high}: the first must not be above the second.")
        return self.ranged(filters, *ends)

    def _ends(self, filters: Parts) -> list[str | None]:
        asked = self._asked(filters)
        return [asked.low, asked.high]

    def toggled(self, filters: Parts, name: str) -> Parts:
        """Return the filters after a category was checked or unchecked."""
        place = self.place(filters)
        kept = filters if place is None or asked_of(filters[place]) is None else self.changed(filters, None)
        return toggled(self.name, name, kept, also=True, boolean=self.column.kind == "boolean")

    def gapped(self, filters: Parts, which: str) -> Parts:
        """Return the filters after "is missing" or "is not missing" was pressed, or released."""
        if which not in ("missing", "present"):
            return filters
        released = self.shown(filters)["gap"] == which
        return self.changed(filters, None if released else Asked(self.name, which))  # type: ignore[arg-type]

    # What the rows say; off the event loop.

    def counted(self, base: Filters, filters: Parts, query: str) -> dict[str, Any]:
        """Return the counts that the page shows: of the rows that pass, of the bars, of the categories."""
        place = self.place(filters)
        own = None if place is None else filters[place]
        mine = own.sql[0] if isinstance(own, Filter) else None
        others = Filters(tuple(clause for clause in base.clauses if clause != ("sql", mine)))
        found: dict[str, Any] = {"count": "" if own is None else f"{self._table.count(where=Filters.of(mine)):,} of {len(self._table):,} rows"}
        if self.slider is not None:
            found.update(self._bars(self.slider, others))
        elif self.column.kind in ("category", "boolean"):
            found.update(self._categories(others, query))
        return found

    def _bars(self, slider: Slider, others: Filters) -> dict[str, Any]:
        if not self._all:
            self._prepare(slider)
            self._all = slider.bars(self._table.histogram(self.name, slider.bins).counts)
        if self._known[0] != others:
            some = self._all if not others else slider.bars(self._table.histogram(self.name, slider.bins, where=others).counts)
            self._known = others, some
        return {"all": self._all, "some": self._known[1]}

    def _prepare(self, slider: Slider) -> None:
        """Read the column once for the bars and for the stops of the slider, whose codes take half of the memory of the numbers, or a quarter."""
        reader = self._table.reader
        stops = stop_bins(reader, self.name, [value_of(self.column, text) for text in slider.texts])
        if stops is None or stops.dtype.itemsize * len(self._table) > limits().cache_bytes // 2:
            return
        load_together(reader, [equal_bins(reader, self.name, slider.bins).of(reader), stops.of(reader)])

    def _categories(self, others: Filters, query: str) -> dict[str, Any]:
        if not self._names:
            self._names = [str(name) for name in self._table.reader.categories(self.name)]
            self._folded = [name.casefold() for name in self._names]
            self._codes = {name: code for code, name in enumerate(self._names)}
        if self._known[0] != others:
            self._known = others, self._ranked(others)
        order, counts = self._known[1]
        wanted = query.strip().casefold()
        found = [int(place) for place in order if wanted in self._folded[place]] if wanted else order
        items = [[self._names[place], f"{counts[place]:,}"] for place in found[:LISTED]]
        more = f"{len(found) - LISTED:,} more: search for them" if len(found) > LISTED else "" if len(found) else "No such category"
        return {"items": items, "more": more, "many": len(self._names) > 12}

    def _ranked(self, others: Filters) -> tuple[list[int], list[int]]:
        """Return all categories by rank, those that do not occur last, and their counts."""
        counts = self._table.category_counts(self.name, where=others)
        each = np.zeros(len(self._names), np.int64)
        # A dictionary of Python's: pandas would hash 100,000 names anew each time.
        each[[self._codes[str(name)] for name in counts.index.tolist()]] = counts.to_numpy()
        return np.argsort(-each, kind="stable").tolist(), each.tolist()
