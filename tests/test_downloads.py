"""Exports over HTTP: whole, only to whom the server lets in, and only as long as they are offered."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow.feather as feather
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.simple_httpclient import HTTPStreamClosedError

from bigview.app import downloads
from bigview.app.downloads import Wanted, desk
from bigview.app.server import make_server
from bigview.build.points import build_points
from bigview.spec import Filters
from bigview.stores import open as open_store
from tests import loops

ROWS = 3_000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"x": rng.normal(size=ROWS), "y": rng.normal(size=ROWS), "word": [f"=word {row}" for row in range(ROWS)]})
    folder = tmp_path_factory.mktemp("downloads")
    build_points(table, str(folder / "a b.bv"), x="x", y="y")
    return open_store(str(folder / "a b.bv"))


def _answers(store, asks, **options):
    """Return the answers of a server to some addresses, which `asks` makes while it runs."""

    async def run():
        server = make_server(store.reader.folder.url, **options)
        server.start()
        client = AsyncHTTPClient()
        try:
            found = []
            for address in asks():
                request = HTTPRequest(f"http://localhost:{server.port}/{address}", follow_redirects=False)
                found.append(await client.fetch(request, raise_error=False))
            return found
        finally:
            server.stop()

    return loops.run(run())


@pytest.mark.parametrize("format", ["parquet", "csv", "arrow"])
def test_the_file_has_the_rows(store, format):
    wanted = Wanted(store, Filters.of("x > 0"), None, ("word",), format)
    (answer,) = _answers(store, lambda: [desk().address(wanted)])
    assert answer.code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="a-b-')
    read = {"parquet": pd.read_parquet, "csv": pd.read_csv, "arrow": feather.read_feather}[format]
    truth = store.rows(where="x > 0", limit=ROWS, columns=["word"])
    found = read(io.BytesIO(answer.body))
    assert found["__row"].tolist() == truth["__row"].tolist()
    words = found["word"].str.removeprefix("'") if format == "csv" else found["word"]  # a spreadsheet must not run them
    assert words.tolist() == truth["word"].tolist()


def test_an_address_ends_when_it_is_taken_back(store):
    def asks():
        address = desk().address(Wanted(store, Filters(), None, None, "csv"))
        desk().revoke([address])
        return [address, "export/guess", "export/", "export/../manifest.json"]

    assert [answer.code for answer in _answers(store, asks)] == [404, 404, 404, 404]


def test_an_address_is_no_way_past_the_login(store, tmp_path):
    users = tmp_path / "users.json"
    users.write_text(json.dumps({"ann": "secret"}))
    (answer,) = _answers(store, lambda: [desk().address(Wanted(store, Filters(), None, None, "csv"))], auth=str(users))
    assert answer.code == 302
    assert answer.headers["Location"].startswith("/login")
    assert b"word" not in answer.body


def test_half_a_file_does_not_look_whole(store, monkeypatch):
    def chunks(*_, **__):
        def made():
            yield b"first"
            raise OSError("the disk is gone")

        return "a.csv", "text/csv", made()

    monkeypatch.setattr(downloads, "export_chunks", chunks)
    with pytest.raises(HTTPStreamClosedError):
        _answers(store, lambda: [desk().address(Wanted(store, Filters(), None, None, "csv"))])
