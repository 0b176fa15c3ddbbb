"""How each kind of model file is read; `lstm_core.convert` is the way in."""
