"""The linear recurrence ``c_t = decay_t c_{t-1} + gain_t`` without a loop over every step."""

from math import isqrt

import torch
from torch import Tensor


def linear_scan(decay: Tensor, gain: Tensor, start: Tensor) -> Tensor:
    """Every ``c_t`` of ``c_t = decay_t c_{t-1} + gain_t``, ``[time, ...]``.

    Time is cut into blocks. What a block does to whatever enters it is a product and a sum, found
    for all blocks side by side; then the states that enter the blocks follow from one another; then
    all blocks run once more from them, side by side. That is about ``3 sqrt(time)`` vectorised
    steps. Only products of `decay` occur, never a division, so a gate of exactly zero is no problem.

    Args:
        decay: ``[time, ...]``.
        gain: ``[time, ...]``.
        start: the state before the first step, ``[...]``.
    """
    width = max(1, isqrt(len(gain) // 2))
    blocks = len(gain) // width
    whole = blocks * width
    states = torch.empty_like(gain)
    parts = [t[:whole].unflatten(0, (blocks, width)).unbind(1) for t in (decay, gain, states)]
    state = _entering(parts[0], parts[1], start)
    for decay_t, gain_t, place in zip(*parts, strict=True):
        state = torch.addcmul(gain_t, decay_t, state, out=place)
    for time in range(whole, len(gain)):  # fewer than `width` steps that fill no block
        torch.addcmul(gain[time], decay[time], states[time - 1], out=states[time])
    return states


def _entering(decay: tuple[Tensor, ...], gain: tuple[Tensor, ...], start: Tensor) -> Tensor:
    """The state that enters each block, ``[block, ...]``; step ``t`` of every block is item t."""
    product, total = decay[0].clone(), gain[0].clone()
    for decay_t, gain_t in zip(decay[1:], gain[1:], strict=True):
        product.mul_(decay_t)
        torch.addcmul(gain_t, decay_t, total, out=total)
    entering = torch.empty_like(total)
    entering[0] = start
    rows = entering.unbind(0)
    for block in range(1, len(rows)):
        before = block - 1
        torch.addcmul(total[before], product[before], rows[before], out=rows[block])
    return entering
