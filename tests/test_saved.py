"""Saved selections: what was saved comes back, whoever else writes at the time, and whatever has become of the store."""

import datetime as dt
import json
import pickle
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.errors import DatabaseError, InputError, NameTakenError, OptionError, PackageMissingError, SelectionMissingError
from bigview.part import digest
from bigview.spec import Filters
from bigview.store.database import Database
from bigview.store.packed import pack, unpack
from bigview.store.points import PointTable
from bigview.store.saved import Selections
from tests.views import store, table


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> PointTable:
    return store(tmp_path_factory.mktemp("saved"), table(2000))


@pytest.fixture
def saved(built: PointTable, tmp_path: Path) -> Selections:
    return Selections(built, str(tmp_path / "team.db"))


def test_what_is_saved_comes_back(built: PointTable, saved: Selections) -> None:
    where = bv.Filter("score > 0.5") & bv.Filter(rows=range(0, 2000, 3))
    before = dt.datetime.now(dt.UTC)
    made = saved.save(" Good ones ", where, note="look at\nthese", author="Ann")
    again = saved.get("Good ones")
    assert made == again
    assert again.where == where
    assert again.rows == built.count(where=where) == built.count(where=again.where)
    assert (again.author, again.note, again.fingerprint) == ("Ann", "look at\nthese", built.manifest.fingerprint)
    assert before <= again.time <= dt.datetime.now(dt.UTC)
    assert again.link == bv.Saved("Good ones", again.digest)
    assert again.differences(built) == []
    assert saved.list() == (again,)


def test_the_newest_comes_first_and_a_condition_is_loaded_only_when_asked(saved: Selections) -> None:
    for name in ("one", "two", "three"):
        saved.save(name, f"votes > {len(name)}")
    assert [entry.name for entry in saved.list()] == ["three", "two", "one"]
    assert not any(entry.where for entry in saved.list())
    assert all(entry.author for entry in saved.list())


CORNER = st.one_of(st.floats(-1e6, 1e6), st.integers(-1000, 1000), st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)))
PARTS = st.one_of(
    st.sampled_from(["score > 0.5", "label = 'a'", "text LIKE '%\u20ac\"%'"]).map(bv.Filter),
    st.lists(st.tuples(CORNER, CORNER), min_size=3, max_size=200).map(lambda corners: bv.Filter(polygon=corners)),
    st.sets(st.integers(0, 2**62), max_size=200).map(lambda rows: bv.Filter(rows=rows)),
    st.tuples(st.integers(0, 4), st.integers(5, 9), st.integers(0, 99)).map(lambda split: bv.Filter(split=split)),
)
CONDITIONS = st.recursive(
    st.lists(PARTS, max_size=4).map(lambda parts: Filters.of(*plain(*parts))),
    lambda inner: st.tuples(
        st.lists(PARTS, max_size=2), st.lists(st.tuples(st.sampled_from(["add", "subtract", "intersect"]), inner), max_size=3)
    ).map(lambda both: Filters.of(*plain(*both[0]), Filters.stepwise(both[1]))),
    max_leaves=4,
)


def plain(*parts: bv.Filter) -> "tuple[bv.Filter, ...]":
    """Return parts as specs hold them: times as texts."""
    return bv.Spec(filters=parts).filters  # type: ignore[return-value]


@given(CONDITIONS)
def test_expressions_come_back(where: Filters) -> None:
    packed = pack(where)
    json.loads(packed.text)
    assert unpack(packed.text, packed.parts) == where
    assert pack(unpack(packed.text, packed.parts)) == packed
    assert len(packed.text) < 100_000


@given(PARTS)
def test_the_digest_is_that_of_a_link(part: bv.Filter) -> None:
    assert pack(Filters.of(part)).digest == digest(plain(part)[0])


@given(CONDITIONS, PARTS)
def test_the_digest_is_of_the_content(where: Filters, part: bv.Filter) -> None:
    more = bv.Filter("votes = -17")
    assert pack(Filters.of(where, part)).digest == pack(Filters.of(part, where)).digest
    assert pack(where & more).digest != pack(where).digest
    added, taken = (Filters.stepwise([("add", part), (op, more)]) for op in ("add", "subtract"))
    assert pack(added).digest != pack(taken).digest


