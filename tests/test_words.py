"""The words of the demo: what is in the table, whose vectors these are, and that nothing is written by halves."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

wordfreq = pytest.importorskip("wordfreq", reason="pip install 'bigview[demo]'")
wordllama = pytest.importorskip("wordllama", reason="pip install 'bigview[demo]'")

from bigview.build import words as module  # noqa: E402
from bigview.build.words import LANGUAGES, WordFiles, scripts, words_table  # noqa: E402
from bigview.errors import OptionError  # noqa: E402

ROWS = 3_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> WordFiles:
    return words_table(ROWS, tmp_path_factory.mktemp("words"))


def test_the_most_common_words_of_all_languages(files):
    table = pq.read_table(files.metadata)
    assert table.column_names == ["word", "lang", "language", "zipf", "length", "script"]
    frame = table.to_pandas()
    assert len(frame) == ROWS
    assert frame["zipf"].is_monotonic_decreasing
    assert frame["zipf"].dtype == np.float32
    assert frame["length"].dtype == np.int16
    assert (frame["length"] == frame["word"].str.len()).all()
    assert not frame.duplicated(["word", "lang"]).any()
    assert (frame["lang"].astype(str).map(LANGUAGES) == frame["language"].astype(str)).all()
    the = frame[(frame["word"] == "the") & (frame["lang"] == "en")].iloc[0]
    assert (the["language"], the["script"]) == ("English", "Latin")
    assert the["zipf"] == pytest.approx(7.73, abs=0.05)
    assert {"Latin", "Cyrillic", "Arabic", "Han", "Hebrew", "Greek", "Tamil"} <= set(frame["script"])


def test_vectors_are_those_of_the_model(files):
    words = pq.read_table(files.metadata, columns=["word"])["word"].to_pylist()
    vectors = np.load(files.vectors)
    assert vectors.shape == (ROWS, 256)
    assert vectors.dtype == np.float16
    rows = np.random.default_rng(0).choice(ROWS, 200, replace=False)
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    expected = model.embed([words[row] for row in rows])
    np.testing.assert_allclose(vectors[rows], expected, rtol=2e-3, atol=2e-3)


def test_a_second_call_writes_nothing(files):
    before = [path.stat().st_mtime_ns for path in files]
    calls: list[str] = []
    assert words_table(ROWS, files.metadata.parent, lambda stage, done, total: calls.append(stage)) == files
    assert [path.stat().st_mtime_ns for path in files] == before
    assert not calls


@pytest.fixture
def few_languages(monkeypatch):
    found = wordfreq.available_languages("small")
    monkeypatch.setattr(wordfreq, "available_languages", lambda _: {lang: found[lang] for lang in ("en", "vi", "ur")})


@pytest.mark.usefixtures("few_languages")
def test_what_an_interrupted_run_finished_is_kept(tmp_path, monkeypatch):
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    whole = words_table(100, tmp_path / "whole")
    tmp_path = tmp_path / "broken"
    with monkeypatch.context() as patch:
        patch.setattr(module, "_write_vectors", broken)
        with pytest.raises(KeyboardInterrupt):
            words_table(100, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]
    again = words_table(100, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(again)
    np.testing.assert_array_equal(np.load(again.vectors), np.load(whole.vectors))


@pytest.mark.usefixtures("few_languages")
def test_progress_goes_from_nothing_to_all(tmp_path):
    seen: dict[str, list[tuple[int, int]]] = {}
    words_table(50, tmp_path, lambda stage, done, total: seen.setdefault(stage, []).append((done, total)))
    assert list(seen) == ["read words", "tokens", "vectors"]
    for steps in seen.values():
        assert steps[0][0] == 0
        assert steps[-1][0] == steps[-1][1]


def test_scripts():
    known = {
        "über": "Latin", "слово": "Cyrillic", "漢字": "Han", "ひらがな": "Hiragana", "カタカナ": "Katakana", "한국": "Hangul", "كلمة": "Arabic",
        "λόγος": "Greek", "'tis": "Latin", "42": "Digits", "4th": "Latin", "☃": "Symbols", "": "Symbols", "々": "Han", "ª": "Latin",
    }  # fmt: skip
    assert scripts(pa.array(list(known))).to_pylist() == list(known.values())


def test_a_word_without_tokens_has_the_zero_vector(tmp_path):
    module._write_vectors(pa.chunked_array([["", "word", ""]]), tmp_path / "v.npy", lambda *_: None)
    vectors = np.load(tmp_path / "v.npy")
    assert not vectors[[0, 2]].any()
    assert vectors[1].any()


def test_no_rows_is_refused(tmp_path):
    with pytest.raises(OptionError, match="at least one word"):
        words_table(0, tmp_path)


def test_loading_the_model_leaves_logging_alone():
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    module._model()
    assert (root.level, root.handlers) == before
