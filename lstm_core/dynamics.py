"""For experts: what a network's steps do to small changes in the long run, and where they end.

Everything is computed in float64 on the CPU. A state is `h`, or `h` and then `c` of an LSTM.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from lstm_core.cells import Signals, gru_step, lstm_step, rnn_step
from lstm_core.chain import Chain, joined
from lstm_core.signals import PACKED
from lstm_core.trace import LayerTrace, Trace


def lyapunov_exponents(
    trace: Trace,
    *,
    count: int | None = None,
    every: int = 1,
    skip: int = 0,
    layer: int = -1,
    direction: int = 0,
) -> np.ndarray:
    """The rates at which small changes of the state grow along the trace, ``[exponent]``.

    The largest first; below 0 they shrink. A change is of the full state, for an LSTM of h and c
    together: h alone misses what the cell carries.

    Args:
        count: how many; all, as many as the state has numbers, when not given.
        every: steps between two orthonormalisations. More is faster, but float64 then loses the
            exponents that lie more than ``36 / every`` below the largest.
        skip: steps at the start in which the directions settle and nothing is counted.

    Units:
        Nats per step.

    Raises:
        ValueError: if `count`, `every` or `skip` does not fit the state or the trace, or the trace
            is a difference.
        IndexError: if there is no such layer or direction.

    Source: Benettin et al. 1980, for the orthonormalisation.

    A cell that halves every change has the exponent ``ln 0.5``:

    >>> import torch
    >>> from lstm_core import lyapunov_exponents, trace
    >>> rnn = torch.nn.RNN(1, 1, nonlinearity="relu")
    >>> for weight in rnn.parameters(): _ = torch.nn.init.constant_(weight, 0.5)
    >>> lyapunov_exponents(trace(rnn, torch.ones(20, 1))).round(3)
    array([-0.693])
    """
    chain = Chain.of(trace.layer(layer, direction))
    size = sum(chain.sizes)
    count = size if count is None else count
    if not 1 <= count <= size or every < 1 or not 0 <= skip < len(chain):
        raise ValueError(
            f"count goes from 1 to {size}, every from 1 and skip from 0 to {len(chain) - 1}; "
            f"got {count}, {every} and {skip}"
        )
    with torch.inference_mode():
        changes = _directions(size)[:count]
        growth = torch.zeros(count, dtype=torch.float64)
        for step in range(len(chain)):
            h, c = chain.jacobian(step).forward(None, *chain.split(changes))
            changes = joined(h, c)
            if (step + 1) % every == 0 or step + 1 in (skip, len(chain)):
                q, r = torch.linalg.qr(changes.T)
                changes = q.T
                growth += r.diagonal().abs().log() if step >= skip else 0
    return np.sort(growth.numpy() / (len(chain) - skip))[::-1].copy()


def _directions(size: int) -> Tensor:
    """Orthonormal rows that favour no unit: a change of one unit alone may never leave it."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return torch.linalg.qr(normal)[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPoints:
    """States that a step with a constant input leaves where they are.

    Attributes:
        states: the distinct ones, ``[point, state]``.
        residuals: the largest number by which a step moves each, ``[point]``.
        eigenvalues: of the step's Jacobian there, complex ``[point, state]``, the largest first.
        found_from: how many of the starts led to each, ``[point]``.
        starts: how many starts there were.
    """

    states: np.ndarray
    residuals: np.ndarray
    eigenvalues: np.ndarray
    found_from: np.ndarray
    starts: int

    @property
    def stable(self) -> np.ndarray:
        """Whether every small change shrinks there, bool ``[point]``."""
        return np.abs(self.eigenvalues).max(axis=1, initial=0) < 1