def test_large_parts_are_small_bytes(built: PointTable, saved: Selections, tmp_path: Path) -> None:
    turn = np.linspace(0, 2 * np.pi, 10_000, endpoint=False)
    lasso = bv.Filter(polygon=np.column_stack([np.cos(turn), np.sin(turn)]))
    rows = bv.Filter(rows=np.flatnonzero(np.random.default_rng(0).random(2_000_000) < 0.1))
    made = [saved.save("lasso", lasso), saved.save("rows", rows)]
    assert [entry.where for entry in made] == [Filters.of(lasso), Filters.of(rows)]
    assert all(len(entry.expression) < 100 for entry in made)
    assert (tmp_path / "team.db").stat().st_size < 800_000  # 200,000 numbers in under a byte each, and the corners as text


def test_a_spec_keeps_its_filters_brushes_and_steps(built: PointTable, saved: Selections) -> None:
    first = saved.save("first", "votes > 10")
    chart = bv.Chart("histogram", ("score",), "score < 0.5")
    made = saved.save("second", bv.Spec(filters=[first.link, "flag"], charts=[chart]))
    assert made.where == Filters.of("votes > 10", "flag", "score < 0.5")
    assert made.rows == built.count(where="votes > 10 AND flag AND score < 0.5")
    steps = bv.Spec(filters="flag", selection=[("add", first.link), ("subtract", bv.Filter(rows=[1, 2])), ("add", bv.Filter("score > 0.9"))])
    third = saved.save("third", steps)
    ids = set(built.rows(where="flag AND votes > 10", limit=9999)["__row"]) - {1, 2} | set(
        built.rows(where="flag AND score > 0.9", limit=9999)["__row"]
    )
    assert set(built.rows(where=third.where, limit=9999)["__row"]) == ids
    assert third.rows == len(ids)
    assert saved.get("third").where == third.where
    assert saved.named(bv.Spec(filters=[made.link], selection=[("add", third.link)])) == {"second": made.where, "third": third.where}


# --- names --------------------------------------------------------------------------------------------------------------------------------


def test_a_name_that_is_taken(saved: Selections) -> None:
    saved.save("a", "votes > 1", author="Ann")
    with pytest.raises(NameTakenError, match=r"Ann has saved a selection 'a' already.*'a 2'"):
        saved.save("a", "votes > 2", author="Ben")
    assert saved.save("a", "votes > 1", note="other").note == "", "the same again changes nothing"
    assert saved.save("a", "votes > 2", taken="number").name == "a 2"
    assert saved.save("a", "votes > 3", taken="number").name == "a 3"
    assert saved.save("a", "votes > 4", taken="replace").where == Filters.of("votes > 4")
    assert sorted(entry.name for entry in saved.list()) == ["a", "a 2", "a 3"]


def test_rename_delete_and_notes(saved: Selections) -> None:
    made = saved.save("old", bv.Filter(rows=[1, 2, 3]))
    saved.save("other", "flag")
    saved.rename("old", "new")
    assert saved.get("new").where == made.where
    assert saved.get("old", made.digest).name == "new", "a link finds what was renamed"
    with pytest.raises(NameTakenError, match="'other'"):
        saved.rename("new", "other")
    saved.rename("new", "new")
    saved.annotate("new", "first")
    saved.annotate("new", "second", was="first")
    with pytest.raises(InputError, match="It says now: second"):
        saved.annotate("new", "third", was="first")
    assert saved.get("new").note == "second"
    saved.delete("new")
    assert [entry.name for entry in saved.list()] == ["other"]
    for call in (lambda: saved.get("othr"), lambda: saved.delete("othr"), lambda: saved.rename("othr", "x"), lambda: saved.annotate("othr", "x")):
        with pytest.raises(KeyError, match="Did you mean 'other'"):
            call()


def test_a_replaced_selection_leaves_no_bytes(saved: Selections, tmp_path: Path) -> None:
    for place in range(3):
        saved.save("a", bv.Filter(rows=range(place, 1000)), taken="replace")
    with sqlite3.connect(tmp_path / "team.db") as connection:
        assert connection.execute("SELECT count(*) FROM bigview_selection_parts").fetchall() == [(1,)]
    connection.close()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "x" * 201, None, 7])
def test_bad_names(saved: Selections, name: object) -> None:
    with pytest.raises(OptionError, match="name"):
        saved.save(name, "flag")  # type: ignore[arg-type]


def test_names_and_notes_are_texts_whatever_is_in_them(saved: Selections) -> None:
    strange = "x'); DROP TABLE bigview_selections; -- \U0001f980 %s :name"
    saved.save(strange, "flag", note=strange, author=strange)
    assert [(entry.name, entry.note, entry.author) for entry in saved.list()] == [(strange, strange, strange)]


# --- the store changes ----------------------------------------------------------------------------------------------------------------------


