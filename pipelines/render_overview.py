"""Draw overview images of a store: its density, and one image for each column that gives good colours.

    python pipelines/render_overview.py emb.bv images/
"""

import argparse
from pathlib import Path

import bigview as bv


def main() -> None:
    """Draw the images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--light", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    store = bv.open(given.store)
    colours = [name for name, kind in store.columns.items() if kind in ("category", "boolean", "number") and name not in ("x", "y")]
    for name in [None, *colours]:
        path = given.folder / f"{name or 'density'}.png"
        store.render(path, width=given.width, by=name, dark=not given.light)
        print(path)


if __name__ == "__main__":
    main()
