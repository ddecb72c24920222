"""The database of saved selections: its tables, and transactions that wait for each other.

SQLite in WAL mode, or whatever SQLAlchemy opens by URL. No connection outlives its transaction, so nothing is shared with a forked process, and a
file that nobody writes is one file, which can be copied. SQLAlchemy is loaded by the first use.
"""

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote

from bigview.errors import DatabaseError, OptionError, PackageMissingError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData, Table
    from sqlalchemy.engine import URL

T = TypeVar("T")

FORMAT = 1
"""Of a saved row; a reader refuses newer ones."""
PATIENCE = 20.0  # seconds that a writer waits for others: each holds the database for milliseconds
_PAUSE = 0.05  # seconds between tries where the database itself does not wait, as while it becomes one of WAL mode
_POSTGRES = "postgresql+psycopg"
_ANSWER = 10  # seconds for the server to answer at all: an address that leads nowhere is told before the person gives up
_LONGEST = 200  # characters of a name


class Tables(NamedTuple):
    """The two tables: selections, and the bytes of their large parts."""

    selections: "Table"
    parts: "Table"
    all: "MetaData"


@cache
def tables() -> Tables:
    """Return the tables of the database."""
    from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

    every = MetaData()
    selections = Table(
        "bigview_selections",
        every,
        Column("id", Integer, primary_key=True),
        Column("store", String(_LONGEST), nullable=False),
        Column("name", String(_LONGEST), nullable=False),
        Column("author", String(_LONGEST), nullable=False),
        Column("created", DateTime, nullable=False),
        Column("note", Text, nullable=False),
        Column("expression", Text, nullable=False),
        Column("rows", BigInteger, nullable=False),
        Column("fingerprint", String(64), nullable=False),
        Column("digest", String(32), nullable=False),
        Column("facts", Text, nullable=False),
        Column("format", Integer, nullable=False),
        UniqueConstraint("store", "name"),
    )
    parts = Table(
        "bigview_selection_parts",
        every,
        Column("selection", Integer, primary_key=True, autoincrement=False),
        Column("place", Integer, primary_key=True, autoincrement=False),
        Column("data", LargeBinary, nullable=False),
    )
    return Tables(selections, parts, every)


