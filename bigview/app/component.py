"""The page's side of what the explorer is made of: plain values go out, messages come back."""

from functools import cache
from pathlib import Path
from typing import Any

import panel as pn
import param

HERE = Path(__file__).parent


class Component(pn.custom.JSComponent):
    """A part of the page. It takes plain values, which its script shows as text."""

    told = param.Parameter(default=None, precedence=-1, doc="Called with the kind and the value of each message of the page.")

    __abstract = True  # Panel's sign for a class without a script of its own

    _parts: tuple[str, ...] = ()  # files of the script, besides its own
    _rename = {"told": None}  # noqa: RUF012  Panel declares it so

    @classmethod
    def _render_esm(cls, *arguments: Any, **options: Any) -> str:
        return _text("dom.js") + "".join(map(_text, cls._parts)) + str(super()._render_esm(*arguments, **options))

    def _handle_msg(self, data: Any) -> None:
        if self.told is not None and isinstance(data, dict):
            self.told(data.get("kind"), data.get("value"))


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
