"""Conditions in the words of SQL, made from what a person typed."""

_WILD = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


def quoted(column: str) -> str:
    """Return a column's name as SQL writes it."""
    return '"' + column.replace('"', '""') + '"'


def text_of(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def contains(column: str, text: str) -> str:
    r"""Return the condition that a column contains a text, whatever the case; each character of the text stands for itself.

    Examples
    --------
    >>> print(contains("name", "100%"))
    "name" ILIKE '%100\%%' ESCAPE '\'
    """
    return f"{quoted(column)} ILIKE {text_of(f'%{text.translate(_WILD)}%')} ESCAPE '\\'"
