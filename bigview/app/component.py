"""The page's side of what the explorer is made of: plain values go out, messages come back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import panel as pn
import param
from bokeh.model import Model

HERE = Path(__file__).parent
_HEIGHT, _LOWEST = 640, 320  # pixels: in a notebook, and at least


class Component(pn.custom.JSComponent):
    """A part of the page. It takes plain values, which its script shows as text."""

    told = param.Parameter(default=None, precedence=-1, doc="Called with the kind and the value of each message of the page.")

    __abstract = True  # Panel's sign for a class without a script of its own

    _parts: tuple[str, ...] = ()  # files of the script, besides its own
    _rename = {"told": None}  # noqa: RUF012  Panel declares it so

    @classmethod
    def _render_esm(cls, *arguments: Any, **options: Any) -> str:
        return _text("dom.js") + "".join(map(_text, cls._parts)) + str(super()._render_esm(*arguments, **options))

    _walks = True  # whether Panel may look for new models below

    def _set_on_model(self, msg: Mapping[str, Any], root: Any, model: Any) -> list[str]:
        # Panel goes through all models of the page after each change, to find new ones: milliseconds of the event loop. Plain values hold none.
        self._walks = any(isinstance(part, Model) for value in msg.values() for part in (value if isinstance(value, list) else [value]))
        try:
            return list(super()._set_on_model(msg, root, model))
        finally:
            self._walks = True

    def _patch_datamodel_ref(self, props: Any, ref: str) -> None:
        if self._walks:
            super()._patch_datamodel_ref(props, ref)

    def _handle_msg(self, data: Any) -> None:
        if self.told is not None and isinstance(data, dict):
            self.told(data.get("kind"), data.get("value"))


def on_page() -> bool:
    """Tell whether a server is making a page for a visitor (and not a notebook a cell)."""
    document = pn.state.curdoc
    return document is not None and document.session_context is not None and not pn.state._is_pyodide


def room_of(height: int | None) -> tuple[bool, dict[str, Any]]:
    """Tell whether an explorer is a page of its own, as one without a height is on a server, and return how its stage is laid out."""
    if on_page() and height is None:
        return True, {"styles": {"position": "fixed", "inset": "0"}, "sizing_mode": "stretch_both", "min_height": _LOWEST, "margin": 0}
    place = {"styles": {"position": "relative"}, "sizing_mode": "stretch_width", "height": height or _HEIGHT}
    return False, {**place, "min_height": _LOWEST, "margin": 0}


@contextmanager
def own_theme() -> Iterator[None]:
    """Make Material widgets, whose colours are their own: in a notebook they would turn the theme of all that comes after them, pictures included."""
    theme = pn.config.theme
    try:
        yield
    finally:
        if not on_page() and pn.config.theme != theme:
            pn.config.theme = theme


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
