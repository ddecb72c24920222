"""The widgets of a matrix's card: statistic, order, palette and scale."""

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from bigview.app.heatstate import SIDES, HeatState
from bigview.app.state import AUTOMATIC
from bigview.matrixorder import Ordering
from bigview.matrixspec import HOWS
from bigview.raster.heatlabels import axis_of
from bigview.raster.palettes import names as palettes
from bigview.store.matrix import MatrixTable

STATISTICS = {
    "mean": "mean",
    "least": "min",
    "greatest": "max",
    "extreme (spikes stay)": "extreme",
    "standard deviation": "std",
    "sum": "sum",
    "count of values": "count",
}
SCALES = {"linear": "linear", "logarithmic": "log", "symmetric logarithmic": "symlog", "equalized": "quantile"}
CENTRES = {"none": "none", "zero": "zero", "mean": "mean", "one": "one"}
CLIPS = {"99th percentile": 99.0, "90th": 90.0, "99.9th": 99.9, "maximum": 100.0}
NATIVE = "as stored"
_LABELS = {"rows": "Order of rows", "cols": "Order of columns"}


def shown_ways(table: MatrixTable, page: bool = False) -> dict[str, str]:
    """Return what can be shown of a matrix: of a comparison both matrices, or what they compare to; a page can go from one way to another."""
    if table.manifest.layout != "comparison":
        return {"values": "compared"}
    one, other = table.compared.titles
    return {how.replace("_", " "): how for how in (HOWS if page else (table.compared.how,))} | {f"{one} | {other}": "swipe"}


