"""What people see: figures, the stage, sentences. No page, no Streamlit outside `pages`.

`stage` is a `Player` of traces, which a notebook shows or a file keeps. `gate_figure` and
`heat_map` are Plotly figures. In a notebook, the value of the last line shows itself:

>>> import numpy as np, torch, lstm_core, viz
>>> traced = lstm_core.trace(torch.nn.LSTM(3, 8), np.ones((20, 3), np.float32))
>>> viz.stage(traced, theme="dark")
Player(title='LSTM', height=700)
>>> figure = viz.heat_map(traced, "f")
"""

from viz.gates import gate_figure, heat_map
from viz.player import Player, stage

__all__ = ["Player", "gate_figure", "heat_map", "stage"]
