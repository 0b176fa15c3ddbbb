"""What a trace accepts, and in which words it refuses the rest."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import ModelConfig, SequenceModel, trace, trace_many
from lstm_core.tasks import TASKS

VOCABULARY = TASKS["recall"].vocabulary
INPUTS = np.random.default_rng(0).normal(size=(5, 3))


def model(vocabulary=VOCABULARY, **options):
    features = 3 if vocabulary is None else 10
    shape = {"cell": "lstm", "input_size": features, "hidden_size": 4, "output_size": 2}
    return SequenceModel(ModelConfig(**(shape | options)), vocabulary)


@pytest.mark.parametrize(
    "inputs",
    [
        INPUTS.tolist(),
        INPUTS[:, ::-1][:, ::-1],
        np.asfortranarray(INPUTS),
        torch.as_tensor(INPUTS),
        torch.as_tensor(INPUTS).requires_grad_(),
        torch.as_tensor(INPUTS, dtype=torch.float32),
        INPUTS.astype(np.float32),
    ],
    ids=["list", "strided", "fortran", "tensor", "with gradient", "float32 tensor", "float32"],
)
def test_numbers_in_any_container_give_the_same_trace(inputs):
    module = nn.LSTM(3, 4)
    np.testing.assert_array_equal(trace(module, inputs)["f"], trace(module, INPUTS)["f"])


def test_read_only_and_whole_numbers_are_numbers():
    module, counts = nn.GRU(3, 4), np.arange(15).reshape(5, 3)
    expected = trace(module, counts.astype(float))["h"]
    counts.flags.writeable = False
    for inputs in (counts, counts.astype(np.uint8), counts.tolist()):
        np.testing.assert_array_equal(trace(module, inputs)["h"], expected)


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        (np.zeros((5, 4)), ValueError, r"shape \[time, 3\], got shape \[5, 4\]"),
        (np.zeros((5, 1, 3)), ValueError, r"one sequence .* got shape \[5, 1, 3\]"),
        (np.zeros(3), ValueError, r"got shape \[3\]"),
        (np.zeros((0, 3)), ValueError, "the sequence is empty"),
        ([[1.0, 2.0, 3.0], [4.0]], ValueError, "a rectangle of numbers"),
        ("AB", TypeError, "got text, but this model has no vocabulary"),
        ([["a", "b", "c"]], TypeError, "expected numbers, got list of <U1"),
        (None, TypeError, "expected numbers, got NoneType"),
        (np.zeros((5, 3), dtype=complex), TypeError, "complex"),
        (torch.zeros(5, 3, dtype=torch.complex64), TypeError, "real numbers, got torch.complex64"),
    ],
)
@pytest.mark.parametrize("module", [nn.LSTM(3, 4), model(None)], ids=["bare", "model"])
def test_inputs_that_are_no_sequence_of_numbers(module, inputs, error, words):
    with pytest.raises(error, match=words):
        trace(module, inputs)


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        ("", ValueError, "the sequence is empty"),
        ([], ValueError, "the sequence is empty"),
        ([0, 17, 3, 99, 17], ValueError, "ids go from 0 to 16, got 17, 99$"),
        ([0, -1], ValueError, "ids go from 0 to 16, got -1$"),
        (np.arange(100, 200), ValueError, r"got 100, 101, 102, 103, 104, \.\.\."),
        ([0.0, 1.0], TypeError, "text or integer token ids, got float64"),
        ([True, False], TypeError, "got bool"),
        (["A", "B"], TypeError, "got <U1"),
        (np.zeros((5, 10)), ValueError, r"ids of shape \[time\], got shape \[5, 10\]"),
        ("ABX?", ValueError, "not in this model's vocabulary: 'X'"),
    ],
)
def test_inputs_that_a_vocabulary_does_not_know(inputs, error, words):
    with pytest.raises(error, match=words):
        trace(model(), inputs)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.LSTMCell(3, 4), "got torch.nn.modules.rnn.LSTMCell$"),
        (nn.Linear(3, 4), "got torch.nn.modules.linear.Linear$"),
        (
            nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.GRU(3, 4))),
            "Sequential; pass what is inside it: 1.0$",
        ),
        ("model.pt", "got builtins.str$"),
        (None, "got builtins.NoneType$"),
    ],
)
def test_modules_that_have_no_gates_to_show(module, words):
    with pytest.raises(TypeError, match="expected a SequenceModel or a torch.nn.LSTM.*" + words):
        trace(module, INPUTS)
    with pytest.raises(TypeError, match=words):
        trace_many(module, [INPUTS])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(dtype):
    with pytest.raises(ValueError, match=f"needs float32 or float64 weights, got {dtype}"):
        trace(nn.LSTM(3, 4, dtype=dtype), INPUTS)


def test_weights_without_values_are_refused():
    with pytest.raises(ValueError, match="on the meta device"):
        trace(nn.LSTM(3, 4, device="meta"), INPUTS)


@pytest.mark.parametrize(
    ("module", "start", "words"),
    [
        (nn.LSTM(3, 4), {"h_0": np.zeros(4)}, r"h_0 .* = \[1, 4\], got \[4\]"),
        (nn.LSTM(3, 4), {"c_0": np.zeros((2, 4))}, r"c_0 .* = \[1, 4\], got \[2, 4\]"),
        (nn.LSTM(3, 4, proj_size=2), {"h_0": np.zeros((1, 4))}, r"h_0 .* = \[1, 2\], got"),
        (nn.LSTM(3, 4, proj_size=2), {"c_0": np.zeros((1, 2))}, r"c_0 .* = \[1, 4\], got"),
        (nn.GRU(3, 4, 2, bidirectional=True), {"h_0": np.zeros((2, 4))}, r"= \[4, 4\], got"),
        (nn.GRU(3, 4), {"c_0": np.zeros((1, 4))}, "only an LSTM has a cell state"),
    ],
)
def test_initial_states_of_another_shape(module, start, words):
    with pytest.raises(ValueError, match=words):
        trace(module, INPUTS, **start)


def test_many_sequences_name_the_one_that_is_wrong():
    with pytest.raises(ValueError, match=r"^sequence 2: expected one sequence of shape"):
        trace_many(nn.LSTM(3, 4), [INPUTS, INPUTS, INPUTS[:, :2], INPUTS])
    with pytest.raises(ValueError, match=r"^sequence 1: not in this model's vocabulary"):
        trace_many(model(), ["AB", "x"])


def test_no_sequences_give_no_traces():
    assert trace_many(nn.LSTM(3, 4), []) == []


class Subclass(nn.LSTM):
    pass


def test_a_subclass_is_what_it_inherits_from():
    module = Subclass(3, 4)
    plain = nn.LSTM(3, 4)
    plain.load_state_dict(module.state_dict())
    np.testing.assert_array_equal(trace(module, INPUTS)["c"], trace(plain, INPUTS)["c"])


def test_a_subclass_with_a_forward_of_its_own_is_refused():
    class Own(nn.LSTM):
        def forward(self, *_):
            raise NotImplementedError

    with pytest.raises(TypeError, match="Own has a forward of its own"):
        trace(Own(3, 4), np.zeros((2, 3)))


def test_parametrized_weights_are_read_as_the_module_reads_them():
    module = nn.LSTM(3, 4)
    nn.utils.parametrizations.weight_norm(module, "weight_hh_l0")
    with torch.no_grad():
        module.parametrizations.weight_hh_l0.original0.mul_(3)
        expected = module(torch.as_tensor(INPUTS, dtype=torch.float32))[0].numpy()
    np.testing.assert_allclose(trace(module, INPUTS)["h"], expected, rtol=0, atol=1e-6)


FORBIDDEN = ("streamlit", "plotly", "pandas", "keras", "onnx", "onnxruntime", "hypothesis")


def test_the_core_imports_and_traces_where_no_screen_is_installed():
    program = f"""
import sys
for name in {FORBIDDEN}:
    sys.modules[name] = None  # importing it raises ImportError
import torch
import lstm_core
tr = lstm_core.trace(torch.nn.LSTM(2, 3), [[0.0, 1.0]])
print(sorted(tr.layer().signals))
"""
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == "['c', 'f', 'g', 'h', 'i', 'o']"


def test_a_batch_is_refused_with_the_way_to_trace_it():
    with pytest.raises(ValueError, match="trace_many"):
        trace(nn.LSTM(3, 4, batch_first=True), torch.ones(2, 7, 3))
    packed = nn.utils.rnn.pack_sequence([torch.ones(7, 3), torch.ones(5, 3)])
    with pytest.raises(TypeError, match="unpack_sequence"):
        trace(nn.LSTM(3, 4), packed)