def fixed_points(
    trace: Trace,
    x: ArrayLike,
    *,
    starts: ArrayLike | None = None,
    settle: int = 0,
    tolerance: float = 1e-9,
    most_steps: int = 60,
    apart: float = 1e-3,
    layer: int = -1,
    direction: int = 0,
) -> FixedPoints:
    """Where one layer comes to rest when it reads `x` again and again.

    Newton's method with least squares, so that a line of fixed points does no harm, halving a step
    until it helps. It finds unstable points too, and only those near where it starts: none found
    does not mean that there is none.

    Args:
        trace: gives the weights and the starts.
        x: the constant input of that layer, ``[feature]``.
        starts: ``[start, state]``; up to 64 states of the trace when not given.
        settle: how often the layer itself steps before Newton's method takes over; with 100 or so,
            most starts that are drawn to a stable point end there.
        tolerance: a point counts when no number of it moves by more.
        apart: two points nearer than this, in their largest difference, are one.

    Raises:
        ValueError: if `x` or `starts` has another size than the layer reads or holds, `settle` or
            `most_steps` is negative, or the trace is a difference.
        IndexError: if there is no such layer or direction.

    Source: Sussillo & Barak 2013, who make the speed small instead.

    ``h = tanh(2 h)`` has three solutions, and the one in the middle repels:

    >>> import torch
    >>> from lstm_core import fixed_points, trace
    >>> rnn = torch.nn.RNN(1, 1, bias=False)
    >>> _ = torch.nn.init.constant_(rnn.weight_hh_l0, 2)
    >>> found = fixed_points(trace(rnn, torch.ones(4, 1)), x=[0], starts=[[-1], [0], [1]])
    >>> found.states[:, 0].round(3).tolist(), found.stable.tolist()
    ([-0.958, 0.0, 0.958], [True, False, True])
    """
    one = trace.layer(layer, direction)
    chain = Chain.of(one)
    read = torch.as_tensor(np.array(x, dtype=np.float64))
    if read.shape != (chain.features,):
        raise ValueError(f"x needs the shape [{chain.features}], got {list(read.shape)}")
    begin = _some_states(one) if starts is None else np.array(starts, dtype=np.float64)
    if settle < 0 or most_steps < 0:
        raise ValueError(f"settle and most_steps go from 0, got {settle} and {most_steps}")
    if begin.ndim != 2 or begin.shape[1] != sum(chain.sizes):
        raise ValueError(f"starts need the shape [start, {sum(chain.sizes)}], got {begin.shape}")
    with torch.inference_mode():
        settled = _settled(chain, read, torch.tensor(begin), settle)
        ends = [_rest(chain, read, state, tolerance, most_steps) for state in settled]
        return _distinct(chain, read, [end for end in ends if end is not None], apart, len(begin))


def _some_states(one: LayerTrace, most: int = 64) -> np.ndarray:
    keys = ("h", "c") if one.cell == "lstm" else ("h",)
    states = np.concatenate([one[key] for key in keys], axis=1).astype(np.float64)
    return states[np.unique(np.linspace(0, len(states) - 1, most).astype(int))]


def _rest(
    chain: Chain, x: Tensor, state: Tensor, tolerance: float, most_steps: int
) -> Tensor | None:
    """The fixed point that Newton's method reaches from `state`, if it reaches one."""
    identity = torch.eye(len(state), dtype=state.dtype)
    after, jacobian = _step(chain, x, state)
    for _ in range(most_steps):
        move = after - state
        if not move.isfinite().all():
            return None
        if move.abs().max() <= tolerance:
            return state
        newton = torch.linalg.lstsq(identity - jacobian, move[:, None], driver="gelsd")
        scale, size = 1.0, move.norm()
        while scale > 1e-4:
            tried = state + scale * newton.solution[:, 0]
            after, jacobian = _step(chain, x, tried)
            if (after - tried).norm() < size:
                break
            scale /= 2
        else:
            return None
        state = tried
    return None


def _settled(chain: Chain, x: Tensor, states: Tensor, steps: int) -> Tensor:
    """``[start, state]`` after so many steps."""
    for _ in range(steps):
        h, c = chain.split(states)
        signals = _signals(chain, x.expand(len(states), -1), h, c)
        states = joined(signals["h"], signals.get("c"))
    return states


