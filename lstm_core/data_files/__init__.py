"""How each kind of data file is read; `lstm_core.data` is the way in."""
