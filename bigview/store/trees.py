"""Trees kept with the generation of the store that they were made of: computed once, gone with the data they belong to."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from bigview.errors import StoreDamagedError
from bigview.store.matrix import MatrixTable
from bigview.store.tree import Tree, packed, unpacked


@dataclass(frozen=True)
class TreeFile:
    """Where a tree is kept.

    Attributes
    ----------
    table : MatrixTable
    side : {"rows", "cols"}
    options : dict
        What the tree depends on, but for the data; as JSON has it.
    """

    table: MatrixTable
    side: str
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """The file, in the store's folder."""
        text = json.dumps([self.side, self.options], sort_keys=True)
        return f"{_place(self.table)}/{self.side}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"

    def read(self) -> Tree | None:
        """Return the tree; None where it was not made yet, or cannot be read."""
        if not self.table.folder.exists(self.name):
            return None
        try:
            tree, about = unpacked(self.table.folder.read(self.name), f"{self.table.folder.url}/{self.name}")
        except StoreDamagedError:
            return None  # it is made again
        mine = about == {"side": self.side, "options": self.options, "fingerprint": self.table.manifest.fingerprint}
        return tree if mine and len(tree) == len(getattr(self.table, self.side)) else None

    def write(self, tree: Tree) -> bool:
        """Keep a tree; readers see it whole or not at all. Returns False where nothing can be written."""
        about = {"side": self.side, "options": self.options, "fingerprint": self.table.manifest.fingerprint}
        try:
            self.table.folder.within(_place(self.table)).make()
            self.table.folder.replace(self.name, packed(tree, about))
        except OSError:
            return False
        return True


def kept_trees(table: MatrixTable) -> list[TreeFile]:
    """Return the trees that are kept of a store's rows and columns."""
    found = []
    for name in table.folder.names(_place(table)):
        if name.endswith(".npz") and "/." not in name:
            try:
                _, about = unpacked(table.folder.read(name), name)
            except StoreDamagedError:
                continue
            if about.get("fingerprint") == table.manifest.fingerprint:
                found.append(TreeFile(table, about["side"], about["options"]))
    return found


def _place(table: MatrixTable) -> str:
    # Inside the generation: a new one has other data, and sweeps the old one away.
    return f"{table.manifest.generation}/trees"
