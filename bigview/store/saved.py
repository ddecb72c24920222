"""Selections saved under a name, beside the store: who saved which rows when, with a note.

A store is replaced whole by the next build, and may stand where nobody can write; what people have saved must survive both. So the database is a file
of its own beside the store's folder, or any database by URL, which a team shares.
"""

import datetime as dt
import getpass
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bigview.errors import InputError, NameTakenError, OptionError, SelectionMissingError, closest
from bigview.part import Saved, digest_of_text, kept_name
from bigview.spec import Filters, Where
from bigview.state import Spec
from bigview.store.database import FORMAT, Database, checked_name, tables
from bigview.store.files import Folder
from bigview.store.named import SavedSelection
from bigview.store.packed import Packed, pack, unpack
from bigview.store.points import PointTable

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

SUFFIX = ".selections.db"
KEPT_NOTE = "Kept for a link, in which it has no room."


def default_place(folder: Folder) -> Path | None:
    """Return the file of a store's selections, emb.selections.db beside emb.bv; None for a store that is not on this machine."""
    if not folder.is_local:
        return None
    path = Path(folder.path())
    return path.with_name(path.name.removesuffix(".bv") + SUFFIX)


class Selections:
    """The saved selections of a store.

    Safe from any number of threads and processes; pickles as an address. Nothing is opened, and no file is made, before the first call that needs it.

    Parameters
    ----------
    table : PointTable
        The store.
    url : str, optional
        A database by URL as SQLAlchemy takes it, or the path of an SQLite file. By default the one that the store was opened with, or else the file
        beside it. One database may serve many stores: there, a store's selections are known by the last name of its address, such as "emb.bv".
    """

    def __init__(self, table: PointTable, url: str | None = None) -> None:
        folder, url = table.reader.folder, url or table.saved_at
        place = default_place(folder)
        self._table = table
        self._database = Database(url) if url else Database(str(place)) if place else None
        # The file beside a store is the store's own, also when both are renamed.
        self._store = folder.path().rstrip("/").rpartition("/")[2] if url else ""

    @property
    def address(self) -> str | None:
        """Where they are, for people: without a password; None for a remote store without a database."""
        return self._database.address if self._database else None

    def _writable(self) -> Database:
        if self._database is None:
            raise OptionError(
                f"The store {self._table.reader.folder.url} is not on this machine, so there is no place beside it for saved selections. Give a "
                "database by its URL: --selections sqlite:///mine.selections.db, or postgresql+psycopg://host/team."
            )
        return self._database

    def save(
        self,
        name: str,
        where: Where | Spec,
        note: str = "",
        author: str | None = None,
        rows: int | None = None,
        taken: Literal["refuse", "number", "replace"] = "refuse",
        view: str = "",
    ) -> SavedSelection:
        """Save a selection.

        Parameters
        ----------
        name : str
        where : str, Filter, Filters or Spec
            Which rows. Of a spec: what passes its filters and brushes and is in its selection.
        note : str
        author : str, optional
            The user of this process by default.
        rows : int, optional
            How many rows it has, where that is known; else they are counted.
        taken : {"refuse", "number", "replace"}
            What happens when the name has other content: an error; "name 2", "name 3", … instead; or the new content takes its place. Saving the
            same content again under its name changes nothing, but for the view that is kept with it.
        view : str, optional
            All that is shown, as `Spec.to_query` gives it, to be opened again.

        Returns
        -------
        SavedSelection
            As it was saved: its name may be a numbered one.

        Raises
        ------
        NameTakenError, DatabaseError
        """
        database, wanted = self._writable(), checked_name(name)
        if taken not in ("refuse", "number", "replace"):
            raise OptionError(f"taken must be 'refuse', 'number' or 'replace', not {taken!r}.")
        filters = self._condition(where)
        packed = pack(filters)
        values = self._values(filters, packed, view) | {"author": _cleaned(_user() if author is None else author)[:200], "note": _cleaned(note)}
        values["rows"] = self._table.count(where=filters) if rows is None else int(rows)

        def work(connection: "Connection") -> str:
            kept = wanted
            found = _find(connection, self._store, kept, change=True)
            if found is not None and found.digest == packed.digest and taken != "replace":
                if view:
                    table = tables().selections
                    connection.execute(table.update().where(table.c.id == found.id).values(facts=values["facts"]))
                return kept
            if found is not None and taken == "refuse":
                free = _free(connection, self._store, wanted)
                raise NameTakenError(f"{found.author or 'Somebody'} has saved a selection {wanted!r} already. Take another name, such as {free!r}.")
            if found is not None and taken == "number":
                kept = _free(connection, self._store, wanted)
            elif found is not None:
                _remove(connection, found.id)
            _insert(connection, {**values, "name": kept}, packed)
            return kept

        return self.get(database.write(work))

    def _values(self, filters: Filters, packed: Packed, view: str) -> dict[str, Any]:
        """Return what is kept of a condition besides what people say of it."""
        manifest = self._table.manifest
        return {
            "store": self._store,
            "created": dt.datetime.now(dt.UTC).replace(tzinfo=None),
            "expression": packed.text,
            "fingerprint": manifest.fingerprint,
            "digest": packed.digest,
            "facts": json.dumps({"rows": manifest.rows, "columns": self._table.columns, "view": view}, ensure_ascii=False),
            "format": FORMAT,
        }

    def keep(self, spec: Spec) -> Saved:
        """Keep the filters, the charts and the selection of a spec for links to it, in which they have no room; `whole` puts them back.

        Returns
        -------
        Saved
            A name and a digest, both made of the content: the same content is kept once.

        Raises
        ------
        DatabaseError
        """
        view = Spec(filters=spec.filters, charts=spec.charts, selection=spec.selection).to_long_query()
        digest = digest_of_text(view)
        kept, database, filters = Saved(kept_name(digest), digest), self._writable(), self._condition(spec)
        packed = pack(filters)

        def known(connection: "Connection") -> bool:
            return _find(connection, self._store, kept.name) is not None

        def work(connection: "Connection") -> None:
            if not known(connection):
                _insert(connection, values, packed)

        if not database.read(known, False):
            values = self._values(filters, packed, view) | {"author": _cleaned(_user())[:200], "note": KEPT_NOTE}
            values |= {"rows": self._table.count(where=filters), "name": kept.name, "digest": digest}
            database.write(work)
        return kept

    def whole(self, spec: Spec) -> Spec:
        """Return a spec with the filters, charts and selection that were kept for a link to it; the same spec where it has its own.

        Raises
        ------
        SelectionMissingError
            When nobody has kept them here, or somebody has deleted them.
        """
        if spec.kept is None:
            return spec
        found = self.get(spec.kept.name, spec.kept.digest)
        inner = Spec.from_query(found.view)
        return spec.replaced(kept=None, filters=inner.filters, charts=inner.charts, selection=inner.selection)

    def _condition(self, where: Where | Spec) -> Filters:
        if not isinstance(where, Spec):
            return Filters.of(where)
        saved = self.named(where)
        return where.where(saved) & where.selected(saved)

    def list(self) -> tuple[SavedSelection, ...]:
        """Return what is saved, the newest first, without the conditions themselves."""
        if self._database is None:
            return ()

        def work(connection: "Connection") -> "Sequence[Row[Any]]":
            table = tables().selections
            query = table.select().where(table.c.store == self._store).order_by(table.c.created.desc(), table.c.id.desc())
            return connection.execute(query).fetchall()

        found: Sequence[Any] = self._database.read(work, [])
        return tuple(_told(row) for row in found)

    def get(self, name: str, digest: str = "") -> SavedSelection:
        """Return a selection with its condition.

        Parameters
        ----------
        name : str
        digest : str, optional
            Of its expression, as a link has it: one that was renamed since is found by it.

        Raises
        ------
        SelectionMissingError
            The message lists what is saved, and the closest name.
        """

        def work(connection: "Connection") -> tuple[Any, Sequence[Any]] | None:
            row = _find(connection, self._store, name.strip())
            if digest and (row is None or row.digest != digest):
                row = _find_digest(connection, self._store, digest) or row
            if row is None:
                return None
            parts = tables().parts
            return row, connection.execute(parts.select().where(parts.c.selection == row.id).order_by(parts.c.place)).fetchall()

        found = self._database.read(work, None) if self._database else None
        if found is None:
            raise self._missing(name)
        row, parts = found
        if row.format > FORMAT:
            raise InputError(f"The selection {row.name!r} was saved by a newer bigview. Install a newer one to open it.")
        return _told(row, unpack(row.expression, [part.data for part in parts]))

    def _missing(self, name: str) -> SelectionMissingError:
        names = [selection.name for selection in self.list()]
        return SelectionMissingError(f"No selection {name!r} is saved. {closest(name, names) if names else 'Nothing is saved yet.'}")

    def named(self, spec: Spec) -> dict[str, Where]:
        """Return what the saved selections named in a spec hold, as `Spec.where` and `Spec.selected` take it."""
        parts = [*spec.filters, *(part for _, part in spec.selection)]
        return {part.name: self.get(part.name, part.digest).where for part in parts if isinstance(part, Saved)}

    def rename(self, old: str, new: str) -> None:
        """Give a selection another name."""
        wanted = checked_name(new)

        def work(connection: "Connection") -> bool:
            row, other = _find(connection, self._store, old.strip(), change=True), _find(connection, self._store, wanted)
            if row is None:
                return False
            if other is not None and other.id != row.id:
                free = _free(connection, self._store, wanted)
                raise NameTakenError(f"{other.author or 'Somebody'} has saved a selection {wanted!r} already. Take another name, such as {free!r}.")
            table = tables().selections
            connection.execute(table.update().where(table.c.id == row.id).values(name=wanted))
            return True

        self._change(old, work)

    def delete(self, name: str) -> None:
        """Forget a selection."""

        def work(connection: "Connection") -> bool:
            row = _find(connection, self._store, name.strip(), change=True)
            if row is not None:
                _remove(connection, row.id)
            return row is not None

        self._change(name, work)

    def annotate(self, name: str, note: str, was: str | None = None) -> None:
        """Change the note of a selection.

        Parameters
        ----------
        name, note : str
        was : str, optional
            The note that the person has edited. When it is another one by now, nothing is changed, and the error has the newer text.
        """

        def work(connection: "Connection") -> bool:
            row = _find(connection, self._store, name.strip(), change=True)
            if row is None:
                return False
            if was is not None and row.note not in (was, _cleaned(note)):
                raise InputError(f"Somebody else has changed the note of {row.name!r} meanwhile. It says now: {row.note}")
            table = tables().selections
            connection.execute(table.update().where(table.c.id == row.id).values(note=_cleaned(note)))
            return True

        self._change(name, work)

    def _change(self, name: str, work: Any) -> None:
        database = self._writable()
        if not database.exists or not database.write(work):
            raise self._missing(name)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may know no user
        return ""


