"""Where models run: the device that the environment asks for, or the best one there is."""

import os

import torch

VARIABLE = "LSTM_DEVICE"
"""The environment variable that names the device."""


def pick_device() -> torch.device:
    """The device named by ``LSTM_DEVICE``, else CUDA where available, else the CPU.

    Raises:
        ValueError: if ``LSTM_DEVICE`` names no device that this computer has.

    >>> import os
    >>> from unittest.mock import patch
    >>> from lstm_core import pick_device
    >>> with patch.dict(os.environ, LSTM_DEVICE="cpu"):
    ...     pick_device()
    device(type='cpu')
    """
    wanted = os.environ.get(VARIABLE, "").strip()
    if not wanted:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = _parse(wanted)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"{VARIABLE}={wanted!r}, but this computer has {torch.cuda.device_count()} CUDA devices"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"{VARIABLE}={wanted!r}, but Apple's MPS is not available here")
    return device


def _parse(wanted: str) -> torch.device:
    expected = "expected 'cpu', 'cuda', 'cuda:1' or 'mps'"
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise ValueError(f"{VARIABLE}={wanted!r} names no device; {expected}") from None
    if device.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"{VARIABLE}={wanted!r} is not supported; {expected}")
    return device
