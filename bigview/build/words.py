"""The demo's real data: the words of 42 languages, how common each is, and a vector for each.

The words and frequencies are wordfreq's (CC BY-SA 4.0), the vectors wordllama's. Both packages bring their data inside the wheel, so nothing
is downloaded.
"""

import logging
import os
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bigview.errors import OptionError, PackageMissingError

Progress = Callable[[str, int, int], None]

# The licence of the words, to be said wherever they are shown.
CREDIT = "Words and frequencies: wordfreq by Robyn Speer, CC BY-SA 4.0. Vectors: wordllama, MIT."
DEFAULT_ROWS = 1_000_000
# Words pooled at once: 64 MB of float32 vectors, and enough work for the tokenizer's own threads.
BLOCK_ROWS = 65_536
# Part of the file names: raise it when the content changes, so that an older cache is not taken for the new one.
CACHE_VERSION = 1

LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fil": "Filipino", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "ms": "Malay",
    "nb": "Norwegian", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sh": "Serbo-Croatian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "ta": "Tamil", "tr": "Turkish",
    "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip

_SCRIPTS = {"Cjk": "Han", "Ideographic": "Han", "Fullwidth": "Latin", "Halfwidth": "Katakana", "Katakana-Hiragana": "Katakana",
            "Masculine": "Latin", "Feminine": "Latin", "Modifier": "Symbols"}  # fmt: skip
_NO_LETTER = ("Digits", "Symbols")


class WordFiles(NamedTuple):
    """Where the words are.

    Attributes
    ----------
    metadata : Path
        Parquet with the columns word, lang, language, zipf, length, script; the most common word first.
    vectors : Path
        ``.npy``, float16, shape (rows, 256), in the same order.
    """

    metadata: Path
    vectors: Path


def words_table(rows: int | None, folder: str | Path, progress: Progress | None = None) -> WordFiles:
    """Write the words and their vectors into a folder, unless they are there.

    Parameters
    ----------
    rows : int or None
        The so many most frequent (word, language) pairs of all languages together; None for all 9.4 million.
    folder : path
        Made when it is missing. A second call finds the files and returns at once.
    progress : callable, optional
        Called with (stage, done, total).
    """
    if rows is not None and rows < 1:
        raise OptionError(f"rows is {rows}; the demo needs at least one word. Take a positive number, or 'all'.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"words-{'all' if rows is None else rows}-v{CACHE_VERSION}"
    files = WordFiles(folder / f"{name}.parquet", folder / f"{name}-vectors.npy")
    report = progress or (lambda stage, done, total: None)
    # Each file appears whole, under its name, or not at all: what an interrupted run finished is kept.
    if not files.metadata.exists():
        with _atomic(files.metadata) as part:
            pq.write_table(_metadata(rows, report), part, compression="zstd")
    if not files.vectors.exists():
        words = pq.read_table(files.metadata, columns=["word"]).column("word")
        with _atomic(files.vectors) as part:
            _write_vectors(words, part, report)
    return files


@contextmanager
def _atomic(path: Path) -> Iterator[Path]:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


# --- words and frequencies -------------------------------------------------------------------------------------------------------------


def _metadata(rows: int | None, report: Progress) -> pa.Table:
    try:
        from wordfreq import available_languages, read_cBpack
    except ImportError as error:
        raise PackageMissingError("The words of the demo come from wordfreq: pip install 'bigview[demo]'.") from error
    languages = sorted(available_languages("best").items())
    words, ranks, codes = [], [], []
    for number, (_, path) in enumerate(languages):
        report("read words", number, len(languages))
        # One list a centibel: the place of a list is the rarity of its words.
        lists = read_cBpack(path)
        words.append(pa.array(list(chain.from_iterable(lists)), pa.string()))
        ranks.append(np.repeat(np.arange(len(lists), dtype=np.int16), [len(item) for item in lists]))
        codes.append(np.full(len(words[-1]), number, np.int8))
    report("read words", len(languages), len(languages))
    rank = np.concatenate(ranks)
    order = np.argsort(rank, kind="stable")[:rows]
    word = pc.take(pa.chunked_array(words), pa.array(order)).combine_chunks()
    code = np.concatenate(codes)[order]
    return pa.table(
        {
            "word": word,
            "lang": _categories(code, [lang for lang, _ in languages]),
            "language": _categories(code, [LANGUAGES.get(lang, lang) for lang, _ in languages]),
            "zipf": (9 - rank[order] / 100).astype(np.float32),
            "length": pc.cast(pc.utf8_length(word), pa.int16()),
            "script": scripts(word),
        }
    )


def _categories(codes: NDArray[np.int8], names: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names))


