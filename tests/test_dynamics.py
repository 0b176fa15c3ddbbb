"""Lyapunov exponents, fixed points and spectra: known answers and torch's own modules."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lstm_core import (
    difference,
    fisher_memory,
    fixed_points,
    lyapunov_exponents,
    participation_ratio,
    spectral_radius,
    trace,
)

EXACT = 1e-10
MODULES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def build(kind, features=3, units=4, **options):
    return MODULES[kind](features, units, **({"dtype": torch.float64} | options))


def walk(time=6, features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(time, features))


def rotation(rho, units=6):
    module = build("rnn", 1, units, bias=False)
    with torch.no_grad():
        nn.init.orthogonal_(module.weight_hh_l0).mul_(rho)
    return module


@pytest.mark.parametrize("rho", [0.8, 1.0, 1.1])
def test_all_exponents_of_a_scaled_rotation_at_rest_are_the_logarithm_of_its_scale(rho):
    tr = trace(rotation(rho), np.zeros((83, 1)))
    np.testing.assert_allclose(lyapunov_exponents(tr), [np.log(rho)] * 6, rtol=0, atol=EXACT)


def test_a_cell_that_only_keeps_neither_changes_nor_forgets():
    module = build("lstm")
    with torch.no_grad():
        module.bias_ih_l0[0:4] = -50
        module.bias_ih_l0[4:8] = 50
    c_0 = np.array([[0.3, -0.7, 1.2, 0.1]])
    tr = trace(module, walk(500), c_0=c_0)
    np.testing.assert_allclose(tr["c"][499], c_0[0], rtol=0, atol=EXACT)
    exponents = lyapunov_exponents(tr, skip=50)
    np.testing.assert_allclose(exponents[:4], 0, rtol=0, atol=1e-3)
    assert exponents[4] < -1


@pytest.mark.parametrize("kind", MODULES)
def test_exponents_sum_to_the_logarithm_of_the_determinant(kind):
    """The determinant of a product is the product of determinants, by autograd."""
    module = build(kind, proj_size=0) if kind == "lstm" else build(kind)
    tr = trace(module, walk(7))
    cell = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}[kind](3, 4).double()
    cell.load_state_dict({n.removesuffix("_l0"): v for n, v in module.state_dict().items()})
    state, total = torch.zeros(8 if kind == "lstm" else 4).double(), 0.0
    for x in torch.tensor(walk(7)):

        def step(s, x=x):
            return torch.cat(cell(x, tuple(s.split(4)))) if kind == "lstm" else cell(x, s)

        total += float(torch.autograd.functional.jacobian(step, state).det().abs().log())
        state = step(state).detach()
    assert lyapunov_exponents(tr, every=3).sum() * 7 == pytest.approx(total, abs=1e-8)


def test_the_first_exponents_do_not_depend_on_how_many_or_how_often():
    tr = trace(build("gru", 3, 8), walk(400))
    every = lyapunov_exponents(tr, every=1)
    np.testing.assert_allclose(lyapunov_exponents(tr, every=9), every, rtol=0, atol=1e-8)
    assert (np.diff(every) <= 0).all()
    few = lyapunov_exponents(tr, count=2, skip=100)
    assert few.shape == (2,)
    np.testing.assert_allclose(few[0], every[0], atol=0.05)


def test_skipped_steps_are_not_counted():
    module = rotation(0.5)
    inputs = np.zeros((40, 1))
    inputs[:20] = 5  # saturated: shrinks faster
    tr = trace(module, inputs)
    late = lyapunov_exponents(tr, skip=30)
    assert lyapunov_exponents(tr)[0] < late[0] - 0.05
    np.testing.assert_allclose(late, np.log(0.5), atol=1e-2)


def test_fixed_points_of_one_unit_are_the_roots_of_its_equation():
    """h = tanh(2 h) has three solutions; 0 is the one that does not hold."""
    module = build("rnn", 1, 1, bias=False)
    with torch.no_grad():
        module.weight_hh_l0.fill_(2)
    tr = trace(module, np.zeros((2, 1)))
    starts = np.array([[-0.9], [-0.4], [0.01], [0.02], [0.9]])
    found = fixed_points(tr, [0.0], starts=starts)
    order = np.argsort(found.states[:, 0])
    root = 0.9575040240772687
    np.testing.assert_allclose(found.states[order, 0], [-root, 0, root], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found.stable[order], [True, False, True])
    np.testing.assert_allclose(
        found.eigenvalues[order, 0], [2 * (1 - root**2), 2, 2 * (1 - root**2)], atol=1e-8
    )
    assert found.found_from.sum() == found.starts == 5
    assert found.residuals.max() <= 1e-9


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("direction", [0, 1])
def test_a_fixed_point_is_where_the_module_comes_to_rest(kind, direction):
    module = build(kind, bidirectional=True)
    x = walk(1)[0]
    rest = trace(module, np.tile(x, (600, 1)))
    found = fixed_points(trace(module, walk(5)), x, direction=direction)
    assert len(found.states) == 1
    assert found.stable[0]
    end = 0 if direction else -1
    keys = ("h", "c") if kind == "lstm" else ("h",)
    expected = np.concatenate([rest.select(key, -1, direction)[end] for key in keys])
    np.testing.assert_allclose(found.states[0], expected, rtol=0, atol=1e-7)


def test_after_settling_only_stable_points_are_left():
    module = build("rnn", 1, 1, bias=False)
    with torch.no_grad():
        module.weight_hh_l0.fill_(2)
    tr = trace(module, np.zeros((2, 1)))
    found = fixed_points(tr, [0.0], starts=[[-0.01], [0.01], [0.02]], settle=50)
    np.testing.assert_array_equal(found.stable, [True, True])
    np.testing.assert_array_equal(found.found_from, [1, 2])


def test_where_nothing_rests_no_point_is_found():
    module = build("lstm", 1, 1, bias=False)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.weight_ih_l0[:] = torch.tensor([[50.0], [50.0], [50.0], [0.0]])  # c grows by 1
    found = fixed_points(trace(module, np.ones((3, 1))), [1.0])
    assert found.states.shape == (0, 2)
    assert found.stable.shape == (0,)
    assert found.starts == 3


@given(st.integers(1, 6), st.integers(0, 99))
def test_participation_ratio_counts_directions(units, seed):
    rng = np.random.default_rng(seed)
    line = rng.normal(size=(50, 1)) * rng.normal(size=units)
    assert participation_ratio(line + 3) == pytest.approx(1, abs=1e-9)
    corners = np.concatenate([np.eye(units), -np.eye(units)])
    assert participation_ratio(corners) == pytest.approx(units, abs=1e-9)
    assert participation_ratio(np.ones((5, units))) == 0


def test_participation_ratio_is_of_the_covariances_eigenvalues():
    states = walk(40, 5) * [1, 2, 3, 4, 5]
    values = np.linalg.eigvalsh(np.cov(states.T))
    assert participation_ratio(states) == pytest.approx(values.sum() ** 2 / (values**2).sum())


def test_spectrum_of_every_gate():
    module = build("lstm", 3, 4, num_layers=2)
    tr = trace(module, walk())
    found = spectral_radius(tr, layer=0)
    assert list(found) == list("ifgo")
    u_f = module.weight_hh_l0.detach().numpy()[4:8]
    assert found["f"].radius == pytest.approx(np.abs(np.linalg.eigvals(u_f)).max())
    assert found["f"].norm == pytest.approx(np.linalg.svd(u_f)[1][0])
    assert all(one.radius <= one.norm + EXACT for one in found.values())
    assert (np.diff(np.abs(found["o"].eigenvalues)) <= EXACT).all()


def test_spectrum_of_a_rotation_and_of_a_shear():
    one = spectral_radius(trace(rotation(0.9), np.zeros((2, 1))))["h"]
    assert (one.radius, one.norm) == pytest.approx((0.9, 0.9))
    module = build("rnn", 1, 2)
    with torch.no_grad():
        module.weight_hh_l0[:] = torch.tensor([[0.5, 10.0], [0.0, 0.5]])
    shear = spectral_radius(trace(module, np.zeros((2, 1))))["h"]
    assert shear.radius == pytest.approx(0.5, abs=1e-6)
    assert shear.norm > 10


def test_a_projected_lstm_has_the_spectrum_of_matrix_and_projection():
    module = build("lstm", 3, 4, proj_size=2)
    found = spectral_radius(trace(module, walk()))["g"]
    matrix = (module.weight_hh_l0[8:12] @ module.weight_hr_l0).detach().numpy()
    assert found.radius == pytest.approx(np.abs(np.linalg.eigvals(matrix)).max())
    assert len(lyapunov_exponents(trace(module, walk()))) == 2 + 4


@pytest.mark.parametrize("rho", [0.5, 0.95])
def test_fisher_memory_of_a_normal_network_sums_to_one(rho):
    matrix = rotation(rho).weight_hh_l0.detach().numpy()
    feed = np.zeros(6)
    feed[2] = 1
    memory = fisher_memory(matrix, feed, 600)
    assert memory.sum() == pytest.approx(1, abs=1e-9)
    assert memory[0] == pytest.approx(1 - rho**2, abs=1e-9)
    np.testing.assert_allclose(memory[:9], rho ** (2 * np.arange(9)) * (1 - rho**2), rtol=1e-9)


def test_fisher_memory_of_a_delay_line_exceeds_that_of_a_normal_network():
    line = np.diag(np.full(9, 0.95), -1)
    feed = np.eye(10)[0]
    assert fisher_memory(line, feed, 20).sum() > 2
    with pytest.raises(ValueError, match="spectral radius must be below 1"):
        fisher_memory(np.eye(2), np.ones(2), 3)


def test_errors_say_what_was_wrong():
    tr = trace(build("gru"), walk())
    with pytest.raises(ValueError, match="count goes from 1 to 4"):
        lyapunov_exponents(tr, count=5)
    with pytest.raises(ValueError, match=r"x needs the shape \[3\]"):
        fixed_points(tr, [1.0])
    with pytest.raises(ValueError, match=r"\[start, 4\]"):
        fixed_points(tr, walk(1)[0], starts=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"\[time, unit\]"):
        participation_ratio(np.zeros(3))
    with pytest.raises(IndexError, match="layer 1"):
        spectral_radius(tr, layer=1)


def test_a_difference_has_no_spectrum():
    module = build("lstm")
    gap = difference(trace(module, walk()), trace(module, walk(seed=1)))
    with pytest.raises(ValueError, match="this is a difference of two traces"):
        spectral_radius(gap)


def test_a_broken_matrix_has_no_spectrum():
    module = build("gru")
    with torch.no_grad():
        module.weight_hh_l0[0, 0] = np.nan
    with pytest.raises(ValueError, match="finite numbers, got one with NaN or infinity"):
        spectral_radius(trace(module, walk()))


@pytest.mark.parametrize(
    ("recurrent", "feed", "max_lag", "problem"),
    [
        ([[0.5]], [1.0], -3, r"max_lag goes from 0; got \[1\] and -3"),
        ([[0.5]], [1.0, 2.0], 3, r"feed needs the shape \[1\] .* got \[2\] and 3"),
        ([[0.5]], [[1.0]], 3, r"feed needs the shape \[1\] .* got \[1, 1\] and 3"),
        ([[0.5, 1.0]], [1.0], 3, r"square matrix \[unit, unit\], got the shape \(1, 2\)"),
        ([0.5], [1.0], 3, r"square matrix \[unit, unit\], got the shape \(1,\)"),
        (np.zeros((0, 0)), [], 3, r"square matrix \[unit, unit\], got the shape \(0, 0\)"),
        ([[np.nan]], [1.0], 3, "finite numbers, got one with NaN"),
        ([[0.5, 1e200], [0, 0.5]], [1.0, 1.0], 3, "beyond what float64 holds"),
    ],
)
def test_fisher_memory_says_what_is_wrong(recurrent, feed, max_lag, problem):
    with pytest.raises(ValueError, match=problem):
        fisher_memory(recurrent, feed, max_lag)


def test_fisher_memory_is_of_the_covariance_summed_step_by_step():
    recurrent = np.triu(walk(4, 4)) / 4
    powers = [np.linalg.matrix_power(recurrent, k) for k in range(99)]
    covariance = sum(power @ power.T for power in powers)
    signals = [power @ np.ones(4) for power in powers[:4]]
    expected = [s @ np.linalg.inv(covariance) @ s for s in signals]
    np.testing.assert_allclose(fisher_memory(recurrent, np.ones(4), 3), expected, rtol=1e-9)


@pytest.mark.parametrize("every", [{}, {"every": 2}])
def test_exponents_far_below_the_largest_are_found_too(every):
    """Against the determinant: 5 steps of them would span more digits than float64 has."""
    module = build("rnn", 3, 5)
    with torch.no_grad():
        sizes = torch.tensor([1, 0.3, 1e-2, 1e-4, 1e-6], dtype=torch.float64)
        turns = [nn.init.orthogonal_(torch.empty(5, 5, dtype=torch.float64)) for _ in range(2)]
        module.weight_hh_l0[:] = turns[0] @ torch.diag(sizes) @ turns[1]
    tr = trace(module, walk(20))
    logs = np.log(1 - tr["h"] ** 2).sum(axis=1).mean() + np.log(sizes.numpy()).sum()
    assert lyapunov_exponents(tr, **every).sum() == pytest.approx(logs, abs=1e-5)


@pytest.mark.parametrize("scale", [1e-300, 1e-100, 1, 1e100, 1e300])
def test_participation_ratio_does_not_depend_on_the_scale(scale):
    assert participation_ratio(np.eye(3) * scale) == pytest.approx(2)


@pytest.mark.parametrize("steps", [3, 7, 1000])
def test_participation_ratio_of_what_stands_still_is_zero(steps):
    assert participation_ratio(np.full((steps, 2), 0.1)) == 0
    with pytest.raises(ValueError, match="finite numbers, got an infinity"):
        participation_ratio([[1.0, np.inf], [0.0, 1.0]])


@pytest.mark.parametrize("steps", [{"settle": -3}, {"most_steps": -1}])
def test_fixed_points_needs_numbers_of_steps(steps):
    with pytest.raises(ValueError, match="settle and most_steps go from 0"):
        fixed_points(trace(build("gru"), walk()), walk(1)[0], **steps)
