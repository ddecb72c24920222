"""Matrices in any order: dense beside Datashader on the same cells already permuted in memory, sparse beside SciPy, and similarities of vectors.

    python -m benchmarks.matrix [--side 31623] [--sparse 200000 30000 300] [--vectors words.bv] [--only dense sparse similarity] [--out matrix.json]

Data are made in a temporary folder, 10 GB for a thousand million cells, and removed. Figures are medians of five runs, each the best of three calls,
peers alternating with bigview; wall time, and the processor's time of this process, in milliseconds. Every grid is checked before it is timed.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import xarray as xr
from scipy import sparse

import bigview as bv
from benchmarks.frames import calibration
from bigview.raster.matrixgrid import extremes, quick_matrix
from bigview.raster.matrixplanes import forget_planes, planes_of
from bigview.raster.similar import forget_sums

WIDTH, HEIGHT = 1000, 800
Call = Callable[[], Any]


def timed(cases: dict[str, Call], runs: int = 5, repeats: int = 3) -> dict[str, dict[str, float]]:
    """Return wall and processor times of cases that take turns."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(runs):
        for name, call in cases.items():
            best = []
            for _ in range(repeats):
                forget_planes()
                wall, cpu = time.perf_counter(), time.process_time()
                call()
                best.append((1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)))
            found[name].append((min(wall for wall, _ in best), min(cpu for _, cpu in best)))
    out = {}
    for name, times in found.items():
        out[name] = {"wall": statistics.median(wall for wall, _ in times), "cpu": statistics.median(cpu for _, cpu in times)}
        print(f"{name:64} wall {out[name]['wall']:9.1f}   cpu {out[name]['cpu']:9.1f}", flush=True)
    return out


def once(name: str, call: Call) -> tuple[dict[str, dict[str, float]], Any]:
    """Return the time of a first call, and what it returned."""
    forget_planes()
    wall, cpu = time.perf_counter(), time.process_time()
    made = call()
    found = {"wall": 1e3 * (time.perf_counter() - wall), "cpu": 1e3 * (time.process_time() - cpu)}
    print(f"{name:64} wall {found['wall']:9.1f}   cpu {found['cpu']:9.1f}   (once)", flush=True)
    return {name: found}, made


def dense(folder: Path, side: int, peer: bool) -> dict[str, dict[str, float]]:
    """Measure a dense matrix of float32."""
    rng = np.random.default_rng(0)
    cells = np.lib.format.open_memmap(folder / "dense.npy", "w+", np.float32, (side, side))
    waves = np.sin(np.arange(side) / side * 20, dtype=np.float32)
    for top in range(0, side, 1000):
        block = cells[top : top + 1000]
        block[:] = rng.standard_normal(block.shape, np.float32) + 3 * waves[top : top + 1000, None] * waves
    cells.flush()
    found, store = once("build of a dense matrix", lambda: bv.build_matrix(folder / "dense.npy", folder / "dense.bv", quiet=True))
    (folder / "dense.npy").unlink()
    rows, cols = (store.order(axis, index=rng.permutation(side)) for axis in ("rows", "cols"))
    view = bv.View((0, side), (0, side), WIDTH, HEIGHT)
    made, planes = once("random order of both axes, first time", lambda: planes_of(store, view, rows, cols).found)
    found |= made
    permuted = np.empty((side, side), np.float32)
    for top in range(0, side, 1000):
        permuted[top : top + 1000] = np.asarray(store.cells(rows.index[top : top + 1000], np.arange(side)))[:, cols.index]
    _check_dense(planes, permuted)
    _check_quick(store, view, (rows, cols), planes)
    cases: dict[str, Call] = {
        "random order, exact: mean, least, greatest, count": lambda: planes_of(store, view, rows, cols),
        "random order, first paint (a sample, with its error)": lambda: quick_matrix(store, view, "mean", rows, cols),
        "own order, the whole matrix": lambda: store.aggregate(view),
        "the extreme cells of a pixel, random order": lambda: extremes(store, view, (400, 500), rows, cols),
    }
    if peer:
        import datashader as ds

        layer = xr.DataArray(permuted, coords={"y": np.arange(side) + 0.5, "x": np.arange(side) + 0.5}, dims=("y", "x"))
        canvas = ds.Canvas(WIDTH, HEIGHT, (0, side), (0, side))
        theirs = canvas.raster(layer, agg="mean")
        if abs(float(theirs.mean()) - float(planes.value("mean").mean())) > 1e-3:
            raise AssertionError("Datashader's picture is of something else")
        cases["Datashader, Canvas.raster, mean alone, permuted in memory"] = lambda: canvas.raster(layer, agg="mean")
    found |= timed(cases)
    found |= _tour(store, side)
    return found


