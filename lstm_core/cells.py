"""One step of each cell, written as its paper's equation, and its Jacobian; no loops, no modules.

Every function works on ``[..., feature]``: one step of one sequence, or the whole time axis at
once. `weights` maps torch's names without their suffix (``weight_ih``, ``weight_hh``, ``bias_ih``,
``bias_hh``, ``weight_hr``) to tensors; biases may be absent. Rows are packed as torch packs them:
i f g o for an LSTM, r z n for a GRU.
"""

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Jacobian:
    """How one step answers small changes of what it reads, ``(x, h')``, and of an LSTM's ``c'``.

    Changes are rows, ``[change, number]``. Without a `cell` the step is ``dh = direct d(x, h')``.
    With it, ``dc = keep dc' + cell d(x, h')`` and ``dh = escape dc + direct d(x, h')``, projected
    where the layer is: two products of the layer's size instead of one of twice the size.

    Attributes:
        features: how many of the columns belong to ``x``; those of ``h'`` follow.
        direct: ``[unit, feature + state]``; for an LSTM with ``c`` held fixed.
        cell: ``dc / d(x, h')``, likewise; ``None`` unless an LSTM.
        keep: the forget gate, ``dc / dc'``, ``[unit]``.
        escape: ``o (1 - tanh(c)^2)``, ``dh / dc``, ``[unit]``.
        projection: ``[state, unit]`` of a projected LSTM.
    """

    features: int
    direct: Tensor
    cell: Tensor | None = None
    keep: Tensor | None = None
    escape: Tensor | None = None
    projection: Tensor | None = None

    def forward(
        self, x: Tensor | None, h: Tensor, c: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The changes of ``h`` and ``c`` that changes of ``x`` (none), ``h'`` and ``c'`` make."""
        direct = self._through(self.direct, x, h)
        if self.cell is None or self.keep is None or self.escape is None or c is None:
            return direct, None
        c = torch.addcmul(self._through(self.cell, x, h), c, self.keep)
        m = torch.addcmul(direct, c, self.escape)
        return (m if self.projection is None else linear(m, self.projection)), c

    def backward(self, h: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """What a change of ``x``, ``h'`` and ``c'`` does to numbers that read ``h`` and ``c``.

        Rows of `h` and `c` are gradients of those numbers; so are the rows that come back.
        """
        if self.cell is None or self.keep is None or self.escape is None or c is None:
            read, before = h @ self.direct, None
        else:
            m = h if self.projection is None else h @ self.projection
            c = torch.addcmul(c, m, self.escape)
            read, before = torch.addmm(m @ self.direct, c, self.cell), c * self.keep
        return read[:, : self.features], read[:, self.features :], before

    def _through(self, matrix: Tensor, x: Tensor | None, h: Tensor) -> Tensor:
        from_h = linear(h, matrix[:, self.features :])
        return from_h if x is None else from_h + linear(x, matrix[:, : self.features])


def lstm_jacobian(signals: Signals, c_prev: Tensor, weights: Weights) -> Jacobian:
    """The Jacobian of `lstm_step` at one step with these `signals`, each ``[unit]``."""
    i, f, g, o = (signals[key] for key in "ifgo")
    to_i, to_f, to_g, to_o = _side_by_side(weights).chunk(4)
    squashed = signals["c"].tanh()
    cell = (g * i * (1 - i))[:, None] * to_i
    cell.addcmul_((c_prev * f * (1 - f))[:, None], to_f).addcmul_((i * (1 - g * g))[:, None], to_g)
    return Jacobian(
        features=weights["weight_ih"].shape[1],
        direct=(squashed * o * (1 - o))[:, None] * to_o,
        cell=cell,
        keep=f,
        escape=o * (1 - squashed * squashed),
        projection=weights.get("weight_hr"),
    )


def gru_jacobian(gates: Signals, h_prev: Tensor, weights: Weights) -> Jacobian:
    """The Jacobian of `gru_step` at one step with these `gates`, each ``[unit]``."""
    r, z, n = (gates[key] for key in "rzn")
    bias = weights["bias_hh"].chunk(3)[2] if "bias_hh" in weights else None
    u_n = linear(h_prev, weights["weight_hh"].chunk(3)[2], bias)
    features = weights["weight_ih"].shape[1]
    to_r, to_z, to_n = _side_by_side(weights).chunk(3)
    slope = (1 - z) * (1 - n * n)
    direct = slope[:, None] * to_n
    direct[:, features:] *= r[:, None]
    direct.addcmul_((slope * u_n * r * (1 - r))[:, None], to_r)
    direct.addcmul_(((h_prev - n) * z * (1 - z))[:, None], to_z)
    direct[:, features:].diagonal().add_(z)
    return Jacobian(features=features, direct=direct)


def rnn_jacobian(h: Tensor, weights: Weights, nonlinearity: str = "tanh") -> Jacobian:
    """The Jacobian of `rnn_step` at one step that ended in `h`, ``[unit]``."""
    slope = (h > 0).to(h) if nonlinearity == "relu" else 1 - h * h
    matrix = _side_by_side(weights)
    return Jacobian(features=weights["weight_ih"].shape[1], direct=slope[:, None] * matrix)


def _side_by_side(weights: Weights) -> Tensor:
    """``W`` and ``U`` as one matrix, ``[gate * unit, feature + state]``."""
    return torch.cat([weights["weight_ih"], weights["weight_hh"]], dim=1)
