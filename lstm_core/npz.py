"""NPZ files with a JSON header, written whole and read with suspicion."""
from pathlib import Path
from typing import Any
import numpy as np
def write_npz(path: Path, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None: raise NotImplementedError
def read_npz(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]: raise NotImplementedError
