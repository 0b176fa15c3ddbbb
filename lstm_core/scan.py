"""The linear recurrence ``c_t = decay_t c_{t-1} + gain_t`` without a loop over every step."""

from math import isqrt

import torch
from torch import Tensor


def linear_scan(decay: Tensor, gain: Tensor, start: Tensor) -> Tensor:
    """Every ``c_t`` of ``c_t = decay_t c_{t-1} + gain_t``, ``[time, ...]``.

    Time is cut into blocks. What a block does to whatever enters it is a product and a sum, found
    for all blocks side by side; the states that enter the blocks then follow from one another; at
    last all blocks run from them, side by side. That is about ``3 sqrt(time)`` vectorised steps.
    Only products of `decay` occur, never a division, so a gate that is exactly zero does no harm.

    Args:
        decay: ``[time, ...]``.
        gain: ``[time, ...]``.
        start: the state before the first step, ``[...]``.
    """
    width = max(1, isqrt(len(gain) // 2))
    blocks = len(gain) // width
    whole = blocks * width
    states = torch.empty_like(gain)
    cut = [t[:whole].unflatten(0, (blocks, width)) for t in (decay, gain, states)]
    entering = _entering(cut[0], cut[1], start)
    state = entering
    for decay_t, gain_t, place in zip(*(t.unbind(1) for t in cut), strict=True):
        state = torch.addcmul(gain_t, decay_t, state, out=place)
    for time in range(whole, len(gain)):  # fewer than `width` steps that fill no block
        torch.addcmul(gain[time], decay[time], states[time - 1], out=states[time])
    return states


def _entering(decay: Tensor, gain: Tensor, start: Tensor) -> Tensor:
    """The state that enters each block, ``[block, ...]``, from ``[block, time, ...]``."""
    total = gain[:, 0]
    for decay_t, gain_t in zip(decay.unbind(1)[1:], gain.unbind(1)[1:], strict=True):
        total = torch.addcmul(gain_t, decay_t, total)
    entering = torch.empty_like(total)
    entering[0] = start
    rows = entering.unbind(0)
    blocks = zip(total.unbind(0), decay.prod(1).unbind(0), rows, rows[1:], strict=False)
    for total_b, product_b, state, place in blocks:
        torch.addcmul(total_b, product_b, state, out=place)
    return entering