def test_selections_survive_a_rebuild_and_tell_what_has_changed(tmp_path: Path) -> None:
    frame = table(500)
    made = store(tmp_path, frame)
    assert made.selections().list() == ()
    assert not (tmp_path / "points.selections.db").exists(), "looking makes no file"
    made.selections().save("good", bv.Filter("score > 0.5") & bv.Filter(rows=[1, 2]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["points.bv", "points.selections.db"], "nothing stays open beside it"
    again = store(tmp_path, frame[:400].drop(columns="score").rename(columns={"votes": "likes"}).astype({"day": "int64"}))
    found = again.selections().get("good")
    told = " ".join(found.differences(again))
    for words in (
        "was built again",
        "had 500 rows then; it has 400 now",
        "no longer there: score, votes",
        "new: likes",
        "day (datetime, now integer)",
        "number in the source",
        "The clause score > 0.5 of 'good' no longer works: No column 'score'",
    ):
        assert words in told
    assert len(found.broken(again)) == 1


def test_the_same_store_elsewhere_has_the_same_selections(tmp_path: Path) -> None:
    frame = table(100)
    made = store(tmp_path, frame)
    made.selections().save("good", "flag")
    for name in ("points.bv", "points.selections.db"):
        (tmp_path / name).rename(tmp_path / name.replace("points", "moved"))
    moved = bv.open(tmp_path / "moved.bv")
    assert moved.selections().get("good").differences(moved) == []


def test_one_database_for_many_stores(tmp_path: Path) -> None:
    stores = []
    for name in ("a", "b"):
        stores.append(bv.build_points(table(50), tmp_path / f"{name}.bv", x="x", y="y", quiet=True))
        stores[-1].selections(f"sqlite:///{tmp_path}/team.db").save("mine", f"votes > {len(stores)}")
    for place, each in enumerate(stores, 1):
        [only] = each.selections(tmp_path / "team.db").list()
        assert each.selections(tmp_path / "team.db").get(only.name).where == Filters.of(f"votes > {place}")


def test_a_remote_store_needs_a_database(tmp_path: Path) -> None:
    made = bv.build_points(table(50), "memory://saved/a.bv", x="x", y="y", quiet=True)
    assert made.selections().list() == ()
    assert made.selections().address is None
    with pytest.raises(SelectionMissingError, match="Nothing is saved"):
        made.selections().get("x")
    with pytest.raises(OptionError, match="--selections"):
        made.selections().save("x", "flag")
    assert made.selections(tmp_path / "x.db").save("x", "flag").rows == made.count(where="flag")
    fsspec.filesystem("memory").rm("/saved", recursive=True)


# --- several at once ------------------------------------------------------------------------------------------------------------------------

WRITER = """
import sys, time
import bigview as bv
from bigview.store.saved import Selections
saved = Selections(bv.open(sys.argv[1]), sys.argv[2])
while time.time() < float(sys.argv[3]):
    pass
for number in range(int(sys.argv[5])):
    saved.save("same", f"votes > {sys.argv[4]}{number}", note="n" * 1000, author=sys.argv[4], taken="number", rows=0)
    saved.save(f"{sys.argv[4]} {number}", bv.Filter(rows=range(number, 2000)), rows=0)
    saved.annotate(f"{sys.argv[4]} {number}", "noted")
"""


def test_processes_write_at_once_without_loss(built: PointTable, tmp_path: Path) -> None:
    place, each = tmp_path / "team.db", 15
    begin = str(time.time() + 3)
    command = [sys.executable, "-c", WRITER, built.reader.folder.url, str(place), begin]
    running = [subprocess.Popen([*command, str(who), str(each)], stderr=subprocess.PIPE, text=True) for who in range(1, 4)]
    for process in running:
        _, complaint = process.communicate(timeout=100)
        assert process.returncode == 0, complaint
    saved = Selections(built, str(place))
    names = [entry.name for entry in saved.list()]
    assert len(set(names)) == len(names) == 3 * each * 2
    assert {name for name in names if name.startswith("same")} == {"same", *(f"same {number}" for number in range(2, 3 * each + 1))}
    wanted = {f"votes > {who}{number}" for who in range(1, 4) for number in range(each)}
    assert {saved.get(name).where.clauses[0][1] for name in names if name.startswith("same")} == wanted
    for who in range(1, 4):
        for number in range(each):
            found = saved.get(f"{who} {number}")
            assert found.where == Filters.of(bv.Filter(rows=range(number, 2000)))
            assert found.note == "noted"


def test_a_killed_writer_leaves_all_or_nothing(built: PointTable, tmp_path: Path) -> None:
    place = tmp_path / "team.db"
    process = subprocess.Popen([sys.executable, "-c", WRITER, built.reader.folder.url, str(place), "0", "9", "100000"])
    while not place.exists() or place.stat().st_size < 100_000:
        time.sleep(0.01)
        assert process.poll() is None
    process.kill()
    process.wait()
    saved = Selections(built, str(place))
    assert len(saved.list()) > 3
    for entry in saved.list():
        assert saved.get(entry.name).where
    assert saved.save("after", "flag").rows


FORKS = """
import os, sys
from bigview.store.points import PointTable
from bigview.store.saved import Selections

saved = Selections(PointTable.open(sys.argv[1]), sys.argv[2])
saved.save("before", "flag", rows=1)
child = os.fork()
if child == 0:
    code = 1
    try:
        saved.save("child", "flag", rows=1)
        code = 0 if len(saved.list()) == 2 else 2
    finally:
        os._exit(code)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_nothing_is_shared_with_a_forked_process(built: PointTable, tmp_path: Path) -> None:
    """As a server does that forks: in a process of its own, because the one of the tests has threads of many libraries."""
    place = str(tmp_path / "team.db")
    assert subprocess.run([sys.executable, "-c", FORKS, built.reader.folder.url, place], check=False).returncode == 0
    saved = Selections(built, place)
    assert {entry.name for entry in saved.list()} == {"before", "child"}
    assert {entry.name for entry in pickle.loads(pickle.dumps(saved)).list()} == {"before", "child"}


def test_importing_and_looking_load_no_sqlalchemy(built: PointTable) -> None:
    code = f"import sys, bigview as bv; s = bv.open({built.reader.folder.url!r}); s.selections().list(); sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


# --- what may go wrong ----------------------------------------------------------------------------------------------------------------------


def test_bad_addresses(built: PointTable, tmp_path: Path) -> None:
    for url, kind, words in (
        ("nonsense://x/y", OptionError, "knows no database 'nonsense'"),
        ("sqlite://", OptionError, "need a file"),
        ("postgresql+psycopg2://ann:secret@host.invalid/team", PackageMissingError, "pip install psycopg2"),
        (str(tmp_path / "no" / "folder.db"), DatabaseError, "unable to open"),
        ("://", OptionError, "no URL"),
    ):
        with pytest.raises(kind, match=words) as caught:
            Selections(built, url).save("x", "flag", rows=1)
        assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_or_damaged(built: PointTable, tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("something else " * 100)
    for call in (lambda saved: saved.list(), lambda saved: saved.save("x", "flag", rows=1)):
        with pytest.raises(DatabaseError, match="not a database"):
            call(Selections(built, str(tmp_path / "no.db")))
    (tmp_path / "empty.db").write_bytes(b"")
    assert Selections(built, str(tmp_path / "empty.db")).list() == ()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bigview_selections SET expression = '{'",
        "UPDATE bigview_selections SET expression = '[]'",
        'UPDATE bigview_selections SET expression = \'{"version": 1, "filters": [{"rows": {"part": 5}}]}\'',
        'UPDATE bigview_selections SET expression = \'{"version": 1, "filters": [{"shell": "x"}]}\'',
        "UPDATE bigview_selection_parts SET data = x'800495'",
        "DELETE FROM bigview_selection_parts",
        "UPDATE bigview_selections SET format = 2",
    ],
)
def test_altered_rows_get_a_sentence(saved: Selections, tmp_path: Path, change: str) -> None:
    saved.save("x", bv.Filter(rows=[1, 2, 3]))
    connection = sqlite3.connect(tmp_path / "team.db")
    with connection:
        connection.execute(change)
    connection.close()
    assert len(saved.list()) == 1
    with pytest.raises(InputError, match=r"cannot be read|newer"):
        saved.get("x")
    saved.delete("x")


def test_a_folder_that_cannot_be_written_can_be_read(saved: Selections, monkeypatch: pytest.MonkeyPatch) -> None:
    saved.save("x", "flag")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert saved.get("x").where == Filters.of("flag")
    with pytest.raises(DatabaseError, match="readonly"):
        saved.save("y", "flag")


def test_a_writer_who_holds_the_database_is_waited_for(saved: Selections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved.save("x", "flag")
    holder = sqlite3.connect(tmp_path / "team.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert len(saved.list()) == 1, "readers do not wait"
    monkeypatch.setattr("bigview.store.database.PATIENCE", 0.2)
    with pytest.raises(DatabaseError, match="locked"):
        saved.save("y", "flag")
    holder.rollback()
    holder.close()
    assert saved.save("y", "flag").name == "y"


def test_a_password_is_not_told() -> None:
    assert "secret" not in Database("postgresql+psycopg://ann:secret@host/team").address
    assert pd.notna(Database("x.db").address)
