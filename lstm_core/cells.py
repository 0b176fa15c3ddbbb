"""One step of each cell, written as its paper's equation; no loops over time, no modules.

Every function works on ``[..., feature]``: one step of one sequence, or the whole time axis at
once. `weights` maps torch's names without their suffix (``weight_ih``, ``weight_hh``, ``bias_ih``,
``bias_hh``, ``weight_hr``) to tensors; biases may be absent. Rows are packed as torch packs them:
i f g o for an LSTM, r z n for a GRU.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import linear

Weights = Mapping[str, Tensor]
Signals = dict[str, Tensor]


def preactivations(x: Tensor, h_prev: Tensor, weights: Weights, gates: int) -> list[Tensor]:
    """``W x + U h' + b_ih + b_hh`` of each gate, ``[..., unit]``.

    PyTorch adds two biases; a gate without the second one is a wrong gate. ``W`` and ``U`` are put
    side by side, so that each gate is one product, which needs the least memory over a long time.
    """
    read = torch.cat([x, h_prev], dim=-1)
    matrix = torch.cat([weights["weight_ih"], weights["weight_hh"]], dim=1).chunk(gates)
    if "bias_ih" not in weights:
        return [linear(read, rows) for rows in matrix]
    bias = (weights["bias_ih"] + weights["bias_hh"]).chunk(gates)
    return [linear(read, rows, b) for rows, b in zip(matrix, bias, strict=True)]


def lstm_gates(x: Tensor, h_prev: Tensor, weights: Weights) -> Signals:
    """The gates ``i f o`` and the candidate ``g``, each ``[..., unit]``.

    Source: Gers, Schmidhuber & Cummins 2000; the equations of ``torch.nn.LSTM``.
    """
    i, f, g, o = preactivations(x, h_prev, weights, 4)
    return {"i": i.sigmoid(), "f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}


def lstm_output(o: Tensor, c: Tensor, weights: Weights) -> Tensor:
    """The hidden state ``o tanh(c)``, ``[..., unit]``, or its projection where there is one."""
    h = o * c.tanh()
    return linear(h, weights["weight_hr"]) if "weight_hr" in weights else h


def lstm_step(x: Tensor, h_prev: Tensor, c_prev: Tensor, weights: Weights) -> Signals:
    """The signals ``i f g o c h`` after one step from ``(h', c')``."""
    gates = lstm_gates(x, h_prev, weights)
    c = gates["f"] * c_prev + gates["i"] * gates["g"]
    return gates | {"c": c, "h": lstm_output(gates["o"], c, weights)}


def gru_gates(x: Tensor, h_prev: Tensor, weights: Weights) -> Signals:
    """The gates ``r z`` and the candidate ``n``, each ``[..., unit]``.

    The reset gate multiplies ``U_n h' + b_hn`` after the product, as cuDNN does; ONNX calls this
    ``linear_before_reset=1``, Keras ``reset_after=True``.

    Source: Cho et al. 2014; the equations of ``torch.nn.GRU``.
    """
    end = len(weights["weight_hh"]) // 3 * 2
    gates = {name: rows[:end] for name, rows in weights.items()}
    candidate = {name: rows[end:] for name, rows in weights.items()}
    r, z = (a.sigmoid() for a in preactivations(x, h_prev, gates, 2))
    from_input = linear(x, candidate["weight_ih"], candidate.get("bias_ih"))
    from_state = linear(h_prev, candidate["weight_hh"], candidate.get("bias_hh"))
    return {"r": r, "z": z, "n": (from_input + r * from_state).tanh()}


def gru_step(x: Tensor, h_prev: Tensor, weights: Weights) -> Signals:
    """The signals ``r z n h`` after one step from ``h'``; ``z`` is the share that is kept."""
    gates = gru_gates(x, h_prev, weights)
    z, n = gates["z"], gates["n"]
    return gates | {"h": (1 - z) * n + z * h_prev}


def rnn_step(x: Tensor, h_prev: Tensor, weights: Weights, nonlinearity: str = "tanh") -> Signals:
    """The signal ``h`` after one step from ``h'``; `nonlinearity` is ``"tanh"`` or ``"relu"``.

    Source: Elman 1990; the equations of ``torch.nn.RNN``.
    """
    (z,) = preactivations(x, h_prev, weights, 1)
    return {"h": z.relu() if nonlinearity == "relu" else z.tanh()}
