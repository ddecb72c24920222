"""Trees that are kept with a store, and `bigview cluster`."""

import csv
import itertools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.app.heatstate import usable_spec
from bigview.build import clustering
from bigview.build.clustering import ClusterOptions, clustered
from bigview.cli import main
from bigview.errors import ColumnError, OptionError
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec
from bigview.raster.heatlook import order_of
from bigview.store import pool
from bigview.store.trees import TreeFile, kept_trees


@pytest.fixture
def store(tmp_path: Path) -> bv.MatrixStore:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 4, 60)
    values = rng.normal(size=(4, 9))[label] * 9 + rng.normal(size=(60, 9))
    rows = pd.DataFrame({"name": [f"gene {number}" for number in range(60)], "kind": np.array(list("abcd"))[label]})
    return bv.build_matrix(values, tmp_path / "m.bv", rows=rows, quiet=True)


def test_a_tree_is_computed_once(store: bv.MatrixStore, monkeypatch: pytest.MonkeyPatch):
    tree = store.cluster("rows", method="average")
    assert [(file.side, file.options["method"]) for file in kept_trees(store)] == [("rows", "average")]

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(clustering, "cluster", never)
    again = bv.open(store.folder.url).cluster("rows", method="average")
    assert (again.index == tree.index).all()
    assert again.title == tree.title == "rows by average, euclidean"
    with pytest.raises(AssertionError):
        store.cluster("cols", method="average")
    with pytest.raises(AssertionError):
        store.cluster("rows", method="average", seed=1)


def test_a_damaged_tree_is_made_again(store: bv.MatrixStore):
    tree = store.cluster()
    (path,) = [Path(store.folder.path(file.name)) for file in kept_trees(store)]
    path.write_bytes(path.read_bytes()[:100])
    assert kept_trees(store) == []
    assert (store.cluster().heights == tree.heights).all()
    assert len(kept_trees(store)) == 1


def test_a_new_build_has_no_trees(store: bv.MatrixStore):
    store.cluster()
    again = bv.build_matrix(np.zeros((5, 5)), store.folder.url, quiet=True)
    assert kept_trees(again) == []


def test_a_store_that_cannot_be_written_to(store: bv.MatrixStore, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(type(store.folder), "replace", refused)
    assert len(store.cluster()) == 60
    assert kept_trees(store) == []


def test_what_is_stopped_is_not_kept(store: bv.MatrixStore):
    looks = itertools.count()
    with pool.stoppable(lambda: next(looks) > 0), pytest.raises(pool.Stopped):
        clustered(store, "rows", ClusterOptions())
    assert kept_trees(store) == []
    assert TreeFile(store, "rows", ClusterOptions().facts()).read() is None


def test_a_tree_is_an_order(store: bv.MatrixStore):
    rows, cols = store.cluster("rows", within="kind"), store.cluster("cols")
    assert rows.groups == 4
    grid = store.aggregate(bv.View((0, 9), (0, 60), 9, 60), rows=rows, cols=cols)
    assert (grid.to_numpy() == store.cells()[np.ix_(rows.index, cols.index)]).all()


def test_mistakes_are_named(store: bv.MatrixStore):
    with pytest.raises(ColumnError, match="kind"):
        store.cluster(within="kinds")
    with pytest.raises(OptionError, match="rows and cols"):
        store.cluster("row")  # type: ignore[arg-type]


def test_the_command(store: bv.MatrixStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["cluster", store.folder.url, "-q"]) == 0
    assert {file.side for file in kept_trees(store)} == {"rows", "cols"}
    target = tmp_path / "clusters.csv"
    assert main(["cluster", store.folder.url, "--rows", "-q", "-o", str(target), "--clusters", "4"]) == 0
    assert "60 leaves" in capsys.readouterr().out
    with target.open(newline="") as file:
        lines = list(csv.DictReader(file))
    tree = store.cluster()
    assert [line["name"] for line in lines] == [f"gene {number}" for number in tree.index]
    assert [int(line["cluster"]) for line in lines] == tree.clusters(tree.height_for(4)).tolist()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "best"], "no method"),
        (["-o", "x.csv"], "--rows or --cols"),
        (["--rows", "--within", "colour"], "colour"),
        (["--clusters", "0"], "at least one"),
    ],
)
def test_the_command_refuses(arguments: list[str], words: str, store: bv.MatrixStore, capsys: pytest.CaptureFixture[str]):
    assert main(["cluster", store.folder.url, *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not os.path.exists("x.csv")


@pytest.mark.parametrize("recipe", ["ward euclidean", "average correlation", "single euclidean standard", "ward cosine within cell type"])
def test_a_recipe_is_the_options_in_words(recipe: str):
    assert ClusterOptions.of_recipe(recipe).recipe == recipe


@pytest.mark.parametrize("recipe", ["", "ward", "ward euclid", "ward euclidean standard twice", "within kind"])
def test_what_is_no_recipe(recipe: str):
    with pytest.raises(OptionError):
        ClusterOptions.of_recipe(recipe)


def test_an_order_of_the_explorer(store: bv.MatrixStore):
    spec = MatrixSpec(rows=Ordering("cluster", "average euclidean"))
    assert MatrixSpec.from_query(spec.to_query()) == spec
    found, said = usable_spec(store, spec)
    assert found.rows is None
    assert "not clustered so yet" in said
    order = order_of(store, "rows", spec.rows)
    assert order is not None
    assert (order.index == store.cluster(method="average").index).all()
    assert usable_spec(store, spec) == (spec.replaced(fingerprint=store.manifest.fingerprint), "")
    assert order_of(store, "rows", spec.rows) == order
