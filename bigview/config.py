"""Every limit and default, with its unit and its reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Numbers that may be tuned; `bigview.config.limits` gives the ones in force.

    Attributes
    ----------
    cache_bytes : int
        Decoded columns and cells kept by the process. With 448 MB the benchmark of frames on 100 M rows ends at 1.0 GB.
    filter_bytes : int
        Bits of filter clauses kept by the process; a clause costs one bit a row.
    frame_bytes : int
        Finished grids kept by the process.
    result_bytes : int
        Largest grid or table that a call may return.
    max_pixels : int
        Largest frame that a call may ask for, in pixels: 8192 × 8192 for batch images.
    exact_rows : int
        Stores up to this size are always drawn row by row, each at its own place: 2 M rows cost 15 ms.
    sampled_rows : int
        Rows of a store above which it has a file of its sample, and charts show that first: those of 5 M rows are counted exactly in 10 to 20 ms.
    exact_cells : int
        Cells of a matrix in view that are always drawn one by one, each at its own place: 40 M cost 20 ms on two cores.
    threads : int
        Threads of the pool; 0 means the processor's cores.
    cell_rows : int
        A cell with more rows than this has its quarters in the next level.
    summary_cells : int
        Largest level whose cells are summarised for quick pictures: what covers a map of full screen at a thousand million rows.
    summary_rows : int
        Rows a cell from which a level is summarised: a summary takes 15 bytes a cell, a code takes one a row.
    quick_rows : int
        Rows in view from which a quick picture comes before the exact one: fewer than this take about 40 ms.
    busy_rows : int
        The same while other views wait for their turn, and where rows have to be read: 500,000 cost as much of the processor as their quick picture.
    searched_rows : int
        Rows whose texts are read for the first page of a search, before those of all: 30 ms for words.
    row_group : int
        Rows of a row group: 1 MB of float32 positions, decoded in 2 ms.
    text_group : int
        Rows of a row group of texts: small, so that one record costs milliseconds.
    partition_rows : int
        Rows sorted at once by a task of the build.
    partition_bytes : int
        Bytes of a partition; wide rows make smaller partitions.
    landmarks : int
        Vectors laid out by UMAP, among which all others are placed: 20 s on two cores.
    element_rows : int
        Rows that a HoloViews element that is not rasterized may read: more glyphs make a browser slow.
    element_cells : int
        Cells of a matrix that a HoloViews element that is not rasterized may read: 8 MB for a browser.
    inspect_rows : int
        Rows under the pointer that HoloViews' inspection gets, the nearest of them: each becomes a row of a table.
    exact_leaves : int
        Different rows (or columns) up to which clustering is exact: 5,000 take about 5 s and 400 MB, and both grow with the square and more.
    middles : int
        Cells that more rows than that are parted into by k-means: a million rows of 50 features go to theirs in 10 s on two cores.
    category_limit : int
        Distinct texts up to which a text column counts as a category.
    category_share : float
        And at most this share of the rows may be distinct.
    view_threads : int
        Threads that prepare pictures and records for all pages of a server, so that one slow view does not hold up the others.
    sessions : int
        Visitors of a server at once. Each holds 2 MB and a share of the processor; 50 who zoom at once, looking at each picture for a second,
        wait 0.6 to 0.8 s for the next one on two cores.
    picture_pixels : int
        Largest picture of a page, in pixels, without the margin of a drag; a larger window shows it enlarged. 3 M is a window of 2200 × 1360.
    margin : float
        Share of the picture added on the side that a drag goes to, and a fifth of it on the others, so that no blank shows at the edge: as far
        as a drag of half a screen a second goes in 400 ms.
    glyph_rows : int
        Rows in view up to which each is drawn as a mark of its own: a browser moves 2,000 marks without effort.
    reach : float
        Pixels from the pointer within which a record is found: half a fingertip.
    legend_items : int
        Categories listed in a legend; the rest is summed.
    vector_bytes : int
        Largest file of vectors that is searched for the nearest ones, vector by vector: about five seconds from a disk.
    vector_sum_bytes : int
        Sums of vectors kept for the orders of similarities: 40 MB each at a million vectors of 256 dimensions.
    """

    cache_bytes: int = 448 * MEGABYTE
    filter_bytes: int = 128 * MEGABYTE
    frame_bytes: int = 64 * MEGABYTE
    result_bytes: int = 512 * MEGABYTE
    max_pixels: int = 1 << 26
    exact_rows: int = 2_000_000
    sampled_rows: int = 5_000_000
    exact_cells: int = 40_000_000
    threads: int = 0
    cell_rows: int = 6
    summary_cells: int = 8_000_000
    summary_rows: int = 16
    quick_rows: int = 2_000_000
    busy_rows: int = 500_000
    searched_rows: int = 500_000
    row_group: int = 131_072
    text_group: int = 2_048
    partition_rows: int = 1_000_000
    partition_bytes: int = 192 * MEGABYTE
    landmarks: int = 50_000
    element_rows: int = 50_000
    element_cells: int = 1_000_000
    inspect_rows: int = 1_000
    exact_leaves: int = 5_000
    middles: int = 2_048
    category_limit: int = 100_000
    category_share: float = 0.1
    view_threads: int = 4
    sessions: int = 100
    picture_pixels: int = 3_000_000
    margin: float = 0.2
    glyph_rows: int = 2_000
    reach: float = 14.0
    legend_items: int = 40
    vector_bytes: int = 8192 * MEGABYTE
    vector_sum_bytes: int = 256 * MEGABYTE


_current = [Limits()]


def limits() -> Limits:
    """Return the limits in force."""
    return _current[-1]


@contextmanager
def override(**changes: float) -> Iterator[Limits]:
    """Change limits for the length of a ``with`` block (for the whole process, not one thread)."""
    known = {field.name for field in fields(Limits)}
    unknown = set(changes) - known
    if unknown:
        raise TypeError(f"no such limit: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    entry = replace(limits(), **changes)  # type: ignore[arg-type]
    _current.append(entry)
    try:
        yield entry
    finally:
        _current.remove(entry)
