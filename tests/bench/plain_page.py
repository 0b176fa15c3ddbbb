"""A bare Streamlit page with one small Plotly chart: the least that any app of this kind loads."""

import plotly.graph_objects as go
import streamlit as st

st.plotly_chart(go.Figure(go.Heatmap(z=[[0, 1], [1, 0]])))
