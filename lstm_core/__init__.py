"""Every gate of a trained LSTM, GRU or plain RNN, as numbers: no screen, no web."""

from lstm_core.device import pick_device
from lstm_core.model import ModelConfig, SequenceModel
from lstm_core.trace import LayerTrace, Trace, trace, trace_many

__all__ = [
    "LayerTrace",
    "ModelConfig",
    "SequenceModel",
    "Trace",
    "pick_device",
    "trace",
    "trace_many",
]
