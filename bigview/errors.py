"""What can go wrong, and what to try next.

Every error of bigview is a `BigviewError` and also the built-in error that a caller would expect, so ``except ValueError`` keeps working.
A message says what is wrong, where, and what to try.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class BigviewError(Exception):
    """The root of the family."""


class InputError(BigviewError, ValueError):
    """The data cannot be used as they are."""


class ViewError(BigviewError, ValueError):
    """A viewport that shows nothing: inverted, of no size, or not finite."""


class ExpressionError(BigviewError, ValueError):
    """A filter expression that cannot be read, or that asks for more than the store's columns.

    Attributes
    ----------
    position : int or None
        The character of the expression (from 0) where it is wrong, where that is known.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class OptionError(BigviewError, ValueError):
    """An option that does not exist or does not fit."""


class TooLargeError(BigviewError, ValueError):
    """A result over the limit; the message gives its size and what would fit."""


class ColumnError(BigviewError, KeyError):
    """A column that is not there."""

    def __str__(self) -> str:
        # KeyError shows the repr of its message, which is not for reading.
        return str(self.args[0])


class StoreMissingError(BigviewError, FileNotFoundError):
    """There is no store, or no source, at this address."""


class StoreDamagedError(BigviewError, OSError):
    """A store whose files are missing, cut short or altered."""


class StoreVersionError(BigviewError, OSError):
    """A store written by a newer bigview."""


class SpaceError(BigviewError, OSError):
    """Too little room on the disk."""


class StoreBusyError(BigviewError, OSError):
    """Another build is writing to the store."""


class DatabaseError(BigviewError, OSError):
    """The database of saved selections cannot be read or written."""


class NameTakenError(BigviewError, ValueError):
    """A selection of that name is saved already, with other content."""


class SelectionMissingError(BigviewError, KeyError):
    """No selection of that name is saved."""

    def __str__(self) -> str:
        return str(self.args[0])


class PortError(BigviewError, OSError):
    """The port is in use, or not allowed."""


class PackageMissingError(BigviewError, ImportError):
    """An optional package is needed for this."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that lists the known names and the one closest to `name`."""
    names = [str(item) for item in known]
    lowered = {item.lower(): item for item in reversed(names)}
    near = get_close_matches(str(name).lower(), list(lowered), n=1, cutoff=0.5)
    listed = ", ".join(names[:40]) + (f", … ({len(names)} in all)" if len(names) > 40 else "")
    hint = f" Did you mean {lowered[near[0]]!r}?" if near else ""
    return f"There are: {listed}.{hint}"


def missing_column(name: object, known: Iterable[str], where: str) -> ColumnError:
    """Return the error for a column that `where` does not have."""
    return ColumnError(f"No column {name!r} in {where}. {closest(str(name), known)}")
