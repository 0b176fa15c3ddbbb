"""Ridge regression from many numbers to many, with every strength from one decomposition."""

from dataclasses import dataclass

import numpy as np

STRENGTHS = tuple(10.0**power for power in range(-12, 2))
"""Strengths to choose from, as shares of the largest eigenvalue of the Gram matrix."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ridge:
    """The Gram matrix of centred inputs, taken apart once for all targets and strengths.

    Attributes:
        inputs: centred, float64 ``[row, number]``.
        mean: what was subtracted, ``[number]``.
        values, vectors: of the Gram matrix.
    """

    inputs: np.ndarray
    mean: np.ndarray
    values: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, inputs: np.ndarray) -> "Ridge":
        """Take `inputs`, ``[row, number]``, apart."""
        inputs = inputs.astype(np.float64)
        mean = inputs.mean(axis=0)
        values, vectors = np.linalg.eigh((inputs - mean).T @ (inputs - mean))
        return cls(inputs=inputs - mean, mean=mean, values=values.clip(min=0), vectors=vectors)

    def predictions(self, targets: np.ndarray, new: np.ndarray, strength: float) -> np.ndarray:
        """What inputs `new` predict, ``[row, target]``, after a fit to `targets`."""
        offset = targets.mean(axis=0)
        largest = self.values[-1] if self.values[-1] > 0 else 1.0
        along = self.vectors.T @ (self.inputs.T @ (targets - offset))
        weights = self.vectors @ (along / (self.values + strength * largest)[:, None])
        return (new - self.mean) @ weights + offset
