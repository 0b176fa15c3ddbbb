"""The usual way: the same heat maps in a plain Streamlit app that redraws them at every step."""

import streamlit as st

from lstm_core import zoo
from lstm_core.tasks import TASKS
from lstm_core.trace import Trace, trace
from viz.gates import gate_figure

st.set_page_config(layout="wide")


@st.cache_resource
def traces() -> list[Trace]:
    """What the app shows first: the LSTM and the plain RNN on the same example."""
    ids = TASKS["recall"].example(5).ids
    return [trace(zoo.load("recall", cell).model, ids) for cell in ("lstm", "rnn")]


step = st.session_state.setdefault("step", 10)
if st.button("next"):
    st.session_state.step = step = step + 1
for number, one in enumerate(traces()):
    figure = gate_figure(one)
    figure.add_vline(x=step)
    figure.update_layout(title_text=f"t = {step}")
    st.plotly_chart(figure, key=f"chart{number}", theme=None)