def _cleaned(text: str) -> str:
    """Return a text as every database takes it: without zero bytes, and without halves of characters."""
    return str(text).replace("\x00", "").encode(errors="replace").decode().strip()


def _find(connection: "Connection", store: str, name: str, change: bool = False) -> Any:
    """Return the row of a name; one that is to be changed is held until the end of the transaction."""
    table = tables().selections
    query = table.select().where(table.c.store == store, table.c.name == name)
    return connection.execute(query.with_for_update() if change else query).first()


def _find_digest(connection: "Connection", store: str, digest: str) -> Any:
    table = tables().selections
    return connection.execute(table.select().where(table.c.store == store, table.c.digest == digest).order_by(table.c.id.desc())).first()


def _free(connection: "Connection", store: str, name: str) -> str:
    number = 2
    while _find(connection, store, f"{name[:190]} {number}") is not None:
        number += 1
    return f"{name[:190]} {number}"


def _insert(connection: "Connection", values: dict[str, Any], packed: Packed) -> None:
    made: Any = connection.execute(tables().selections.insert().values(**values)).inserted_primary_key
    if packed.parts:
        connection.execute(tables().parts.insert(), [{"selection": made[0], "place": place, "data": data} for place, data in enumerate(packed.parts)])


def _remove(connection: "Connection", key: int) -> None:
    selections, parts = tables().selections, tables().parts
    connection.execute(parts.delete().where(parts.c.selection == key))
    connection.execute(selections.delete().where(selections.c.id == key))


def _told(row: Any, where: Filters | None = None) -> SavedSelection:
    try:
        facts = json.loads(row.facts)
    except ValueError:
        facts = {}
    time = row.created.replace(tzinfo=dt.UTC)
    values = (row.name, row.author, time, row.note, row.rows, row.fingerprint, row.digest, row.expression)
    return SavedSelection(*values, where or Filters(), facts)