def _signals(chain: Chain, x: Tensor, h: Tensor, c: Tensor | None) -> Signals:
    if c is not None:
        return lstm_step(x, h, c, chain.weights)
    if chain.cell == "gru":
        return gru_step(x, h, chain.weights)
    return rnn_step(x, h, chain.weights, chain.nonlinearity)


def _step(chain: Chain, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The state after one step, ``[state]``, and its Jacobian, ``[state, state before]``."""
    h, c = chain.split(state[None])
    signals = _signals(chain, x[None], h, c)
    here = Chain(
        cell=chain.cell,
        nonlinearity=chain.nonlinearity,
        signals=signals,
        h_prev=h,
        c_prev=c,
        weights=chain.weights,
    )
    identity = torch.eye(len(state), dtype=state.dtype)
    changes = joined(*here.jacobian(0).forward(None, *chain.split(identity)))
    return joined(signals["h"], signals.get("c"))[0], changes.T


def _distinct(
    chain: Chain, x: Tensor, ends: list[Tensor], apart: float, starts: int
) -> FixedPoints:
    points: list[Tensor] = []
    counts: list[int] = []
    for end in ends:
        near = [n for n, point in enumerate(points) if (point - end).abs().max() < apart]
        if near:
            counts[near[0]] += 1
        else:
            points.append(end)
            counts.append(1)
    size = sum(chain.sizes)
    steps = [_step(chain, x, point) for point in points]
    spectra = [_spectrum(jacobian.numpy()) for _, jacobian in steps]
    moved = [float((a - p).abs().max()) for (a, _), p in zip(steps, points, strict=True)]
    return FixedPoints(
        states=np.stack([p.numpy() for p in points]) if points else np.zeros((0, size)),
        residuals=np.array(moved),
        eigenvalues=np.stack(spectra) if points else np.zeros((0, size), dtype=complex),
        found_from=np.array(counts, dtype=int),
        starts=starts,
    )


def _spectrum(matrix: np.ndarray) -> np.ndarray:
    """The eigenvalues, complex, the largest first."""
    values = np.linalg.eigvals(matrix).astype(complex)
    return values[np.argsort(-np.abs(values), kind="stable")]


def participation_ratio(states: ArrayLike) -> float:
    """In how many dimensions ``[time, unit]`` varies: ``(sum l)^2 / sum l^2`` of its variances.

    1 on a line, the number of units where all directions vary alike, 0 where nothing varies.

    Raises:
        ValueError: if `states` is no table, or holds an infinity.

    Source: Gao et al. 2017.

    >>> from lstm_core import participation_ratio
    >>> line, cross = [[1, 2], [2, 4], [3, 6]], [[1, 0], [-1, 0], [0, 1], [0, -1]]
    >>> round(participation_ratio(line), 6), round(participation_ratio(cross), 6)
    (1.0, 2.0)
    """
    values = np.asarray(states, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise ValueError(f"states need the shape [time, unit], got {values.shape}")
    largest = np.abs(values).max(initial=0)
    if np.isinf(largest):
        raise ValueError("states need finite numbers, got an infinity")
    values = values / (largest or 1)  # squares of squares neither overflow nor vanish
    centred = values - values.mean(axis=0)
    spread = np.abs(centred).max(initial=0)
    if spread <= np.finfo(float).eps * len(values):  # the mean of equal numbers may be another
        return 0.0
    covariance = (centred / spread).T @ (centred / spread)
    return float(np.trace(covariance) ** 2 / (covariance**2).sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class Spectrum:
    """What one recurrent matrix does to a state, in the long run and in one step.

    Attributes:
        eigenvalues: complex ``[unit]``, the largest first.
        radius: the largest of their sizes: the rate in the long run.
        norm: the largest singular value: the most in one step. A matrix that is not normal may
            grow a state for a while although its radius is below 1.
    """

    eigenvalues: np.ndarray
    radius: float
    norm: float


def spectral_radius(trace: Trace, *, layer: int = -1, direction: int = 0) -> dict[str, Spectrum]:
    """The spectrum of each gate's recurrent matrix, by the gate's key (``"h"`` of a plain RNN).

    For a projected LSTM that of the matrix and the projection together. Each has `radius`, `norm`
    and `eigenvalues`.

    Raises:
        ValueError: if the trace is a difference, or a weight is NaN or infinite.
        IndexError: if there is no such layer or direction.

    Of a diagonal matrix, the largest entry:

    >>> import torch
    >>> from lstm_core import spectral_radius, trace
    >>> rnn = torch.nn.RNN(1, 2)
    >>> rnn.weight_hh_l0.data = torch.diag(torch.tensor([0.25, -0.75]))
    >>> spectral_radius(trace(rnn, torch.ones(4, 1)))["h"].radius
    0.75
    """
    one = trace.layer(layer, direction).require_values()
    matrix = one.weights["weight_hh"].astype(np.float64)
    if "weight_hr" in one.weights:
        matrix = matrix @ one.weights["weight_hr"]
    gates = PACKED[one.cell]
    return {
        gate: spectrum_of(part)
        for gate, part in zip(gates, np.split(matrix, len(gates)), strict=True)
    }


def spectrum_of(matrix: np.ndarray) -> Spectrum:
    """The spectrum of one square matrix of finite numbers, else a `ValueError`."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ValueError(f"expected a square matrix [unit, unit], got the shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError("expected a matrix of finite numbers, got one with NaN or infinity")
    values = _spectrum(matrix)
    return Spectrum(
        eigenvalues=values,
        radius=float(np.abs(values[0])),
        norm=float(np.linalg.norm(matrix, 2)),
    )


def fisher_memory(recurrent: np.ndarray, feed: np.ndarray, max_lag: int) -> np.ndarray:
    """How well a linear network tells its input so many steps ago from noise, ``[lag]``, from 0.

    The state is ``s = W s' + v u + noise`` of variance 1 in every unit and step; an entry is
    ``(W^k v)^T C^-1 (W^k v)`` with C the noise's covariance.

    Args:
        recurrent: W, ``[unit, unit]``.
        feed: v, ``[unit]``.
        max_lag: the last lag.

    Raises:
        ValueError: if the spectral radius is not below 1, where C has no end, or C exceeds float64;
            if sizes do not fit, or `max_lag` is negative.

    Source: Ganguli, Huh & Sompolinsky 2008.

    One unit with the weight w has ``w^2k (1 - w^2)`` at lag k:

    >>> from lstm_core import fisher_memory
    >>> fisher_memory([[0.5]], [1.0], max_lag=2).round(6).tolist()
    [0.75, 0.1875, 0.046875]
    """
    power = step = np.asarray(recurrent, dtype=np.float64)
    signals = [np.asarray(feed, dtype=np.float64)]
    if not spectrum_of(step).radius < 1:
        raise ValueError("the spectral radius must be below 1, or the noise grows for ever")
    if signals[0].shape != step.shape[:1] or max_lag < 0:
        raise ValueError(
            f"feed needs the shape [{len(step)}] and max_lag goes from 0; "
            f"got {list(signals[0].shape)} and {max_lag}"
        )
    covariance = np.eye(len(power))
    with np.errstate(over="ignore", invalid="ignore"):
        while np.abs(power).max() > 1e-30:  # each round doubles the powers that are summed
            covariance = covariance + power @ covariance @ power.T
            power = power @ power
    if not np.isfinite(covariance).all():
        raise ValueError("the noise grows beyond what float64 holds; expected smaller weights")
    for _ in range(max_lag):
        signals.append(step @ signals[-1])
    return np.array([signal @ np.linalg.solve(covariance, signal) for signal in signals])
