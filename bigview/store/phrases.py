"""Conditions in the words of SQL, made from what a person typed."""

_WILD = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


def quoted(column: str) -> str:
    """Return a column's name as SQL writes it."""
    return '"' + column.replace('"', '""') + '"'


def contains(column: str, text: str) -> str:
    r"""Return the condition that a column contains a text, whatever the case; each character of the text stands for itself.

    Examples
    --------
    >>> print(contains("name", "100%"))
    "name" ILIKE '%100\%%' ESCAPE '\'
    """
    pattern = text.translate(_WILD).replace("'", "''")
    return f"{quoted(column)} ILIKE '%{pattern}%' ESCAPE '\\'"
