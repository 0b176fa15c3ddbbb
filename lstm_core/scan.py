"""The linear recurrence ``c_t = decay_t c_{t-1} + gain_t`` without a loop over every step."""

from math import isqrt

import torch
from torch import Tensor


def linear_scan(decay: Tensor, gain: Tensor, start: Tensor) -> Tensor:
    """Every ``c_t`` of ``c_t = decay_t c_{t-1} + gain_t``, ``[time, ...]``; no gradients.

    Time is cut into blocks. What a block does to whatever enters it is a product and a sum, found
    for all blocks side by side; the states that enter the blocks then follow from one another; at
    last all blocks run from them, side by side. That is about ``3 sqrt(time)`` vectorised steps.
    Only products of `decay` occur, never a division, so a gate that is exactly zero does no harm.

    Args:
        decay: ``[time, ...]``.
        gain: ``[time, ...]``.
        start: the state before the first step, in a shape that broadcasts to ``[...]``.
    """
    width = max(1, isqrt(len(gain) // 2))
    whole = len(gain) - len(gain) % width
    states = torch.empty_like(gain)
    blocks = [t[:whole].unflatten(0, (-1, width)) for t in (decay, gain, states)]
    decays, gains, places = (block.unbind(1) for block in blocks)
    total = gains[0]
    for decay_t, gain_t in zip(decays[1:], gains[1:], strict=True):
        total = torch.addcmul(gain_t, decay_t, total)
    state = _entering(blocks[0].prod(1), total, start)
    for decay_t, gain_t, place in zip(decays, gains, places, strict=True):
        state = torch.addcmul(gain_t, decay_t, state, out=place)
    for time in range(whole, len(gain)):  # fewer than `width` steps that fill no block
        torch.addcmul(gain[time], decay[time], states[time - 1], out=states[time])
    return states


def _entering(product: Tensor, total: Tensor, start: Tensor) -> Tensor:
    """The state that enters each block, all ``[block, ...]``."""
    entering = torch.empty_like(total)
    entering[0] = start
    rows = entering.unbind(0)
    for decay, gain, state, place in zip(product, total, rows, rows[1:], strict=False):
        torch.addcmul(gain, decay, state, out=place)
    return entering
