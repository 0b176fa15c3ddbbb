"""Which rows are which sequence, what stands for a missing value, and on which scale."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lstm_core.data import (
    DataError,
    DataOptions,
    channels_for,
    read_data,
    sequences,
    standardise,
)
from lstm_core.data_files.datafile import DataFile


def data_of(text: str) -> DataFile:
    return read_data(text.encode(), name="table.csv")


def numbers_of(*parts) -> tuple:
    out = io.BytesIO()
    np.savez(out, **{f"s{n}": np.asarray(part, dtype=float) for n, part in enumerate(parts)})
    return sequences(read_data(out.getvalue()))


def refused(call, *arguments) -> DataError:
    with pytest.raises(DataError) as caught:
        call(*arguments)
    return caught.value


# ---- Which rows


@given(st.lists(st.sampled_from("ABC"), min_size=2, max_size=30))
def test_sequences_are_the_groups_of_pandas(groups):
    text = "id,x\n" + "".join(f"{group},{row}.5\n" for row, group in enumerate(groups))
    data = data_of(text)
    found = sequences(data, DataOptions(group="id", channels=("x",)))
    frame = pd.read_csv(io.StringIO(text))
    expected = {name: part["x"].tolist() for name, part in frame.groupby("id", sort=False)}
    assert {one.name: one.values[:, 0].tolist() for one in found} == expected
    for one in found:
        rows = [row for a, b in one.rows for row in range(a, b + 1)]
        assert rows == [n + 1 for n, group in enumerate(groups) if group == one.name]


def test_rows_of_a_sequence_are_told_as_ranges():
    found = sequences(data_of("id,x\nA,1\nA,2\nB,3\nA,4\nA,5\n"))
    assert [(one.name, one.where) for one in found] == [("A", "1–2, 4–5"), ("B", "3")]


def test_group_of_numbers_is_named_as_written():
    found = sequences(data_of("id,x\n7,1\n7,2\n8,3\n"))
    assert [one.name for one in found] == ["7", "8"]


def test_row_of_no_sequence_is_refused():
    error = refused(sequences, data_of("id,x\nA,1\n,2\nA,3\n"))
    assert (error.code, error.fields["row"], error.fields["column"]) == ("missing-value", 2, "id")


def test_chosen_channels_are_read_in_the_chosen_order():
    [one] = sequences(data_of("a,b,c\n1,2,3\n"), DataOptions(channels=("c", "a")))
    assert one.values.tolist() == [[3, 1]]
    assert one.channels == ("c", "a")


def test_window_says_its_own_rows():
    one, _ = sequences(data_of("id,x\nA,1\nA,2\nB,3\nA,4\nA,5\n"))
    part = one.window(1, 2)
    assert part.values.tolist() == [[2], [4]]
    assert part.where == "2, 4"


@pytest.mark.parametrize("name", ["d", ""])
def test_unknown_channel_is_refused_with_what_there_is(name):
    error = refused(sequences, data_of("a,b\n1,2\n"), DataOptions(channels=(name,)))
    assert (error.code, error.fields["columns"]) == ("unknown-column", ("a", "b"))


def test_channel_that_holds_text_is_refused_with_the_cell():
    error = refused(sequences, data_of("a,b\n1,2\nx,2\n"), DataOptions(channels=("a",)))
    assert error.code == "text-channel"


def test_values_cannot_be_changed():
    [one] = sequences(data_of("a,b\n1,2\n"))
    with pytest.raises(ValueError, match="read-only"):
        one.values[0, 0] = 7


# ---- Missing values


def test_missing_value_is_refused_with_row_and_column():
    error = refused(sequences, data_of("a,b\n1,2\n3,\n,\n"))
    assert error.code == "missing-value"
    where = {"row": 2, "column": "b", "count": 3}
    assert error.fields == where | {"gaps": ("a: 1", "b: 2"), "total": 3}
    assert str(error).endswith("gaps in the file, by column: 'a' 1, 'b' 2")


def test_missing_value_becomes_zero_where_that_is_chosen():
    [one] = sequences(data_of("a,b\n1,2\n3,\n"), DataOptions(fill="zero"))
    assert one.values.tolist() == [[1, 2], [3, 0]]


def test_missing_value_becomes_the_previous_one_of_its_own_sequence_only():
    text = "id,x\nA,1\nA,\nA,\nB,\nB,5\n"
    error = refused(sequences, data_of(text), DataOptions(fill="previous"))
    where = {"row": 4, "column": "x", "count": 1}
    assert error.fields == where | {"gaps": ("x: 3",), "total": 3}


@given(
    arrays.arrays(
        float,
        st.tuples(st.integers(1, 12), st.integers(2, 3)),
        elements=st.sampled_from([1.0, 2.0, 3.0, np.nan]),
    )
)
def test_filling_from_before_is_that_of_pandas(values):
    values[0] = 9.0
    names = ("u", "v", "w")[: values.shape[1]]
    text = pd.DataFrame(values, columns=names).to_csv(index=False)
    [one] = sequences(data_of(text), DataOptions(fill="previous", channels=names))
    np.testing.assert_array_equal(one.values, pd.DataFrame(values).ffill().to_numpy())


@pytest.mark.parametrize("fill", ["refuse", "zero", "previous"])
def test_infinity_is_refused_whatever_is_filled(fill):
    error = refused(sequences, data_of("a,b\n1,2\n3,-inf\n"), DataOptions(fill=fill))
    assert error.code == "infinite-value"
    assert (error.fields["row"], error.fields["column"]) == (2, "b")


# ---- Scale


def test_each_sequence_by_itself_has_mean_zero_and_spread_one():
    rng = np.random.default_rng(0)
    parts = [rng.normal(5, 3, (40, 2)), rng.normal(-1, 0.1, (30, 2))]
    scaled = standardise(numbers_of(*parts), "each")
    for one, mean, spread, part in zip(
        scaled.sequences, scaled.mean, scaled.spread, parts, strict=True
    ):
        np.testing.assert_allclose(one.values.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(one.values.std(axis=0), 1)
        np.testing.assert_allclose(one.values * spread + mean, part)


def test_all_together_have_mean_zero_and_spread_one():
    rng = np.random.default_rng(0)
    parts = [rng.normal(5, 3, (40, 2)), rng.normal(-1, 0.1, (30, 2))]
    scaled = standardise(numbers_of(*parts), "all")
    together = np.concatenate([one.values for one in scaled.sequences])
    np.testing.assert_allclose(together.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(together.std(axis=0), 1)
    np.testing.assert_array_equal(scaled.mean[0], scaled.mean[1])


def test_none_leaves_the_values_as_they_are():
    found = numbers_of([[1, 2], [3, 4]], [[5, 6]])
    scaled = standardise(found, "none")
    for one, other in zip(scaled.sequences, found, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    assert (scaled.mean == 0).all()
    assert (scaled.spread == 1).all()


@pytest.mark.parametrize("how", ["each", "all"])
def test_channel_that_never_changes_becomes_zero_and_is_named(how):
    # The mean of a thousand times 0.1 is not 0.1: what is left over must not be blown up.
    part = np.stack([np.full(1000, 0.1), np.arange(1000)], axis=1)
    scaled = standardise(numbers_of(part, part), how)
    assert scaled.constant.tolist() == [[True, False]] * 2
    assert (scaled.sequences[0].values[:, 0] == 0).all()
    assert scaled.mean[0, 0] == 0.1


def test_values_beyond_what_a_spread_can_be_are_refused():
    assert refused(standardise, numbers_of([[1e308], [-1e308]]), "all").code == "too-large-values"


def test_text_has_no_scale():
    found = sequences(read_data(b"hello world"))
    assert refused(standardise, found, "all").code == "no-numbers"


# ---- What a model reads


def test_channels_are_those_that_are_as_many_as_the_model_reads():
    data = data_of("time,a,b\n0,1,2\n1,3,4\n2,5,6\n")
    assert channels_for(data, 2) == ("a", "b")
    assert channels_for(data, 3) == ("time", "a", "b")


def test_other_number_of_channels_is_refused_with_both_numbers():
    error = refused(channels_for, data_of("a,b\n1,2\n"), 3)
    assert error.code == "channel-count"
    assert (error.fields["input_size"], error.fields["count"]) == (3, 2)
    assert error.fields["columns"] == ("a", "b")
    assert "axes" not in error.fields


@pytest.mark.parametrize("shape", [(3, 50), (4, 3, 50)])
def test_array_that_would_fit_the_other_way_round_says_so(shape):
    out = io.BytesIO()
    np.save(out, np.zeros(shape))
    error = refused(channels_for, read_data(out.getvalue()), 3)
    turned = read_data(out.getvalue(), options=DataOptions(axes=error.fields["axes"]))
    assert len(channels_for(turned, 3)) == 3
    assert {len(one) for one in sequences(turned)} == {50}