def scripts(words: pa.Array) -> pa.Array:
    """Return the script of each word: that of its first letter, or Digits or Symbols where there is none.

    Parameters
    ----------
    words : pyarrow.Array
        Texts.

    Returns
    -------
    pyarrow.DictionaryArray
    """
    # A few thousand different first characters stand for millions of words.
    first = pc.dictionary_encode(pc.utf8_slice_codeunits(words, 0, 1), null_encoding="encode")
    named = [_script_of(text or "") for text in first.dictionary.to_pylist()]
    names = sorted({name for name in named if name is not None} | set(_NO_LETTER))
    number = {name: code for code, name in enumerate(names)}
    table = np.array([-1 if name is None else number[name] for name in named], np.int16)
    codes = table[first.indices.to_numpy(zero_copy_only=False)]
    for row in np.flatnonzero(codes < 0):
        name = next(filter(None, map(_script_of, words[int(row)].as_py() or "")), None)
        if name is None:
            name = _NO_LETTER[0 if any(map(str.isdigit, words[int(row)].as_py() or "")) else 1]
        if name not in number:
            number[name] = len(number)
            names.append(name)
        codes[row] = number[name]
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names))


def _script_of(character: str) -> str | None:
    if not character.isalpha():
        return None
    head = unicodedata.name(character, "Symbols").split()[0].title()
    return _SCRIPTS.get(head, head)


# --- vectors ---------------------------------------------------------------------------------------------------------------------------


def _write_vectors(words: pa.ChunkedArray, path: Path, report: Progress) -> None:
    """Write the vector of every word; each distinct word goes through the tokenizer once."""
    from scipy.sparse import csr_array

    tokenizer, table = _model()
    encoded = words.combine_chunks().dictionary_encode()
    tokens, starts = _tokens(tokenizer, encoded.dictionary, len(table), report)
    distinct = encoded.indices.to_numpy()
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(len(words), table.shape[1]))
    for low in range(0, len(words), BLOCK_ROWS):
        report("vectors", low, len(words))
        mine = distinct[low : low + BLOCK_ROWS]
        length = starts[mine + 1] - starts[mine]
        ends = np.cumsum(length)
        # The mean of the tokens' vectors as one sparse product; a word without tokens keeps the zero vector.
        which = np.repeat(starts[mine] - (ends - length), length) + np.arange(ends[-1])
        share = np.repeat(1 / np.maximum(length, 1), length).astype(np.float32)
        pooled = csr_array((share, tokens[which], np.concatenate(([0], ends))), shape=(len(mine), len(table)))
        out[low : low + len(mine)] = pooled @ table
    out.flush()
    report("vectors", len(words), len(words))


def _tokens(tokenizer: Any, words: pa.Array, vocabulary: int, report: Progress) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    ids, lengths = [], []
    for low in range(0, len(words), BLOCK_ROWS):
        report("tokens", low, len(words))
        batch = tokenizer.encode_batch_fast(words.slice(low, BLOCK_ROWS).to_pylist(), add_special_tokens=False)
        lists = [item.ids for item in batch]
        ids.append(np.fromiter(chain.from_iterable(lists), np.int32))
        lengths.append(np.fromiter(map(len, lists), np.int64, len(lists)))
    report("tokens", len(words), len(words))
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.concatenate(lengths))))
    return np.clip(np.concatenate(ids), 0, vocabulary - 1), starts


def _model() -> tuple[Any, NDArray[np.float32]]:
    """Return the tokenizer and the vector of each token."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        import wordllama
    except ImportError as error:
        raise PackageMissingError("The vectors of the demo come from wordllama: pip install 'bigview[demo]'.") from error
    finally:
        # Its import sets up logging for the whole process.
        root.handlers[:] = handlers
        root.setLevel(level)
    # The weights are inside the package; the default folder is looked for elsewhere.
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    model.tokenizer.no_padding()
    return model.tokenizer, np.ascontiguousarray(model.embedding, np.float32)