def _edges(size: int, pixels: int) -> np.ndarray:
    """First place of each pixel: a cell belongs to the pixel that holds its centre."""
    return np.ceil(np.arange(pixels) * size / pixels - 0.5 - 1e-9 * size / pixels).astype(int)


def _check_dense(planes: Any, permuted: np.ndarray) -> None:
    side = len(permuted)
    down, across = np.append(_edges(side, HEIGHT), side), _edges(side, WIDTH)
    for pixel in np.random.default_rng(1).choice(HEIGHT, 25, replace=False):
        strip = permuted[down[pixel] : down[pixel + 1]]
        total = np.add.reduceat(strip.sum(axis=0, dtype=np.float64), across)
        count = np.diff(np.append(across, side)) * len(strip)
        if not np.allclose(planes.value("mean")[pixel], total / count, rtol=1e-9, atol=1e-9) or not np.array_equal(planes.count[pixel], count):
            raise AssertionError("the means are not those of NumPy")
        for name, function in (("min", np.minimum), ("max", np.maximum)):
            if not np.array_equal(planes.value(name)[pixel], function.reduceat(function.reduce(strip, axis=0), across)):
                raise AssertionError(f"the {name} is not that of NumPy")


def _check_quick(store: Any, view: bv.View, orders: tuple[Any, Any], planes: Any) -> None:
    quick = quick_matrix(store, view, "mean", *orders)
    if quick is None:
        print("the exact grid is quick itself at this size")
        return
    off, said = float(np.sqrt(np.mean((quick.to_numpy() - planes.value("mean")) ** 2))), quick.attrs["standard_error"]
    print(f"first paint: off by {off:.4f} (root mean square), said {said:.4f}", flush=True)
    if not 0.8 * off < said < 1.25 * off:
        raise AssertionError("the standard error is wrong")


def _tour(store: Any, side: int, views: int = 40) -> dict[str, dict[str, float]]:
    """Measure views of the matrix in its own order, from the whole to a cell a pixel."""
    rng, times = np.random.default_rng(7), []
    for zoom in np.geomspace(1, max(1.0, side / WIDTH), views):
        span = side / zoom
        low = rng.uniform(0, side - span, 2)
        view = bv.View((low[0], low[0] + span), (low[1], low[1] + span), WIDTH, HEIGHT)
        best = []
        for _ in range(3):
            forget_planes()
            wall, cpu = time.perf_counter(), time.process_time()
            store.aggregate(view)
            best.append((1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)))
        times.append((min(wall for wall, _ in best), min(cpu for _, cpu in best)))
    found = {}
    for name, share in (("median", 50), ("95th percentile", 95)):
        wall, cpu = np.percentile(times, share, axis=0).tolist()
        found[f"own order, {views} views of all zooms, {name}"] = {"wall": wall, "cpu": cpu}
        print(f"own order, {views} views of all zooms, {name:25} wall {wall:9.1f}   cpu {cpu:9.1f}", flush=True)
    return found


def sparse_matrix(folder: Path, size: list[int], peer: bool) -> dict[str, dict[str, float]]:
    """Measure a sparse matrix."""
    rows, cols, each = size
    rng = np.random.default_rng(0)
    indices = np.sort(rng.integers(0, cols, (rows, each), dtype=np.int32), axis=1)
    begin = np.arange(rows + 1, dtype=np.int64) * each
    matrix = sparse.csr_array((rng.random(rows * each, dtype=np.float32), indices.ravel(), begin), (rows, cols))
    matrix.sum_duplicates()
    found, store = once(f"build of a sparse matrix, {matrix.nnz:,} entries", lambda: bv.build_matrix(matrix, folder / "sparse.bv", quiet=True))
    orders = [store.order(axis, index=rng.permutation(count)) for axis, count in (("rows", rows), ("cols", cols))]
    view = bv.View((0, cols), (0, rows), WIDTH, HEIGHT)
    sums = [_indicator(order.index, pixels) for order, pixels in zip(orders, (HEIGHT, WIDTH), strict=True)]

    def theirs() -> np.ndarray:
        return (sums[0] @ matrix @ sums[1].T).toarray()

    if not np.allclose(store.aggregate(view, "sum", *orders), theirs(), rtol=1e-4):
        raise AssertionError("the sums are not those of SciPy")
    cases: dict[str, Call] = {
        "sparse, own order, all statistics": lambda: planes_of(store, view),
        "sparse, random order of both axes, all statistics": lambda: planes_of(store, view, *orders),
        "sparse, 1,000 columns of all rows, random order": lambda: planes_of(store, bv.View((0, 1000), (0, rows), WIDTH, HEIGHT), *orders),
    }
    if peer:
        cases["SciPy, sums alone, by products with indicators, random order"] = theirs
    return found | timed(cases)


