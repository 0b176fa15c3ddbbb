"""Every gate of a trained LSTM, GRU or plain RNN, as numbers: no screen, no web."""

from lstm_core.convert import load_model, model_of
from lstm_core.counterfactual import counterfactual
from lstm_core.data import read_data, sequences
from lstm_core.device import pick_device
from lstm_core.difference import difference
from lstm_core.dynamics import (
    FixedPoints,
    Spectrum,
    fisher_memory,
    fixed_points,
    lyapunov_exponents,
    participation_ratio,
    spectral_radius,
)
from lstm_core.edit import WeightEdit, edited
from lstm_core.effect import (
    Ablation,
    AblationProgress,
    Effect,
    Estimate,
    ablation_map,
    effect,
    effects,
)
from lstm_core.gradients import highway_share, sensitivity
from lstm_core.intervene import Intervention, read_interventions, write_interventions
from lstm_core.ledger import (
    AgeOfMemory,
    Ledger,
    LedgerOverTime,
    age_of_memory,
    ledger,
    ledger_over_time,
)
from lstm_core.memory import (
    GateSaturation,
    bias_to_time_constant,
    gate_saturation,
    passive_half_life,
    passive_time_constant,
    retention,
    time_constant_to_bias,
)
from lstm_core.model import ModelConfig, SequenceModel
from lstm_core.probing import (
    MemoryCapacity,
    ProbeScore,
    RecallAtDelay,
    memory_capacity,
    probe,
    recall_by_delay,
)
from lstm_core.shares import (
    CounterfactualLedger,
    LogitLedger,
    counterfactual_ledger,
    logit_ledger,
)
from lstm_core.trace import LayerTrace, Trace, trace, trace_many

__all__ = [
    "Ablation",
    "AblationProgress",
    "AgeOfMemory",
    "CounterfactualLedger",
    "Effect",
    "Estimate",
    "FixedPoints",
    "GateSaturation",
    "Intervention",
    "LayerTrace",
    "Ledger",
    "LedgerOverTime",
    "LogitLedger",
    "MemoryCapacity",
    "ModelConfig",
    "ProbeScore",
    "RecallAtDelay",
    "SequenceModel",
    "Spectrum",
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
