"""Saved selections in a PostgreSQL server: run where BIGVIEW_POSTGRES has the URL of a database that may be written, with its password."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import bigview as bv
from bigview.errors import DatabaseError, InputError, NameTakenError, OptionError, SelectionMissingError
from bigview.spec import Filters
from bigview.store.database import Database
from bigview.store.points import PointTable
from bigview.store.saved import Selections
from tests.test_saved import WRITER
from tests.views import store, table

URL = os.environ.get("BIGVIEW_POSTGRES", "")
pytestmark = pytest.mark.skipif(not URL, reason="BIGVIEW_POSTGRES names no server")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> PointTable:
    return store(tmp_path_factory.mktemp(f"server{os.getpid()}"), table(2000))


@pytest.fixture
def saved(built: PointTable) -> Iterator[Selections]:
    made = Selections(built, URL)
    _forget(made)
    yield made
    _forget(made)


def _forget(saved: Selections) -> None:
    for one in saved.list():
        saved.delete(one.name)


def password() -> str:
    from sqlalchemy import make_url

    return str(make_url(URL).password)


def test_what_is_saved_comes_back_and_changes(built: PointTable, saved: Selections) -> None:
    made = saved.save("rows ☃", bv.Filter(rows=range(0, 2000, 3)) & bv.Filter("flag"), note="look\x00 at\nthese\ud800", author="Ann\x00")
    assert saved.get("rows ☃") == made
    assert (made.author, made.note, made.rows) == ("Ann", "look at\nthese?", built.count(where=made.where))
    saved.save("other", "votes > 1")
    assert [one.name for one in saved.list()] == ["other", "rows ☃"]
    with pytest.raises(NameTakenError, match="'other 2'"):
        saved.save("other", "votes > 2")
    with pytest.raises(NameTakenError):
        saved.rename("other", "rows ☃")
    saved.annotate("other", "mine", was="")
    with pytest.raises(InputError, match="It says now: mine"):
        saved.annotate("other", "yours", was="")
    saved.delete("other")
    with pytest.raises(SelectionMissingError, match="There are: rows"):
        saved.delete("other")
    assert password() not in str(saved.address)


def test_processes_write_at_once_without_loss(built: PointTable, saved: Selections) -> None:
    each, command = 10, [sys.executable, "-c", WRITER, built.reader.folder.url, URL, str(time.time() + 3)]
    running = [subprocess.Popen([*command, str(who), str(each)], stderr=subprocess.PIPE, text=True) for who in (1, 2)]
    for process in running:
        _, complaint = process.communicate(timeout=100)
        assert process.returncode == 0, complaint
    names = [one.name for one in saved.list()]
    assert len(set(names)) == len(names) == 2 * each * 2
    wanted = {f"votes > {who}{number}" for who in (1, 2) for number in range(each)}
    assert {saved.get(name).where.clauses[0][1] for name in names if name.startswith("same")} == wanted
    for who in (1, 2):
        for number in range(each):
            found = saved.get(f"{who} {number}")
            assert found.where == Filters.of(bv.Filter(rows=range(number, 2000)))
            assert found.note == "noted"


def wrong_addresses() -> Iterator[tuple[str, str]]:
    """Yield addresses that lead nowhere, with a word of what is said of them."""
    from sqlalchemy import make_url

    url = make_url(URL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    for changed, word in (
        (url.set(password="wr0ng"), "authentication failed"),
        (url.set(database="nowhere"), "does not exist"),
        (url.set(host="127.0.0.1", port=closed), "refused"),
        (url.set(host="nowhere.invalid"), "resolve"),
        (url.set(password=None, query={"password": "wr0ng"}), "authentication failed"),
        (url.update_query_dict({"sslrootcert": "x", "nothing": "y"}), "nothing"),
    ):
        yield changed.render_as_string(hide_password=False), word


def test_wrong_addresses_get_a_sentence_without_passwords(built: PointTable) -> None:
    for url, word in wrong_addresses():
        for call in (Selections.list, lambda one: one.save("x", "flag", rows=1)):
            with pytest.raises(DatabaseError, match=word) as caught:
                call(Selections(built, url))
            assert password() not in str(caught.value)
            assert "wr0ng" not in str(caught.value)


def test_urls_as_other_programs_write_them(saved: Selections, built: PointTable, tmp_path: Path) -> None:
    saved.save("x", "flag")
    plain = URL.partition("://")[2]
    for scheme in ("postgres", "postgresql"):
        assert [one.name for one in Selections(built, f"{scheme}://{plain}").list()] == ["x"]
    for slip in (f"postgresql//{plain}", f"postgresql:/{plain}"):
        with pytest.raises(OptionError, match="no URL") as caught:
            Database(slip).read(lambda _: 1, 0)
        assert password() not in str(caught.value)
