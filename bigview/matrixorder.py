"""In which order the rows or the columns of a matrix stand, and which of them are meant: recipes, small enough for a link. They know no store."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, get_args

from bigview.errors import OptionError
from bigview.plain import built, entries_of

By = Literal["column", "values", "cluster", "search", "hand", "kept"]
DEEPEST = 8
"""Orders that stand on each other: hits first among what was sorted by hand among …; a link from elsewhere must not nest without end."""
MOST_MOVES = 1_000
"""Moves by hand in one order: each costs a pass over all of its lines, 2 ms for a million."""
MOST_SPANS = 10_000
"""Runs of neighbours in one move: each takes some characters of the file that the order is kept in, and 10,000 of them 20 ms to be written."""


@dataclass(frozen=True)
class Move:
    """Rows or columns that were moved by hand; all of it as places in the order before.

    Attributes
    ----------
    spans : tuple of (int, int)
        Which ones: from the first to the one past the last, ascending, with others between them.
    to : int
        The place before which they stand then, in their own sequence.
    """

    spans: tuple[tuple[int, int], ...]
    to: int

    def __post_init__(self) -> None:
        spans = tuple(tuple(span) if isinstance(span, (list, tuple)) else () for span in self.spans) if isinstance(self.spans, (list, tuple)) else ()
        ends = [end for span in spans for end in span]
        whole = all(type(end) is int and end >= 0 for end in [*ends, self.to])
        if not 0 < len(spans) <= MOST_SPANS or not whole or any(len(span) != 2 for span in spans) or any(a >= b for a, b in _pairs(ends)):
            raise OptionError(f"A move has spans [[first, past the last], …], ascending, and a place, not {self.spans!r:.60} and {self.to!r:.60}.")
        object.__setattr__(self, "spans", spans)


def _pairs(ends: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(ends))


@dataclass(frozen=True)
class Ordering:
    """The recipe of an order of rows or columns.

    Attributes
    ----------
    by : {"column", "values", "cluster", "search", "hand", "kept"}
        A column of the axis's own table, the values along one line of the other axis, a tree, hits of a search before all others, moves by hand, or
        an order that was kept beside the store because it is too long for a link.
    name : str
        Name of the column, or of the line; for a tree how it is made, such as "ward euclidean" (`bigview.build.clustering.ClusterOptions.recipe`);
        what is searched for; the name under which it is kept. Empty for moves by hand.
    descending : bool
        Not for a tree, nor by hand.
    base : Ordering, optional
        Of hits and of moves: the order on which they stand. None: as stored.
    moves : tuple of Move
    """

    by: By
    name: str
    descending: bool = False
    base: "Ordering | None" = None
    moves: tuple[Move, ...] = ()

    def __post_init__(self) -> None:
        if self.by not in get_args(By) or not isinstance(self.name, str) or not isinstance(self.descending, bool):
            known = ", ".join(map(repr, get_args(By)))
            raise OptionError(f"An ordering is by one of {known}, and has a name, not {self.by!r:.60} and {self.name!r:.60}.")
        object.__setattr__(self, "moves", tuple(self.moves))
        if (self.base is not None or self.moves) and self.by not in (("hand",) if self.moves else ("hand", "search")):
            raise OptionError(f"An ordering by {self.by} stands on no other and has no moves.")
        if not isinstance(self.base, (Ordering, type(None))) or not all(isinstance(move, Move) for move in self.moves):
            raise OptionError(f"An ordering stands on another one, or on none, and its moves are bigview.Move, not {self.base!r:.60}.")
        if self.by == "hand" and not 0 < len(self.moves) <= MOST_MOVES:
            raise OptionError(f"An order by hand has 1 to {MOST_MOVES:,} moves, not {len(self.moves):,}. Sort in another way first.")
        if len(self.chain()) > DEEPEST:
            raise OptionError(f"Up to {DEEPEST} orders may stand on each other. Sort in another way first.")

    def chain(self) -> tuple["Ordering", ...]:
        """Return this order and those that it stands on."""
        return (self, *(() if self.base is None else self.base.chain()))

    @property
    def length(self) -> int:
        """About the characters that it takes."""
        return sum(len(one.name) + 20 + sum(12 * len(move.spans) for move in one.moves) for one in self.chain())

    @property
    def title(self) -> str:
        """What it is called on the page."""
        if self.by == "hand":
            return "by hand"
        begins = {"values": "by values of", "cluster": "by cluster:", "search": "hits first:"}.get(self.by, "by")
        return f"{begins} {self.name}{', descending' if self.descending else ''}"

    def plain(self, kept: Mapping["Ordering", str]) -> dict[str, Any]:
        """Return it as JSON has it; those that are kept by their names."""
        if self in kept:
            return {"by": "kept", "name": kept[self]}
        found: dict[str, Any] = {"by": self.by, "name": self.name}
        if self.descending:
            found["descending"] = True
        if self.base is not None:
            found["base"] = self.base.plain(kept)
        if self.moves:
            found["moves"] = [[[end for span in move.spans for end in span], move.to] for move in self.moves]
        return found


@dataclass(frozen=True)
class Lines:
    """Rows or columns that stand side by side in an order: what is selected stays the same whatever the order is later.

    Attributes
    ----------
    first, last : int
        The first place and the one past the last.
    order : Ordering, optional
        None: as stored.
    """

    first: int
    last: int
    order: Ordering | None = None

    def __post_init__(self) -> None:
        if type(self.first) is not int or type(self.last) is not int or not 0 <= self.first < self.last:
            raise OptionError(f"Lines go from one place to the one past the last, such as 3 and 8, not {self.first!r:.60} and {self.last!r:.60}.")
        if not isinstance(self.order, (Ordering, type(None))):
            raise OptionError(f"Lines stand in a bigview.Ordering, not {self.order!r:.60}.")

    def plain(self, shown: Ordering | None, kept: Mapping[Ordering, str]) -> dict[str, Any]:
        """Return them as JSON has them; the order is left out where it is the one that is shown."""
        found: dict[str, Any] = {"ends": [self.first, self.last]}
        if self.order != shown:
            found["order"] = None if self.order is None else self.order.plain(kept)
        return found


def by_search(text: str, shown: Ordering | None) -> Ordering:
    """Return the order in which the hits of a search stand first, and all others as they are shown."""
    base = shown
    while base is not None and base.by == "search":
        base = base.base  # the hits of another search are not looked for any more
    return Ordering("search", text, base=base)


def by_hand(shown: Ordering | None, move: Move) -> Ordering | None:
    """Return the order after one more move by hand; steps of the same lines, one after another, are one move."""
    if shown is None or shown.by != "hand":
        return Ordering("hand", "", base=shown, moves=(move,))
    last = shown.moves[-1]
    one = _joined(last, move)
    if one is None:
        return replace(shown, moves=(*shown.moves, move))
    kept = shown.moves[:-1]
    if not one.spans[0][0] <= one.to <= one.spans[0][1]:
        kept = (*kept, one)
    return replace(shown, moves=kept) if kept else shown.base  # they are where they came from


def landed(move: Move) -> tuple[int, int]:
    """Return where the lines of a move stand after it: the first place, and the one past the last."""
    count = sum(last - first for first, last in move.spans)
    before = sum(min(last, move.to) - first for first, last in move.spans if first < move.to)
    return move.to - before, move.to - before + count


def _joined(one: Move, then: Move) -> Move | None:
    """Return two moves of the same neighbours as one."""
    if len(one.spans) > 1 or then.spans != (landed(one),):
        return None
    (first, last), (now, _) = one.spans[0], landed(one)
    among = then.to if then.to <= now else max(now, then.to - (last - first))  # the others before which they stand in the end
    return Move(one.spans, among if among <= first else among + last - first)


def ordering_from(values: Any, where: str, depth: int = 0) -> Ordering:
    """Return an ordering from its JSON form."""
    if depth >= DEEPEST:
        raise OptionError(f"{where}: up to {DEEPEST} orders may stand on each other.")
    given = entries_of(values, where, ("by", "name", "descending", "base", "moves"))
    base = None if given.get("base") is None else ordering_from(given["base"], f"{where}.base", depth + 1)
    moves = given.get("moves", [])
    if not isinstance(moves, list) or not all(isinstance(move, list) and len(move) == 2 and isinstance(move[0], list) for move in moves):
        raise OptionError(f"{where}.moves must be a list of [[first, past the last, …], place], not {moves!r:.60}.")
    made = [built(f"{where}.moves", Move, [move[0][at : at + 2] for at in range(0, len(move[0]), 2)], move[1]) for move in moves]
    found: Ordering = built(where, Ordering, given.get("by"), given.get("name"), given.get("descending", False), base, tuple(made))
    return found


def lines_from(values: Any, shown: Ordering | None, where: str) -> Lines:
    """Return lines from their JSON form; `shown` is the order that stands for one that is not there."""
    given = entries_of(values, where, ("ends", "order"))
    ends = given.get("ends")
    if not isinstance(ends, list) or len(ends) != 2:
        raise OptionError(f"{where}.ends must be [first, past the last], not {ends!r:.60}.")
    order = shown
    if "order" in given:
        order = None if given["order"] is None else ordering_from(given["order"], f"{where}.order")
    found: Lines = built(where, Lines, ends[0], ends[1], order)
    return found