class Database:
    """The address of a database, and transactions in it.

    Parameters
    ----------
    url : str
        A URL as SQLAlchemy takes it ("postgresql+psycopg://host/team"), or the path of an SQLite file.
    """

    def __init__(self, url: str) -> None:
        self._given = url

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._given,)

    @property
    def _is_path(self) -> bool:
        # A URL with a slip of the pen is no path: a file of that name would tell its password.
        return "://" not in self._given and not re.match(r"\w+(\+\w+)?(:/|//)[^/]*@", self._given)

    @cached_property
    def _url(self) -> "URL":
        from sqlalchemy import URL, make_url
        from sqlalchemy.exc import ArgumentError

        if self._is_path:
            return URL.create("sqlite", database=str(self.file))
        try:
            url = make_url(self._given)
        except (ArgumentError, ValueError):  # their texts hold the address, with its password
            raise OptionError("The address of the saved selections is no URL of a database, such as postgresql+psycopg://host/team.") from None
        if url.drivername in ("postgres", "postgresql"):  # as other programs write it; which driver that meant has changed with SQLAlchemy
            url = url.set(drivername=_POSTGRES)
        if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
            raise OptionError("Saved selections need a file: sqlite:///team.selections.db, not an SQLite database in memory.")
        return url

    @property
    def address(self) -> str:
        """The URL for people: without its password, and without options, which may hold another."""
        return self._url.set(query={}).render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        if self._is_path:
            return Path(self._given).absolute()
        return Path(str(self._url.database)) if self._url.get_backend_name() == "sqlite" else None

    @property
    def exists(self) -> bool:
        """Whether there is anything to read."""
        return self.file is None or self.file.exists()

    @cached_property
    def _engine(self) -> "Engine":
        from sqlalchemy import create_engine, event
        from sqlalchemy.exc import NoSuchModuleError
        from sqlalchemy.pool import NullPool

        try:
            if self.file is not None:
                engine = create_engine("sqlite://", creator=self._opened, poolclass=NullPool)
                event.listen(engine, "begin", _begin)
            else:
                waits = self._url.drivername == _POSTGRES and "connect_timeout" not in self._url.query
                patience = {"connect_timeout": _ANSWER} if waits else {}
                engine = create_engine(self._url, poolclass=NullPool, connect_args=patience, hide_parameters=True)
        except ImportError as error:
            wanted = '"bigview[postgres]"' if self._url.drivername == _POSTGRES else error.name
            raise PackageMissingError(f"{self.address} needs the package {error.name or 'of its driver'}: pip install {wanted}.") from error
        except NoSuchModuleError as error:
            raise OptionError(f"SQLAlchemy knows no database {self._url.drivername!r}. Take sqlite:///… or postgresql+psycopg://….") from error
        return engine

    def _opened(self) -> sqlite3.Connection:
        """Return a connection to the file; one to a folder that cannot be written reads, and waits for nobody."""
        file = self.file
        assert file is not None
        if file.exists() and not os.access(file.parent, os.W_OK):
            # Where the side files of WAL mode cannot be made, SQLite reads only what it is told not to change.
            still = "" if file.with_name(f"{file.name}-wal").exists() else "&immutable=1"
            connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro{still}", uri=True, timeout=PATIENCE, check_same_thread=False)
            connection.isolation_level = None
            return connection
        connection = sqlite3.connect(file, timeout=PATIENCE, check_same_thread=False)
        try:
            connection.isolation_level = None  # transactions are begun by `_begin`, not by the driver's guess
            connection.execute("PRAGMA journal_mode = WAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def read(self, work: "Callable[[Connection], T]", nothing: T) -> T:
        """Return what `work` reads; `nothing` where the database does not exist."""
        return self._run(work, False) if self.exists and self._has_tables else nothing

    @property
    def _has_tables(self) -> bool:
        from sqlalchemy import inspect

        return bool(self._run(lambda connection: inspect(connection).has_table(tables().selections.name), False))

    def write(self, work: "Callable[[Connection], T]") -> T:
        """Return what `work` returns, having changed the database wholly or, where it raises, not at all."""
        from sqlalchemy import inspect
        from sqlalchemy.schema import CreateTable

        def whole(connection: "Connection") -> T:
            there = inspect(connection).get_table_names()  # asked first: a team's members may have no right to make tables
            for table in tables().all.sorted_tables:
                if table.name not in there:
                    connection.execute(CreateTable(table, if_not_exists=True))
            return work(connection)

        return self._run(whole, True)

    def _run(self, work: "Callable[[Connection], T]", write: bool) -> T:
        from sqlalchemy.exc import DBAPIError

        last = time.monotonic() + PATIENCE
        while True:
            try:
                with self._words(), self._engine.connect() as plain, plain.execution_options(bigview_write=write) as connection, connection.begin():
                    return work(connection)
            except DatabaseError as error:
                cause = error.__cause__
                if not (isinstance(cause, DBAPIError) and _passing(cause)) or time.monotonic() > last:
                    raise
                time.sleep(_PAUSE)

    def _discreet(self, text: str) -> str:
        """Return a driver's words without what the URL keeps secret."""
        secrets = [str(self._url.password or ""), *(str(value) for name, value in self._url.query.items() if "pass" in name.lower())]
        for secret in filter(None, secrets):
            text = text.replace(secret, "***")
        return text

    @contextmanager
    def _words(self) -> Iterator[None]:
        """Turn errors of the database into sentences."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            yield
        except SQLAlchemyError as error:
            reason = self._discreet(str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()[0])
            raise DatabaseError(
                f"The saved selections at {self.address} cannot be read or written: {reason}. Check the address and the rights, "
                "or give another database by its URL."
            ) from error


def _begin(connection: "Connection") -> None:
    # A writer takes its turn at the start: one that reads first and then finds another writing would have to give up.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("bigview_write") else "BEGIN")


def _passing(error: Any) -> bool:
    """Whether another try may do: the database is busy, or two made the same name, or the tables, at once; the next try sees what the other made."""
    from sqlalchemy.exc import IntegrityError

    text = str(error.orig).lower()
    return isinstance(error, IntegrityError) or any(word in text for word in ("locked", "busy", "could not serialize", "deadlock", "already exists"))


def checked_name(name: Any) -> str:
    """Return a name without blanks around it."""
    if not isinstance(name, str) or not name.strip():
        raise OptionError(f"A saved selection needs a name, not {name!r:.60}.")
    found = name.strip()
    if len(found) > _LONGEST or not found.isprintable():
        raise OptionError(f"The name of a saved selection has up to {_LONGEST} printable characters; {found[:30]!r}… does not.")
    return found