def _indicator(index: np.ndarray, pixels: int) -> sparse.csr_array:
    """The matrix whose product adds up the rows of each pixel."""
    size = len(index)
    pixel = np.searchsorted(_edges(size, pixels), np.arange(size), "right") - 1
    return sparse.csr_array((np.ones(size, np.float32), (pixel, index)), (pixels, size))


def similarity(folder: Path, vectors: str | None) -> dict[str, dict[str, float]]:
    """Measure the cosine of every pair of vectors."""
    rng = np.random.default_rng(0)
    if vectors is None:
        vectors = str(folder / "vectors.npy")
        centres = rng.normal(size=(40, 256)).astype(np.float32)
        np.save(vectors, (centres[np.sort(rng.integers(0, 40, 1_000_000))] + rng.standard_normal((1_000_000, 256), np.float32)).astype(np.float16))
    found, store = once("similarity: the store", lambda: bv.similarity(vectors, folder / "similarity.bv", quiet=True))
    size = store.shape[0]
    orders = [store.order("rows", index=rng.permutation(size)) for _ in range(2)]
    view = bv.View((0, size), (0, size), WIDTH, HEIGHT)
    made, grid = once(
        f"similarity, {size:,} × {size:,}: overview in a random order, first time", lambda: store.aggregate(view, "mean", orders[0], orders[0])
    )
    _check_similarity(store, grid, orders[0].index)
    near = bv.View((5000, 5000 + WIDTH), (9000, 9000 + HEIGHT), WIDTH, HEIGHT)

    def new_order() -> None:
        forget_sums()
        store.aggregate(view, "mean", orders[1], orders[1])

    return (
        found
        | made
        | timed(
            {
                "similarity: overview in a new random order": new_order,
                "similarity: overview in an order that was shown": lambda: store.aggregate(view, "mean", orders[1], orders[1]),
                "similarity: native window": lambda: store.aggregate(near, "mean", orders[1], orders[1]),
                "similarity: a hundredth of each axis": lambda: store.aggregate(
                    bv.View((0, size / 100), (0, size / 100), WIDTH, HEIGHT), "mean", *orders
                ),
            }
        )
    )


def _check_similarity(store: Any, grid: xr.DataArray, index: np.ndarray) -> None:
    vectors = np.load(store.manifest.options["vectors"]["path"], mmap_mode="r")
    size, worst = len(index), 0.0
    down, across = (np.append(_edges(size, pixels), size) for pixels in (HEIGHT, WIDTH))
    for row, column in np.random.default_rng(3).integers(0, (HEIGHT, WIDTH), (10, 2)):
        sides = []
        for edges, pixel in ((down, row), (across, column)):
            part = np.asarray(vectors[index[edges[pixel] : edges[pixel + 1]]], np.float64)
            length = np.linalg.norm(part, axis=1)
            sides.append(part[length > 0] / length[length > 0, None])
        worst = max(worst, abs(float((sides[0] @ sides[1].T).mean()) - float(grid[row, column])))
    print(f"similarity: off by {worst:.1e} from all pairs of ten pixels", flush=True)
    if worst > 1e-6:
        raise AssertionError("the means are not those of all pairs")


def main() -> None:
    """Run the parts that are asked for, and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=31_623, help="rows and columns of the dense matrix")
    parser.add_argument("--sparse", type=int, nargs=3, default=[200_000, 30_000, 300], metavar=("ROWS", "COLUMNS", "EACH"))
    parser.add_argument("--vectors", help="a store made from vectors, or a .npy file; a million random ones by default")
    parser.add_argument("--only", nargs="+", choices=["dense", "sparse", "similarity"], default=["dense", "sparse", "similarity"])
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--folder", help="where the data are made")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    before, found = calibration(), {}
    for part in options.only:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            if part == "dense":
                found |= dense(folder, options.side, not options.no_peer)
            elif part == "sparse":
                found |= sparse_matrix(folder, options.sparse, not options.no_peer)
            else:
                found |= similarity(folder, options.vectors)
    figures = {"calibration drift": calibration() / before, "memory MB": psutil.Process().memory_info().rss / 1e6}
    theirs = found.get("Datashader, Canvas.raster, mean alone, permuted in memory")
    if theirs:
        figures["times faster than Datashader's mean alone"] = theirs["wall"] / found["random order, exact: mean, least, greatest, count"]["wall"]
    for name, value in figures.items():
        print(f"{name:64} {value:10.2f}")
    if options.out:
        options.out.write_text(json.dumps({"figures": figures | found}, indent=1))


if __name__ == "__main__":
    main()
