"""Spec: all that a person sees, as one frozen value: what a permalink, a saved view, `explore` and `render` hold.

Pure data: it knows no store. Times are kept as ISO text, so that equal specs are equal whatever library the times came from.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, get_args, get_type_hints

from bigview.chart import Chart
from bigview.errors import OptionError, TooLargeError, closest
from bigview.part import Part, Saved, digest, part_from, part_plain, parts_of, size_of, told
from bigview.plain import Ranges, built, entries_of, fits, link_text, listed, no_number, packed_link, plain, ranges, view_of
from bigview.spec import Filter, Filters, Op, Style, Where

VERSION = 1
LONGEST_QUERY = 2_000  # characters: what every browser, proxy and chat passes on


@dataclass(frozen=True)
class Spec:
    """What is shown of a store.

    Parameters
    ----------
    view : ((x0, x1), (y0, y1)), optional
        Numbers, or datetimes; None: the store's own home view.
    style : Style, optional
    filters : sequence of str, Filter or Saved
        In the order in which they were made; all must hold. A Filter of several clauses counts as several.
    charts : sequence of Chart
    selection : str, Filter, Saved or sequence of (op, part)
        Steps that add rows to the selection, subtract them from it or intersect it with them.
    fingerprint : str
        Of the store; "" where it is not known.
    kept : Saved, optional
        A view saved beside the store that holds filters, charts and selection: what a link carries that has no room for them. They are
        empty then, until `Selections.whole` puts them in.

    Examples
    --------
    >>> spec = Spec(style=Style(by="lang"), filters=["zipf > 3"])
    >>> Spec.from_json(spec.to_json()) == spec == Spec.from_query(spec.to_query())
    True
    """

    view: Ranges | None = None
    style: Style = field(default_factory=Style)
    filters: tuple[Part, ...] = ()
    charts: tuple[Chart, ...] = ()
    selection: tuple[tuple[Op, Part], ...] = ()
    fingerprint: str = ""
    kept: Saved | None = None

    def __init__(
        self,
        view: Any = None,
        style: Style | None = None,
        filters: "str | Part | Iterable[str | Part]" = (),
        charts: Iterable[Chart] = (),
        selection: Any = (),
        fingerprint: str = "",
        kept: Saved | None = None,
    ) -> None:
        alone = (filters,) if isinstance(filters, (str, Filter, Saved)) else filters
        steps = (("add", selection),) if isinstance(selection, (str, Filter, Saved)) else selection or ()
        if not isinstance(style, (Style, type(None))) or not isinstance(fingerprint, str):
            raise OptionError(f"A spec takes a bigview.Style and a fingerprint as text, not {style!r} and {fingerprint!r}.")
        if any(not isinstance(chart, Chart) for chart in charts):
            raise OptionError(f"charts must be bigview.Chart values, not {charts!r}.")
        object.__setattr__(self, "view", None if view is None else ranges(view))
        object.__setattr__(self, "style", style or Style())
        object.__setattr__(self, "filters", tuple(part for given in alone for part in parts_of(given)))
        object.__setattr__(self, "charts", tuple(charts))
        object.__setattr__(self, "selection", tuple(_step(step) for step in steps))
        object.__setattr__(self, "fingerprint", fingerprint)
        if kept is not None and (not isinstance(kept, Saved) or self.filters or self.charts or self.selection):
            raise OptionError("A spec whose filters, charts and selection are kept under a name has none of its own beside them.")
        object.__setattr__(self, "kept", kept)

    def replaced(self, **changes: Any) -> Self:
        """Return the spec with other entries."""
        known = [entry.name for entry in fields(self)]
        for name in changes:
            if name not in known:
                raise OptionError(f"A spec has no {name!r}. {closest(name, known)}")
        return replace(self, **changes)

    def where(self, saved: Mapping[str, Where] | None = None) -> Filters:
        """Return all filters and brushes as one condition.

        Parameters
        ----------
        saved : mapping of str to Filter, optional
            What the saved selections named in the spec hold.
        """
        self._check_whole()
        return Filters.of(*(_resolved(part, saved) for part in self.filters), *(chart.brush for chart in self.charts))

    def selected(self, saved: Mapping[str, Where] | None = None) -> Filters:
        """Return what the steps of the selection lead to; no filter where there are none."""
        self._check_whole()
        return Filters.stepwise((op, Filters.of(_resolved(part, saved))) for op, part in self.selection)

    def _check_whole(self) -> None:
        if self.kept is not None:
            raise OptionError(f"The spec refers to the saved view {self.kept.name!r}, which is not here: store.selections().whole(spec) puts it in.")

    def differences(self, fingerprint: str, columns: Iterable[str]) -> list[str]:
        """Return what keeps the spec from meaning the same on a store of this fingerprint with these columns, a sentence each."""
        known, found = list(columns), []
        if self.fingerprint and self.fingerprint != fingerprint:
            found.append("The store was built again since: counts and rows may differ.")
        named = [(name, f"the chart {chart.kind!r}") for chart in self.charts for name in chart.columns]
        uses: dict[str, list[str]] = {}
        for name, use in [(self.style.by, "the colour"), *named]:
            if name is not None and name not in known:
                uses.setdefault(name, []).append(use)
        for name, those in uses.items():
            need = f"{' and '.join(dict.fromkeys(those))} need{'' if len(set(those)) > 1 else 's'}"
            found.append(f"Column {name!r}, which {need}, is not in the store. {closest(name, known)}")
        return found

    def to_json(self) -> str:
        """Return the spec as JSON text."""
        return json.dumps(self._plain(), ensure_ascii=False, allow_nan=False)

    def _plain(self) -> dict[str, Any]:
        found: dict[str, Any] = {"version": VERSION}
        if self.fingerprint:
            found["fingerprint"] = self.fingerprint
        if self.view is not None:
            found["view"] = _view_plain(self.view)
        usual = Style()
        style = {entry.name: value for entry in fields(Style) if (value := getattr(self.style, entry.name)) != getattr(usual, entry.name)}
        if style:
            found["style"] = {name: list(value) if isinstance(value, tuple) else value for name, value in style.items()}
        if self.filters:
            found["filters"] = [part_plain(part) for part in self.filters]
        if self.charts:
            found["charts"] = [_chart_plain(chart) for chart in self.charts]
        if self.selection:
            found["selection"] = [{"op": op, **part_plain(part)} for op, part in self.selection]
        if self.kept is not None:
            found["kept"] = part_plain(self.kept)
        return found

    @classmethod
    def from_json(cls, text: "str | bytes | Mapping[str, Any]") -> Self:
        """Return the spec that `to_json` wrote.

        Raises
        ------
        OptionError
            When an entry is unknown or malformed; the message says which, and what may be there.
        """
        if isinstance(text, Mapping):
            return cls(**_read(text))
        try:
            values = json.loads(text, parse_constant=no_number)
        except (ValueError, RecursionError) as error:
            raise OptionError(f"The spec is no JSON text: {error}.") from error
        return cls(**_read(values))

    def to_query(self, names: "Mapping[Filter, str] | None" = None) -> str:
        """Return the spec as the query of a URL, such as "spec=1.eJyrVk…".

        Parameters
        ----------
        names : mapping of Filter to str, optional
            Names under which polygons and row sets were saved: the query carries name and digest of those instead.

        Raises
        ------
        TooLargeError
            When it is over `LONGEST_QUERY` characters; the message names the parts to be saved.
        """
        spec = self.with_saved(names or {})
        query = spec.to_long_query()
        if len(query) <= LONGEST_QUERY:
            return query
        large = ", ".join(map(told, spec.bulky())) or "its expressions"
        raise TooLargeError(
            f"The link would have {len(query):,} characters; the limit is {LONGEST_QUERY:,}. Save as a named selection: {large}; "
            "then give to_query(names={part: name})."
        )

    def to_long_query(self) -> str:
        """Return the spec as a query of any length: what is kept for a link that has no room for it."""
        return packed_link(json.dumps(self._plain(), ensure_ascii=False, allow_nan=False, separators=(",", ":")), VERSION)

    @classmethod
    def from_query(cls, query: str) -> Self:
        """Return the spec in the query of a URL; other parameters beside it are left alone."""
        return cls.from_json(link_text(query, VERSION))

    def bulky(self) -> tuple[Filter, ...]:
        """Return the polygons and row sets, the largest first: what a link may have no room for."""
        parts = dict.fromkeys([*self.filters, *(part for _, part in self.selection)])
        return tuple(sorted((part for part in parts if isinstance(part, Filter) and not part.sql), key=size_of, reverse=True))

    @property
    def is_bulky(self) -> bool:
        """Whether it has an area or a row set that is sure to be too large for a link."""
        parts = [*self.filters, *(part for _, part in self.selection)]
        return any(isinstance(part, Filter) and not part.sql and size_of(part) > LONGEST_QUERY for part in parts)

    def parts_by_size(self) -> tuple[Filter, ...]:
        """Return all filters and steps, in the order in which a link should do without them: areas and row sets, then expressions, by size."""
        parts = dict.fromkeys(part for part in [*self.filters, *(part for _, part in self.selection)] if isinstance(part, Filter))
        texts = sorted((part for part in parts if part.sql), key=lambda part: len(part.sql[0]), reverse=True)
        return (*self.bulky(), *texts)

    def with_saved(self, names: "Mapping[Filter, str]") -> Self:
        """Return the spec with the name and the digest of parts that were saved instead of the parts."""

        def short(part: Part) -> Part:
            return Saved(names[part], digest(part)) if isinstance(part, Filter) and part in names else part

        return self.replaced(filters=[short(part) for part in self.filters], selection=[(op, short(part)) for op, part in self.selection])


def _resolved(part: Part, saved: Mapping[str, Where] | None) -> Where:
    if isinstance(part, Filter):
        return part
    if saved is None or part.name not in saved:
        raise OptionError(f"The spec refers to the saved selection {part.name!r}, which is not here. Give its rows, or remove it from the filters.")
    return saved[part.name]


def _step(given: Any) -> tuple[Op, Part]:
    try:
        op, part = given
    except (TypeError, ValueError) as error:
        raise OptionError(f"A step of a selection is (op, part), not {given!r}.") from error
    if op not in get_args(Op):
        raise OptionError(f"A step of a selection adds, subtracts or intersects: {get_args(Op)}, not {op!r}.")
    parts = parts_of(part)
    if len(parts) != 1:
        raise OptionError(f"A step of a selection has one clause, not {len(parts)}. Make it several steps.")
    return op, parts[0]


def _view_plain(view: Ranges) -> list[list[Any]]:
    return [[plain(end) for end in pair] for pair in view]


def _chart_plain(chart: Chart) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": chart.kind, "columns": list(chart.columns)}
    if chart.brush is not None:
        found["brush"] = chart.brush
    if chart.view is not None:
        found["view"] = _view_plain(chart.view)
    return found


def _read(values: Any) -> dict[str, Any]:
    """Return the arguments of a spec from plain values."""
    entries = entries_of(values, "the spec", ("version", *(entry.name for entry in fields(Spec))))
    version = entries.pop("version", None)
    if type(version) is not int or version < 1:
        raise OptionError(f"The spec has no version number: 'version' is {version!r:.60}, not {VERSION}.")
    if version > VERSION:
        raise OptionError(f"The spec has version {version}; this bigview reads versions up to {VERSION}. Install a newer bigview.")
    if not isinstance(entries.get("fingerprint", ""), str):
        raise OptionError(f"fingerprint must be a text, not {entries['fingerprint']!r:.60}.")
    if entries.get("view") is not None:
        entries["view"] = view_of(entries["view"])
    entries["style"] = _style(entries.get("style", {}))
    for name, read in (("filters", part_from), ("charts", _chart), ("selection", _selected)):
        entries[name] = [read(value, f"{name}[{place}]") for place, value in enumerate(listed(entries, name))]
    if entries.get("kept") is not None:
        entries["kept"] = part_from(entries["kept"], "kept")
    return entries


def _chart(values: Any, where: str) -> Chart:
    entries = entries_of(values, where, ("kind", "columns", "brush", "view"))
    if not isinstance(entries.get("columns"), list):
        raise OptionError(f"{where}.columns must be a list of names, not {entries.get('columns')!r:.60}.")
    view = None if entries.get("view") is None else view_of(entries["view"], f"{where}.view")
    made: Chart = built(where, Chart, entries.get("kind"), entries["columns"], entries.get("brush"), view)
    return made


def _selected(values: Any, where: str) -> tuple[Any, Part]:
    entries = dict(values) if isinstance(values, Mapping) else {}
    op = entries.pop("op", None)
    if op not in get_args(Op):
        raise OptionError(f"{where}.op must be one of {', '.join(get_args(Op))}, not {op!r:.60}.")
    return op, part_from(entries, where)


def _style(values: Any) -> Style:
    hints = get_type_hints(Style)
    entries = entries_of(values, "style", hints)
    for name, value in entries.items():
        if not fits(value, hints[name]):
            raise OptionError(f"style.{name} cannot be {value!r:.60}.")
    chosen: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()}
    made: Style = built("style", lambda: Style(**chosen))
    return made
