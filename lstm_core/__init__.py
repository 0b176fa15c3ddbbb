"""Every gate of a trained LSTM, GRU or plain RNN, as numbers: no screen, no web.

- Read: models with `load_model`, `model_of` and `read_through`, data with `read_data` and
  `sequences`; `pick_device` says where to run, and a `SequenceModel` of a `ModelConfig` is a model
  of our own.
- Trace: `trace` and `trace_many` give a `Trace` of one `LayerTrace` a layer and direction;
  `difference` subtracts two.
- Change: an `Intervention` for `trace`, kept by `write_interventions` and `read_interventions`; a
  `WeightEdit` for `edited`. What it costs: `effect`, `effects` and `ablation_map`.
- Does it still know? `counterfactual`, `recall_by_delay`, `probe` and `memory_capacity`.
- Who wrote what it knows? `ledger`, `ledger_over_time`, `logit_ledger`, `counterfactual_ledger` and
  `age_of_memory`.
- How fast do the gates forget? `retention`, `passive_time_constant`, `passive_half_life`,
  `gate_saturation`, `time_constant_to_bias` and `bias_to_time_constant`.
- Can it be trained across a gap? `sensitivity` and `highway_share`.
- What do its steps do in the long run? `fixed_points`, `lyapunov_exponents`, `spectral_radius`,
  `fisher_memory` and `participation_ratio`.

What nobody builds, such as the `Ledger` that `ledger` returns, is described in the function's own
module.
"""

from lstm_core.convert import load_model, model_of, read_through
from lstm_core.counterfactual import counterfactual
from lstm_core.data import read_data, sequences
from lstm_core.device import pick_device
from lstm_core.difference import difference
from lstm_core.dynamics import (
    fisher_memory,
    fixed_points,
    lyapunov_exponents,
    participation_ratio,
    spectral_radius,
)
from lstm_core.edit import WeightEdit, edited
from lstm_core.effect import ablation_map, effect, effects
from lstm_core.gradients import highway_share, sensitivity
from lstm_core.intervene import Intervention, read_interventions, write_interventions
from lstm_core.ledger import age_of_memory, ledger, ledger_over_time
from lstm_core.memory import (
    bias_to_time_constant,
    gate_saturation,
    passive_half_life,
    passive_time_constant,
    retention,
    time_constant_to_bias,
)
from lstm_core.model import ModelConfig, SequenceModel
from lstm_core.probing import memory_capacity, probe, recall_by_delay
from lstm_core.shares import counterfactual_ledger, logit_ledger
from lstm_core.trace import LayerTrace, Trace, trace, trace_many

__all__ = [
    "Intervention",
    "LayerTrace",
    "ModelConfig",
    "SequenceModel",
    "Trace",
    "WeightEdit",
    "ablation_map",
    "age_of_memory",
    "bias_to_time_constant",
    "counterfactual",
    "counterfactual_ledger",
    "difference",
    "edited",
    "effect",
    "effects",
    "fisher_memory",
    "fixed_points",
    "gate_saturation",
    "highway_share",
    "ledger",
    "ledger_over_time",
    "load_model",
    "logit_ledger",
    "lyapunov_exponents",
    "memory_capacity",
    "model_of",
    "participation_ratio",
    "passive_half_life",
    "passive_time_constant",
    "pick_device",
    "probe",
    "read_data",
    "read_interventions",
    "read_through",
    "recall_by_delay",
    "retention",
    "sensitivity",
    "sequences",
    "spectral_radius",
    "time_constant_to_bias",
    "trace",
    "trace_many",
    "write_interventions",
]
