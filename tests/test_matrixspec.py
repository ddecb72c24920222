"""What is shown of a matrix, as a value: it survives a link, and says what is wrong with it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.errors import OptionError
from bigview.matrixspec import AGGS, MATRIX_SCALES, MatrixSpec, MatrixStyle, Ordering

NUMBERS = st.floats(-1e300, 1e300)
PAIRS = st.tuples(NUMBERS, NUMBERS).filter(lambda pair: pair[0] < pair[1])
STYLES = st.builds(
    MatrixStyle,
    agg=st.sampled_from(AGGS),
    palette=st.none() | st.text(),
    scale=st.sampled_from(MATRIX_SCALES),
    center=st.none() | NUMBERS,
    limits=st.none() | PAIRS,
    clip=st.none() | st.floats(50.5, 100),
    dark=st.booleans(),
)
ORDERINGS = st.none() | st.builds(Ordering, st.sampled_from(["column", "values"]), st.text(), st.booleans())


@given(st.builds(MatrixSpec, view=st.none() | st.tuples(PAIRS, PAIRS), style=STYLES, rows=ORDERINGS, cols=ORDERINGS, fingerprint=st.text()))
def test_a_spec_survives_json_and_a_link(spec):
    assert MatrixSpec.from_json(spec.to_json()) == spec
    assert MatrixSpec.from_query(f"?other=1&{spec.to_query()}") == spec
    assert hash(spec) == hash(dataclasses.replace(spec))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"version": 1, "style": {"agg": "meen"}}, "style.agg"),
        ({"version": 1, "style": {"dark": 1}}, "style.dark"),
        ({"version": 1, "style": {"limits": [2, 1]}}, "lower one first"),
        ({"version": 1, "style": {"clip": 10}}, "percentile"),
        ({"version": 1, "rows": {"by": "magic", "name": "a"}}, "magic"),
        ({"version": 1, "rows": {"by": "column", "name": 3}}, "has a name"),
        ({"version": 1, "cols": [1]}, "cols"),
        ({"version": 1, "colour": "red"}, "unknown entry"),
        ({"version": 7}, "reads versions up to"),
        ({"version": 1, "view": [[0, 1], [5, 2]]}, "y range"),
    ],
)
def test_a_malformed_spec_says_where(values, said):
    with pytest.raises(OptionError, match=said):
        MatrixSpec.from_json(values)


def test_a_cut_link_is_refused():
    query = MatrixSpec(style=MatrixStyle(scale="log")).to_query()
    with pytest.raises(OptionError, match="cut or altered"):
        MatrixSpec.from_query(query[:-6])


def test_an_unknown_statistic_is_refused_with_the_list():
    with pytest.raises(OptionError, match=r"mean, min, max.*Did you mean 'mean'"):
        MatrixStyle(agg="meen")
