"""The widgets of the explorer's card: what gives the colour, and how."""

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui

from bigview.app.state import AUTOMATIC, State
from bigview.raster.palettes import names as palettes

SCALES = {"equalized": "eq_hist", "logarithmic": "log", "linear": "linear"}
RESCALES = {"view": "View", "filter": "Filter", "store": "Store"}


class Controls:
    """The widgets of one visitor; they change the state, and follow it.

    Parameters
    ----------
    state : State
    colorings : dict
        Label to column.
    kinds : dict
        Column to what it holds.
    act : callable
        Called with "home", "rescale view", "rescale filter" or "rescale store".
    """

    def __init__(self, state: State, colorings: dict[str, str | None], kinds: dict[str, str], act: Callable[[str], None]) -> None:
        self._state, self._kinds = state, kinds
        style = state.style
        common = {"size": "small", "sizing_mode": "stretch_width", "margin": (6, 0, 4, 0), "dark_theme": style.dark}
        self._columns = colorings
        # By their labels: the select shows a value of None, which density has, as an empty box.
        label = self._label
        self._by = pmui.Select(label="Colour", options=list(self._columns), value=label, **common)
        self._palette = pmui.Select(label="Palette", options=[AUTOMATIC, *palettes()], value=style.palette or AUTOMATIC, **common)
        self._scale = pmui.Select(label="Strength of a count", options=SCALES, value=style.scale, **common)
        self._clip = pmui.Select(label="Full colour from", options=self._clips(), value=next(iter(self._clips().values())), **common)
        # The label has the colour of Panel's columns, which is that of the page's first theme.
        ink = ":host { color: var(--ink) !important; }"
        self._mix = pmui.Switch(label="Mix colours", value=style.mix, margin=(2, 0), size="small", dark_theme=style.dark, stylesheets=[ink])
        self._rescale = [
            pmui.Button(label=label, variant="outlined", size="small", margin=(2, 4, 4, 0), dark_theme=style.dark) for label in RESCALES.values()
        ]
        icon = {"size": "small", "margin": 0, "dark_theme": style.dark, "sx": {"color": "var(--ink)"}}
        self._icons = {
            "home": pmui.IconButton(icon="center_focus_weak", description="Whole map (0)", **icon),
            "theme": pmui.IconButton(icon="contrast", description="Light or dark", **icon),
            "more": pmui.IconButton(icon="tune", description="Palette and scale", **icon),
        }
        self._title = pn.pane.HTML("Rescale colours to", margin=(4, 0, 0, 0), styles={"color": "var(--soft)", "font-size": "12px"})
        self._more = pn.Column(
            self._palette,
            self._scale,
            self._clip,
            self._mix,
            self._title,
            pn.Row(*self._rescale, margin=0),
            visible=False,
            sizing_mode="stretch_width",
        )
        self._listen(act)
        self.follow()

    def _listen(self, act: Callable[[str], None]) -> None:
        restyle = self._state.restyle
        self._by.param.watch(lambda event: restyle(by=self._columns[event.new], limits=None), "value")
        self._palette.param.watch(lambda event: restyle(palette=None if event.new == AUTOMATIC else event.new), "value")
        self._scale.param.watch(lambda event: restyle(scale=event.new), "value")
        self._clip.param.watch(lambda event: restyle(clip=None if event.new == next(iter(self._clips().values())) else event.new), "value")
        self._mix.param.watch(lambda event: restyle(mix=event.new), "value")
        for name, button in zip(RESCALES, self._rescale, strict=True):
            button.on_click(lambda _, name=name: act(f"rescale {name}"))
        self._icons["home"].on_click(lambda _: act("home"))
        self._icons["theme"].on_click(lambda _: restyle(dark=not self._state.style.dark))
        self._icons["more"].on_click(lambda _: self._more.param.update(visible=not self._more.visible))

    @property
    def widgets(self) -> pn.Column:
        """All of them, as the card shows them."""
        row = pn.Row(*self._icons.values(), margin=(2, 0, 0, -5))
        return pn.Column(self._by, row, self._more, sizing_mode="stretch_width", margin=0)

    @property
    def _label(self) -> str:
        by = self._state.style.by
        for label, column in self._columns.items():
            if column == by:
                return label
        self._columns = {**self._columns, str(by): by}  # such as a place, which is not offered but may be in a link
        return str(by)

    def _clips(self) -> dict[str, float]:
        number = self._kinds.get(self._state.style.by or "") in ("number", "integer", "datetime")
        return (
            {"98th percentile": 98.0, "90th": 90.0, "99.9th": 99.9, "maximum": 100.0}
            if number
            else {"99.98th percentile": 99.98, "90th": 90.0, "99th": 99.0, "maximum": 100.0}
        )

    def follow(self) -> None:
        """Show what the state says."""
        style = self._state.style
        kind = self._kinds.get(style.by or "")
        category = kind in ("category", "boolean")
        self._palette.visible = not category
        self._mix.visible = category
        self._scale.visible = kind not in ("number", "integer", "datetime")
        clips = self._clips()
        clip = style.clip if style.clip in clips.values() else next(iter(clips.values()))
        if self._clip.options != clips or self._clip.value != clip:
            self._clip.param.update(options=clips, value=clip)
        label = self._label
        if self._by.options != list(self._columns):
            self._by.param.update(options=list(self._columns), value=label)
        values = ((self._by, label), (self._palette, style.palette or AUTOMATIC), (self._scale, style.scale), (self._mix, style.mix))
        for widget, value in values:
            if widget.value != value:
                widget.value = value
        for widget in (self._by, self._palette, self._scale, self._clip, self._mix, *self._rescale, *self._icons.values()):
            if widget.dark_theme != style.dark:
                widget.dark_theme = style.dark
