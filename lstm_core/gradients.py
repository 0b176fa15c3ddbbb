"""Local sensitivity: what an infinitely small change of an earlier input does to a later state.

This tells whether a network can be trained across a gap, and not whether it remembers: a network
that has latched onto a symbol keeps it while this vanishes (Bengio, Simard & Frasconi 1994). For
memory see `counterfactual`. Jacobians are closed forms (`cells`); autograd is not used.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from lstm_core.chain import Chain
from lstm_core.reading import Source, open_module
from lstm_core.trace import Trace, trace

_ROWS = 8192
"""Rows of changes that are walked forwards together, which bounds the memory."""

_LOOK = 16
"""Every so many steps what has vanished is set to zero: what is below 1e-30 in float32."""


def sensitivity(
    module: nn.Module,
    inputs: Any,
    of: Literal["state"] | int = "state",
    *,
    layer: int = -1,
    direction: int = 0,
    h_0: ArrayLike | Tensor | None = None,
    c_0: ArrayLike | Tensor | None = None,
) -> np.ndarray:
    """How much step t answers a small change of the input at step k, ``[time, input_time]``.

    Zero where k is read after t. Between models only the ratio to ``k = t`` compares.

    Args:
        module: what `trace` accepts; layer 0 reads a vocabulary's features or an embedding.
        inputs: what `trace` accepts.
        of: ``"state"``: the Frobenius norm of ``ds_t / dx_k``, with s = (h, c) of an LSTM, h
            otherwise; walks forwards from every input number.
            A class index: the norm of ``d logit_t / dx_k``; walks backwards once, with one row for
            every t, and so costs the fewest products.
        layer, direction: whose state; `direction` 1 needs `layer` 0.
        h_0, c_0: as in `trace`.

    Raises:
        ValueError: for a module without a readout, if a class is asked for; for a deeper layer or
            the readout of a bidirectional module, which reads both past and future.
        IndexError: if there is no such class, layer or direction.

    Through a weight of 0.5, a change halves at every step:

    >>> import torch
    >>> from torch import nn
    >>> from lstm_core import sensitivity
    >>> rnn = nn.RNN(1, 1, nonlinearity="relu")
    >>> for weight in rnn.parameters(): _ = nn.init.constant_(weight, 0.5)
    >>> sensitivity(rnn, torch.ones(3, 1)).tolist()
    [[0.5, 0.0, 0.0], [0.25, 0.5, 0.0], [0.125, 0.25, 0.5]]
    """
    source = open_module(module)
    traced = trace(module, inputs, h_0=h_0, c_0=c_0)
    one = traced.layer(layer, direction)
    if source.directions == 2 and (of != "state" or one.layer):
        raise ValueError(
            "in a bidirectional module only layer 0 reads in one direction; what lies above it "
            "depends on past and future inputs by both directions"
        )
    with torch.inference_mode(), torch.autocast(source.like.device.type, enabled=False):
        if of == "state":
            chains = _chains(traced, source.like, one.layer, direction)
            found = _forwards(chains).cpu().numpy()
            return np.ascontiguousarray(found[::-1, ::-1]) if direction else found
        row = _row(source, of)
        return _backwards(_chains(traced, source.like, traced.num_layers - 1, 0), row).cpu().numpy()


def _chains(traced: Trace, like: Tensor, last: int, direction: int) -> list[Chain]:
    layers = [traced.layer(number, direction) for number in range(last + 1)]
    return [Chain.of(layer, like) for layer in layers]


def _row(source: Source, of: object) -> Tensor:
    """The row of the readout that reads class `of`, ``[unit]``."""
    if source.model is None or not source.model.config.output_size:
        raise ValueError("a bare module has no classes; pass a SequenceModel or of='state'")
    rows = source.model.readout.weight.detach()
    if not isinstance(of, int | np.integer) or not 0 <= of < len(rows):
        raise IndexError(f"of must be 'state' or a class from 0 to {len(rows) - 1}, got {of!r}")
    return rows[of]


def _backwards(chains: Sequence[Chain], row: Tensor) -> Tensor:
    """``[time, input_time]`` of one readout row, by one walk back.

    A row of gradients for every target t joins at its own step; all rows walk on together.
    """
    time = len(chains[0])
    found = row.new_zeros(time, time)
    held = [chain.zeros(time) for chain in chains]
    stop = time
    for step in reversed(range(time)):
        # Row r belongs to the target r: those from `step` on have joined, those from `stop` on
        # have vanished.
        held[-1][0][step] = row
        x = None
        for chain, state in reversed(list(zip(chains, held, strict=True))):
            h, c = _rows(state, step, stop)
            x, before, c_before = chain.jacobian(step).backward(h if x is None else h + x, c)
            h.copy_(before)
            if c is not None and c_before is not None:
                c.copy_(c_before)
        assert x is not None
        found[step:stop, step] = torch.linalg.vector_norm(x, dim=1)
        if step % _LOOK == 0:
            alive = _flush([_rows(state, step, stop) for state in held])
            stop = step + int(alive.nonzero().max()) + 1 if alive.any() else step
    return found


def _rows(
    state: tuple[Tensor, Tensor | None], first: int, stop: int
) -> tuple[Tensor, Tensor | None]:
    h, c = state
    return h[first:stop], None if c is None else c[first:stop]


def _flush(states: list[tuple[Tensor, Tensor | None]]) -> Tensor:
    """Which rows are left after those that have vanished are set to zero, bool ``[row]``.

    Numbers too small for full precision make a processor crawl.
    """
    parts = [part for state in states for part in state if part is not None]
    size = torch.stack([part.abs().amax(dim=1) for part in parts]).amax(dim=0)
    alive = ~(size < torch.finfo(size.dtype).tiny * 1e8)  # NaN is alive
    for part in parts:
        part[~alive] = 0
    return alive


def _forwards(chains: Sequence[Chain]) -> Tensor:
    """``[time, input_time]`` of the whole state, by a walk forwards for blocks of inputs."""
    time, features = len(chains[0]), chains[0].features
    found = chains[0].h_prev.new_zeros(time, time)
    width = max(1, _ROWS // features)
    for first in range(0, time, width):
        inputs = range(first, min(first + width, time))
        held = [chain.zeros(features * len(inputs)) for chain in chains]
        for step in range(first, time):
            joined = features * (min(step + 1, inputs.stop) - first)
            state = _step_forward(chains, held, step, joined, joins=step in inputs)
            size = [part.square().sum(dim=1) for part in state if part is not None]
            squares = torch.stack(size).sum(dim=0).unflatten(0, (-1, features)).sum(dim=1)
            found[step, first : first + len(squares)] = squares.sqrt()
            if step % _LOOK == 0:
                _flush(held)
    return found


def _step_forward(
    chains: Sequence[Chain],
    held: list[tuple[Tensor, Tensor | None]],
    step: int,
    joined: int,
    *,
    joins: bool,
) -> tuple[Tensor, Tensor | None]:
    """Moves the first `joined` rows one step on; where one joins, its input's numbers change."""
    x = None
    if joins:
        features = chains[0].features
        x = held[0][0].new_zeros(joined, features)
        x[-features:] = torch.eye(features)
    for chain, (h, c) in zip(chains, held, strict=True):
        before = None if c is None else c[:joined]
        h[:joined], after = chain.jacobian(step).forward(x, h[:joined], before)
        if c is not None and after is not None:
            c[:joined] = after
        x = h[:joined]
    h, c = held[-1]
    return h[:joined], None if c is None else c[:joined]


