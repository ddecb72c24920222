"""The project's rules of building, as functions over source text, so that violations can be tried on small examples."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# The reading order. A module uses only what stands above it, and its own folder.
ORDER = [
    "errors",
    "config",
    "spec",
    "plain",
    "chart",
    "part",
    "state",
    "matrixorder",
    "matrixspec",
    "store",
    "build",
    "raster",
    "views",
    "app",
    "matrices",
    "stores",
    "cli",
    "__main__",
    "__init__",
]
# (importer, imported) against the order: the last doors open the screen only when asked, inside a function,
# so that scripts and workers load no plotting library.
LAZY_ONLY = {("stores", "views"), ("stores", "app"), ("matrices", "views"), ("matrices", "app"), ("cli", "views"), ("cli", "app")}
# The explorer opens stores by their address.
AGAINST_ORDER = {("app", "stores")}
# Libraries with a home: layers that may import them, at any depth.
HOMES = {
    "bokeh": {"views", "app"},
    "dask": {"build"},
    "datashader": {"raster", "views"},
    "distributed": {"build"},
    "holoviews": {"views", "app"},
    "hvplot": {"views", "app"},
    "panel": {"views", "app"},
    "panel_material_ui": {"views", "app"},
    "sqlalchemy": {"store"},
}
DRAWERS = {"common", "helper", "helpers", "lib", "misc", "tools", "util", "utils"}
MOST_LINES = 400


@dataclass(frozen=True)
class Import:
    """One imported module, `name` given in full; `lazy` when it happens inside a function."""

    name: str
    line: int
    lazy: bool
    relative: bool = False


def imports(source: str, known: "set[str] | frozenset[str]" = frozenset()) -> Iterator[Import]:
    """Yield every import of a source text, also in functions and for type checkers only.

    `known` has the modules there are: `from bigview.store import axis` means `bigview.store.axis` if that is one.
    """

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, lazy)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            for alias in node.names:
                full = f"{base}.{alias.name}"
                if full == "bigview.__version__":
                    continue  # set before anything else in the package is loaded
                yield Import(full if full in known else base, node.lineno, lazy, node.level > 0)
        elif isinstance(node, ast.Call) and _is_import_call(node):
            yield Import(str(node.args[0].value), node.lineno, lazy)  # type: ignore[attr-defined]
        inner = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inner)

    yield from dict.fromkeys(visit(ast.parse(source), False))


def _is_import_call(node: ast.Call) -> bool:
    """Tell whether a call is `import_module("…")` or `__import__("…")` with the name written out."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return (
        name in {"import_module", "__import__"} and bool(node.args) and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    )


def layer(module: str) -> str:
    """Return the layer of a module named in full: `bigview.store.axis` is in `store`, `bigview` in `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def violations(sources: Mapping[str, str]) -> list[str]:
    """Return a sentence for each broken rule of the modules given as {name in full: source text}."""
    found: list[str] = []
    for module, source in sources.items():
        found += [f"{module}: {text}" for text in _of_place(module, source)]
        for item in imports(source, set(sources)):
            found += [f"{module}:{item.line}: {text}" for text in _of_import(module, item)]
        found += [f"{module}:{line}: numba's parallel=True aborts a server with threads" for line in _parallel(source)]
    found += [f"imports in a circle: {' -> '.join(circle)}" for circle in circles(sources)]
    return found


def _of_place(module: str, source: str) -> Iterator[str]:
    parts = module.split(".")
    if layer(module) not in ORDER:
        yield f"not in the reading order; there are {', '.join(ORDER)}"
    if len(parts) > 3:
        yield "a third level of folders"
    if parts[-1] in DRAWERS:
        yield f"`{parts[-1]}` says nothing about what is in it"
    lines = source.count("\n")
    if lines > MOST_LINES:
        yield f"{lines} lines, more than {MOST_LINES}"


def _of_import(module: str, item: Import) -> Iterator[str]:
    here = layer(module)
    if item.relative:
        yield "relative import"
        return
    top = item.name.split(".")[0]
    if top in HOMES and here not in HOMES[top]:
        yield f"{top} is at home in {', '.join(sorted(HOMES[top]))} only"
    if top != "bigview":
        return
    there = layer(item.name)
    if there == here:
        if here == "__init__":
            yield "imports itself"
        return
    if here not in ORDER or there not in ORDER:
        yield f"`{item.name}` is not in the reading order"
    elif ORDER.index(there) > ORDER.index(here) and (here, there) not in AGAINST_ORDER:
        yield f"`{here}` comes before `{there}` and must not use it"
    elif (here, there) in LAZY_ONLY and not item.lazy:
        yield f"`{here}` may import `{there}` only inside a function"


def _parallel(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                if keyword.arg == "parallel" and not off and _of_numba(node):
                    yield node.lineno


def _of_numba(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in {"jit", "njit", "vectorize", "guvectorize", "stencil"} or name.endswith("jit")


def circles(sources: Mapping[str, str]) -> list[list[str]]:
    """Return the circles among imports that run when modules load, each from its first module back to it."""
    known = set(sources)
    uses = {
        module: [i.name for i in imports(source, known) if not i.lazy and i.name in known and i.name != module] for module, source in sources.items()
    }
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            found.append([*path[path.index(module) :], module])
            return
        if module in done:
            return
        for other in uses[module]:
            walk(other, [*path, module])
        done.add(module)

    for module in uses:
        walk(module, [])
    return found
