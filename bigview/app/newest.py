"""The store that a page shows: the newest one at its address, so that a server need not be started again for what was built since."""

import logging

from bigview.app.matrixpages import Table
from bigview.store.files import Folder
from bigview.store.manifest import NAME, read_manifest
from bigview.store.matrix import MatrixTable
from bigview.store.matrixmanifest import read_matrix_manifest
from bigview.store.pairtable import PairTable

log = logging.getLogger(__name__)


class Newest:
    """The newest store at the address of one that was opened.

    A manifest is replaced whole, as the last act of a build, and names all files of its store: a store that is opened by it is never half of another
    one. Who looks at an older one keeps it.

    Parameters
    ----------
    table : Table
        The store as it was opened.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._stamp: object = None  # of the manifest when it was last read

    @property
    def table(self) -> Table:
        """The store; opened again where its manifest is another one. While that cannot be read, the last one."""
        folder = _folder(self._table)
        stamp = None if folder is None else folder.stamp(NAME)
        if folder is None or stamp is None or stamp == self._stamp:
            return self._table
        try:
            self._table = _reopened(self._table, folder)
        except Exception:
            log.warning("%s cannot be opened again; visitors see it as it was", folder.url, exc_info=True)
            return self._table
        self._stamp = stamp  # taken before: what was replaced in between is read the next time
        return self._table


def _folder(table: Table) -> Folder | None:
    """Return where a store stands; None for one that is made of others."""
    if isinstance(table, PairTable):
        return None
    return table.folder if isinstance(table, MatrixTable) else table.reader.folder


def _reopened(table: Table, folder: Folder) -> Table:
    """Return the store of the manifest that is there now: the same one where it is the same."""
    if isinstance(table, MatrixTable):
        return table if read_matrix_manifest(folder) == table.manifest else type(table).open(folder.url)
    return table if read_manifest(folder) == table.manifest else type(table).open(folder.url, table.saved_at)