def highway_share(trace: Trace, since: int, *, layer: int = -1, direction: int = 0) -> np.ndarray:
    """How much of the gradient between two states runs through the gates alone, ``[time]``.

    With D = diag(prod f), the way through the cell alone, and M = dc_t / dc_since with h moving
    along: ``||D|| / (||D|| + ||M - D||)``, Frobenius norms. 1 at `since`, NaN at what was read
    before it and where both have vanished. For a GRU, z and h take the places of f and c.

    Raises:
        ValueError: for a plain RNN, which has no such way, or a difference of traces.
        IndexError: if there is no such step, layer or direction.

    Where no gate reads the state, there is no other way:

    >>> import torch
    >>> from torch import nn
    >>> from lstm_core import highway_share, trace
    >>> lstm = nn.LSTM(1, 2)
    >>> _ = nn.init.zeros_(lstm.weight_hh_l0)
    >>> highway_share(trace(lstm, torch.ones(4, 1)), since=1).tolist()
    [nan, 1.0, 1.0, 1.0]
    """
    one = trace.layer(layer, direction)
    if one.cell == "rnn":
        raise ValueError(
            "a plain RNN has no multiplicative carry: all of its state is rewritten at each step, "
            "so no gradient passes by the weights"
        )
    if not 0 <= since < len(one):
        raise IndexError(f"step {since} of a sequence with {len(one)} (counted from 0)")
    start = len(one) - 1 - since if direction else since
    with torch.inference_mode():
        read = _shares(Chain.of(one), start).numpy()
    shares = np.concatenate([np.full(start, np.nan), read])
    return shares[::-1].copy() if direction else shares


def _shares(chain: Chain, start: int) -> Tensor:
    h, c = _carried(chain, start)
    gate = chain.signals["f" if chain.cell == "lstm" else "z"]
    highway = gate.new_ones(gate.shape[1])
    shares = [highway.new_ones(())]
    for step in range(start + 1, len(chain)):
        h, c = chain.jacobian(step).forward(None, h, c)
        highway = highway * gate[step]
        rest = (h if c is None else c) - highway.diag()
        direct = torch.linalg.vector_norm(highway)
        shares.append(direct / (direct + torch.linalg.vector_norm(rest)))
    return torch.stack(shares)


def _carried(chain: Chain, start: int) -> tuple[Tensor, Tensor | None]:
    """A change of each number of the state that the gates carry, right after step `start`."""
    h, c = chain.zeros(chain.sizes[1] or chain.sizes[0])
    if c is None:
        return h.fill_diagonal_(1), None
    c.fill_diagonal_(1)
    escape = chain.jacobian(start).escape
    assert escape is not None  # an LSTM's
    h = escape.diag()
    return (h @ chain.weights["weight_hr"].t() if "weight_hr" in chain.weights else h), c
