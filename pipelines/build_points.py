"""Build a store from Parquet files of embeddings: change the names, and it is your own pipeline.

    python pipelines/build_points.py "emb/*.parquet" emb.bv --key doc_id --scheduler tcp://scheduler:8786
"""

import argparse

import bigview as bv


def main() -> None:
    """Build the store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+")
    parser.add_argument("store")
    parser.add_argument("--x", default="x")
    parser.add_argument("--y", default="y")
    parser.add_argument("--key", help="column of your own id")
    parser.add_argument("--scheduler", help="a running Dask scheduler")
    given = parser.parse_args()
    store = bv.build_points(given.data, given.store, x=given.x, y=given.y, key=given.key, scheduler=given.scheduler)
    print(store, store.columns, sep="\n")


if __name__ == "__main__":
    main()