class HeatControls:
    """The widgets of one visitor; they change the state, and follow it.

    Parameters
    ----------
    table : MatrixTable
    state : HeatState
    act : callable
        Called with "home", "rescale view", "rescale store", "show swipe", "show ratio" …
    page : bool
        It is a page of its own.
    """

    def __init__(self, table: MatrixTable, state: HeatState, act: Callable[[str], None], page: bool = False) -> None:
        self._table, self._state = table, state
        style = state.style
        common: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": (6, 0, 4, 0), "dark_theme": style.dark}
        self._agg = pmui.Select(label="A pixel shows the", options=STATISTICS, value="mean", **common)
        self._show = pmui.Select(label="Show", options=shown_ways(table, page), value=self._shown, **common)
        self._orders = {side: pmui.Select(label=_LABELS[side], **self._order_options(side), **common) for side in SIDES}
        self._palette = pmui.Select(label="Palette", options=[AUTOMATIC, *palettes()], value=AUTOMATIC, **common)
        self._scale = pmui.Select(label="Scale", options=SCALES, value="linear", **common)
        self._center = pmui.Select(label="Middle colour at", options=CENTRES, value="none", **common)
        self._clip = pmui.Select(label="Full colour from", options=CLIPS, value=99.0, **common)
        self._rescale = [
            pmui.Button(label=label, variant="outlined", size="small", margin=(2, 4, 4, 0), dark_theme=style.dark) for label in ("View", "Store")
        ]
        icon = {"size": "small", "margin": 0, "dark_theme": style.dark, "sx": {"color": "var(--ink)"}}
        self._icons = {
            "home": pmui.IconButton(icon="center_focus_weak", description="Whole matrix (0)", **icon),
            "theme": pmui.IconButton(icon="contrast", description="Light or dark", **icon),
            "more": pmui.IconButton(icon="tune", description="Palette and scale", **icon),
        }
        title = pn.pane.HTML("Rescale colours to", margin=(4, 0, 0, 0), styles={"color": "var(--soft)", "font-size": "12px"})
        parts = (self._palette, self._scale, self._center, self._clip, title, pn.Row(*self._rescale, margin=0))
        self._more = pn.Column(*parts, visible=False, sizing_mode="stretch_width")
        self._listen(act)
        self.follow()

    def _order_options(self, side: str) -> dict[str, Any]:
        options = self._orders_of(side)
        return {"options": options, "value": "", "visible": len(options) > 1}

    def _orders_of(self, side: str) -> dict[str, str]:
        """Return label to value: a column's name after "+" (ascending) or "-"; a tree's recipe after "*"; the title after "=" of any other order."""
        ordering: Ordering | None = getattr(self._state.spec, side)
        found = {NATIVE: ""}
        for name in axis_of(self._table, side).columns:
            found |= {f"by {name}": f"+{name}", f"by {name}, descending": f"-{name}"}
        if axis_of(self._table, side).size > 1:
            found |= {f"by cluster: {recipe}": f"*{recipe}" for recipe in self._recipes(side)}
        if ordering is not None and self._value(ordering) not in found.values():
            found[ordering.title] = self._value(ordering)
        return found

    def _recipes(self, side: str) -> list[str]:
        categories = self._table.kind == "category"
        ways = ["ward euclidean"] if categories else ["ward euclidean", "average correlation", "average cosine"]
        grouped = [name for name, kind in axis_of(self._table, side).columns.items() if kind in ("category", "boolean")]
        return ways + [f"ward euclidean within {name}" for name in grouped]

    @staticmethod
    def _value(ordering: Ordering) -> str:
        if ordering.by == "column":
            return f"{'-' if ordering.descending else '+'}{ordering.name}"
        return f"*{ordering.name}" if ordering.by == "cluster" else f"={ordering.title}"

    def _listen(self, act: Callable[[str], None]) -> None:
        restyle = self._state.restyle
        self._show.param.watch(lambda event: None if event.new == self._shown else act(f"show {event.new}"), "value")
        self._agg.param.watch(lambda event: restyle(agg=event.new, limits=None), "value")
        self._palette.param.watch(lambda event: restyle(palette=None if event.new == AUTOMATIC else event.new), "value")
        self._scale.param.watch(lambda event: restyle(scale=event.new), "value")
        self._center.param.watch(lambda event: restyle(center=self._centres()[event.new]), "value")
        self._clip.param.watch(lambda event: restyle(clip=None if event.new == 99.0 else event.new, limits=None), "value")
        for side, widget in self._orders.items():
            widget.param.watch(lambda event, side=side: self._sorted(side, event.new), "value")
        for what, button in zip(("view", "store"), self._rescale, strict=True):
            button.on_click(lambda _, what=what: act(f"rescale {what}"))
        self._icons["home"].on_click(lambda _: act("home"))
        self._icons["theme"].on_click(lambda _: restyle(dark=not self._state.style.dark))
        self._icons["more"].on_click(lambda _: self._more.param.update(visible=not self._more.visible))

    @property
    def _shown(self) -> str:
        if self._state.spec.swipe is not None:
            return "swipe"
        return self._table.compared.how if self._table.manifest.layout == "comparison" else "compared"

    def _sorted(self, side: str, value: str) -> None:
        if value[:1] == "*":
            self._state.sort(side, Ordering("cluster", value[1:]))
        elif value[:1] != "=":
            self._state.sort(side, Ordering("column", value[1:], value[0] == "-") if value else None)

    def _centres(self) -> dict[str, float | None]:
        mean = self._table.manifest.facts.get("mean")
        return {"none": None, "zero": 0.0, "mean": None if mean is None else float(mean), "one": 1.0}

    @property
    def widgets(self) -> pn.Column:
        """All of them, as the card shows them."""
        row = pn.Row(*self._icons.values(), margin=(2, 0, 0, -5))
        # What is never shown would lie on top of the others, unseen.
        orders = [widget for widget in self._orders.values() if widget.visible]
        shown = [*([self._show] if len(self._show.options) > 1 else []), *([] if self._table.kind == "category" else [self._agg]), *orders]
        return pn.Column(*shown, row, self._more, sizing_mode="stretch_width", margin=0)

    def follow(self) -> None:
        """Show what the state says."""
        style = self._state.style
        for side, widget in self._orders.items():
            ordering: Ordering | None = getattr(self._state.spec, side)
            options = self._orders_of(side)
            value = "" if ordering is None else self._value(ordering)
            if widget.options != options or widget.value != value:
                widget.param.update(options=options, value=value)
        centre = next((name for name, value in self._centres().items() if value == style.center), "none")
        values: tuple[tuple[Any, Any], ...] = (
            (self._palette, style.palette or AUTOMATIC),
            (self._scale, style.scale),
            (self._center, centre),
            (self._agg, style.agg),
            (self._show, self._shown),
        )
        for chooser, chosen in (*values, (self._clip, style.clip or 99.0)):
            known = chooser.options.values() if isinstance(chooser.options, dict) else chooser.options
            if chooser.value != chosen and chosen in known:
                chooser.value = chosen
        for widget in (
            self._show,
            self._agg,
            *self._orders.values(),
            self._palette,
            self._scale,
            self._center,
            self._clip,
            *self._rescale,
            *self._icons.values(),
        ):
            if widget.dark_theme != style.dark:
                widget.dark_theme = style.dark
