"""The gallery: the images of the rows that pass the filters and are selected, a page of small ones at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import param

from bigview.app.component import HERE, Component
from bigview.app.host import Attached, Host
from bigview.app.record import headline
from bigview.app.thumbnails import image_columns, thumbnails
from bigview.spec import Filters, View
from bigview.store.points import PointTable
from bigview.views.live import sentence
from bigview.views.pointer import Found

PAGE = 48  # images: three or four rows of a wide screen, 5 kB each
_TITLES = 3  # columns besides, from which a title is taken
_MESSAGES = {"column": "_choose", "follow": "_follow_map", "mixed": "_mix", "page": "_turn", "row": "_clicked", "seen": "_uncovered"}


class GalleryView(Component):
    """The page's side of the gallery. It takes plain values; gallery.js shows them as text."""

    busy = param.Boolean(default=False, doc="Whether a newer page is being fetched.")
    facts = param.Dict(default={}, doc="Columns that hold images, and the one that is shown.")
    marked = param.Integer(default=None, allow_None=True, doc="The row whose record is pinned on the map.")
    page = param.Dict(default={}, doc="Images, and which they are of how many.")
    trouble = param.String(default="", doc="What went wrong; the last page stays.")

    _esm = HERE / "gallery.js"
    _parts = ("paging.js",)
    _stylesheets = (str(HERE / "tablepanel.css"), str(HERE / "gallery.css"))


@dataclass(frozen=True)
class Page:
    """A page that is wanted: of which rows, which column, in store order or mixed, and its number, from 0."""

    where: Filters
    view: View | None
    column: str
    mixed: bool
    number: int = 0


@dataclass(frozen=True)
class Tiles:
    """A page as it is shown; `columns` are those that hold images, once they are known."""

    total: int = 0
    number: int = 0
    tiles: list[dict[str, Any]] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    error: str = ""


def tiles(table: PointTable, asked: Page) -> Tiles:
    """Return the page that was asked for; past the last one, the last one."""
    total = table.count(asked.view, asked.where)
    number = min(max(asked.number, 0), pages_of(total) - 1)
    manifest = table.manifest
    texts = [column.name for column in manifest.columns if column.kind in ("text", "category") and column.name != asked.column][:_TITLES]
    names = [asked.column, *texts]
    if manifest.key and manifest.key not in names:
        names.append(manifest.key)
    records = table.rows(asked.view, asked.where, names, None, number * PAGE, PAGE, asked.mixed)
    shown = thumbnails(table.reader.folder, asked.column, records[asked.column].tolist())
    titled = records.drop(columns=asked.column)
    made = [{"id": int(row), "title": headline(titled.iloc[[place]], manifest), **shown[place]} for place, row in enumerate(records["__row"])]
    return Tiles(total, number, made)


def pages_of(total: int) -> int:
    """Return the number of pages; an empty gallery has one."""
    return max(1, -(-total // PAGE))


class Gallery(Attached):
    """The gallery of one visitor.

    Parameters
    ----------
    host : Host
        The explorer it belongs to.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._table = host.table
        self._columns: tuple[str, ...] = ()
        self._column = ""
        self._follows = self._mixed = False
        self._asked: Page | None = None
        self._total = 0
        self._visible = True
        self.component = GalleryView(told=self._told, busy=True, sizing_mode="stretch_both", margin=0)
        self._worker = self._worker_of(self._work, self._deliver)
        self._attach(self._refresh, settled=self._refresh, pinned=self._pinned)
        self._ask()

    def _ask(self, number: int = 0) -> None:
        """Ask for a page of what is chosen now."""
        where, view = self._chosen()
        asked = Page(where, view, self._column, self._mixed, number)
        if asked != self._asked:
            self._asked, self.component.busy = asked, True
            self._worker.request(asked)

    def _chosen(self) -> tuple[Filters, View | None]:
        return Filters.of(self._host.where, self._host.selected), self._host.map.view if self._follows else None

    def _work(self, asked: Page, _: Callable[[], bool]) -> Iterator[Tiles]:
        try:
            yield Tiles(columns=image_columns(self._table)) if not asked.column else tiles(self._table, asked)
        except Exception as error:  # noqa: BLE001  the last page stays, and says why
            yield Tiles(error=sentence(error))

    def _deliver(self, asked: Page, found: Tiles) -> None:
        if asked is not self._asked:
            return  # a newer page is under way
        if found.error:
            self._asked = None  # the same may be asked again
            self.component.param.update(busy=False, trouble=found.error)
        elif not asked.column:
            self._known(found.columns)
        else:
            self._total = found.total
            self.component.param.update(page=self._page(found), busy=False, trouble="")

    def _known(self, columns: tuple[str, ...]) -> None:
        """Begin with the first column that holds images."""
        self._columns, self._column = columns, columns[0] if columns else ""
        self.component.facts = {"columns": list(columns), "column": self._column}
        if columns:
            self._ask()
        else:
            empty = "No column holds images, names of image files in the store's folder, or addresses of images."
            self.component.param.update(busy=False, page={"tiles": [], "empty": empty})

    def _page(self, found: Tiles) -> dict[str, Any]:
        first = found.number * PAGE
        return {
            "tiles": found.tiles,
            "range": f"{first + 1:,}–{first + len(found.tiles):,} of {found.total:,}" if found.total else "",
            "number": found.number + 1,
            "pages": pages_of(found.total),
            "empty": "" if found.total else f"No record passes the filters{' in the visible part of the map' if self._follows else ''}.",
        }

    def _refresh(self) -> None:
        """Show other rows where filters, selection or, if it counts, the view have changed."""
        if not self._visible or not self._column:
            return
        try:
            if self._asked is None or (self._asked.where, self._asked.view) != self._chosen():
                self._ask()
        except Exception as error:  # noqa: BLE001  such as a saved selection that is gone
            self.component.trouble = sentence(error)

    def _pinned(self, found: Found | None) -> None:
        self.component.marked = None if found is None else int(found.record["__row"].iloc[0])

    # What the visitor does.

    def _told(self, kind: Any, value: Any) -> None:
        """Act on a message of the page, in its turn."""
        if kind in _MESSAGES:
            self._host.map.soon(lambda: self._heard(_MESSAGES[kind], value))

    def _heard(self, act: str, value: Any) -> None:
        try:
            getattr(self, act)(value)
        except Exception as error:  # noqa: BLE001  a message must never end the session
            self.component.trouble = sentence(error)

    def _choose(self, value: Any) -> None:
        if value in self._columns:
            self._column = value
            self.component.facts = {"columns": list(self._columns), "column": value}
            self._ask()

    def _follow_map(self, value: Any) -> None:
        self._follows = bool(value)
        self._ask()

    def _mix(self, value: Any) -> None:
        self._mixed = bool(value)
        self._ask()

    def _turn(self, value: Any) -> None:
        self._ask(min(max(int(value) - 1, 0), pages_of(self._total) - 1))

    def _clicked(self, value: Any) -> None:
        self._host.show([int(value)])

    def _uncovered(self, value: Any) -> None:
        """Take note of whether the gallery is on the screen: what is not seen is not fetched."""
        self._visible = bool(value)
        self._refresh()
