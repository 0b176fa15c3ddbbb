"""Every signal of a layer, found without any of our equations: torch's own cells, probed.

``nn.LSTMCell`` returns only ``h`` and ``c``. A gate shows itself when the others are driven into
saturation: with ``i = 1`` and ``c' = 0`` the new ``c`` is ``g``, and so on. In float64 a sigmoid of
800 is exactly 1, of -800 exactly 0, and tanh of 40 is exactly 1.
"""

import copy

import numpy as np
import torch
from torch import nn

CELLS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}
GATES = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}
OPEN, SHUT, ONE = 800.0, -800.0, 40.0


def cell_of(module, kind, layer, direction):
    """torch's step-by-step cell with the weights of one layer and direction, in float64."""
    suffix = f"_l{layer}" + ("_reverse" if direction else "")
    weights = {
        name.removesuffix(suffix): value.detach()
        for name, value in module.named_parameters()
        if name.endswith(suffix)
    }
    if "weight_hr" in weights:  # U (W_hr h) = (U W_hr) h, so a cell without projection serves
        weights["weight_hh"] = weights["weight_hh"] @ weights.pop("weight_hr")
    options = {"nonlinearity": module.nonlinearity} if kind == "rnn" else {}
    features, units = weights["weight_ih"].shape[1], weights["weight_hh"].shape[1]
    cell = CELLS[kind](features, units, bias=module.bias, dtype=torch.float64, **options)
    cell.load_state_dict(weights)
    return cell


def forced(cell, kind, **values):
    """A copy of `cell` in which the pre-activation of each named gate is a constant."""
    other = CELLS[kind](cell.input_size, cell.hidden_size, dtype=torch.float64)
    state = {name: value.clone() for name, value in other.state_dict().items()}
    given = cell.state_dict()
    for name in state:
        state[name] = given[name].clone() if name in given else torch.zeros_like(state[name])
    for gate, value in values.items():
        start = GATES[kind].index(gate) * cell.hidden_size
        rows = slice(start, start + cell.hidden_size)
        for name in state:
            state[name][rows] = value if name == "bias_ih" else 0.0
    other.load_state_dict(state)
    return other


def lstm_signals(cell, x, h, c):
    zero, large = torch.zeros_like(c), torch.full_like(c, ONE)
    new_h, new_c = cell(x, (h, c))
    return {
        "i": forced(cell, "lstm", g=ONE)(x, (h, zero))[1],
        "f": forced(cell, "lstm", i=SHUT)(x, (h, zero + 1))[1],
        "g": forced(cell, "lstm", i=OPEN)(x, (h, zero))[1],
        "o": forced(cell, "lstm", f=OPEN, i=SHUT)(x, (h, large))[0],
        "c": new_c,
        "h": new_h,
    }


def gru_signals(cell, x, h):
    candidate_is_r = forced(cell, "gru", z=SHUT, n=0.0)
    candidate_is_r.bias_hh.data[-cell.hidden_size :] = 1.0  # n = tanh(r (0 + 1))
    without_n = forced(cell, "gru", n=ONE)(x, h)  # (1 - z) + z h
    return {
        "r": torch.atanh(candidate_is_r(x, h)),
        "z": (1 - without_n) / (1 - h),
        "n": forced(cell, "gru", z=SHUT)(x, h),
        "h": cell(x, h),
    }


@torch.no_grad()
def signals(module, kind, layer, direction, inputs, h_0=None, c_0=None):
    """Every signal of one layer and direction, ``[time, unit]`` in the order of the input.

    A projected LSTM's `h` is projected here; its `h_0` must be zero.
    """
    cell = cell_of(module, kind, layer, direction)
    x = torch.as_tensor(np.array(inputs), dtype=torch.float64)
    zero = torch.zeros(1, cell.hidden_size, dtype=torch.float64)
    h = zero if h_0 is None else torch.as_tensor(h_0)[None]
    c = zero if c_0 is None else torch.as_tensor(c_0)[None]
    steps = []
    for x_t in x.flip(0) if direction else x:
        if kind == "lstm":
            step = lstm_signals(cell, x_t[None], h, c)
            c = step["c"]
        elif kind == "gru":
            step = gru_signals(cell, x_t[None], h)
        else:
            step = {"h": cell(x_t[None], h)}
        h = step["h"]
        steps.append(step)
    steps = steps[::-1] if direction else steps
    found = {key: torch.cat([step[key] for step in steps]) for key in steps[0]}
    if kind == "lstm" and module.proj_size:
        suffix = f"_l{layer}" + ("_reverse" if direction else "")
        found["h"] = found["h"] @ getattr(module, "weight_hr" + suffix).T
    return {key: value.numpy() for key, value in found.items()}


def untouched(module):
    """A snapshot of all that a trace must leave alone, in a form that compares with ``==``."""
    return copy.deepcopy(
        {
            "values": {k: v.tolist() for k, v in module.state_dict().items()},
            "places": [p.data_ptr() for p in module.parameters()],
            "gradients": [None if p.grad is None else p.grad.tolist() for p in module.parameters()],
            "wanted": [p.requires_grad for p in module.parameters()],
            "modes": [m.training for m in module.modules()],
            "hooks": [
                len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
                for m in module.modules()
            ],
            "attributes": [sorted(vars(m)) for m in module.modules()],
            "random": torch.get_rng_state().tolist(),
        }
    )
