"""Build the store of the demo's words: frequencies and vectors come with pip, the map is made by UMAP.

    python pipelines/build_words.py words.bv --rows 1000000
"""

import argparse
import tempfile

import bigview as bv
from bigview.build.words import words_table


def main() -> None:
    """Build the store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--rows", type=int, default=1_000_000, help="the most frequent words of all languages")
    parser.add_argument("--cache", default=tempfile.gettempdir(), help="where words and vectors are kept")
    given = parser.parse_args()
    words = words_table(given.rows, given.cache)
    store = bv.build_points(
        words.metadata,
        given.store,
        vectors=words.vectors,
        project="umap",
        title=f"{given.rows:,} words of 42 languages",
        report={"licence": "CC BY-SA 4.0", "credit": "Words and frequencies: wordfreq (CC BY-SA 4.0). Vectors: WordLlama."},
    )
    print(store)


if __name__ == "__main__":
    main()
