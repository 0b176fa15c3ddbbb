"""The app: its pages and its session. Run ``streamlit run app.py``."""

import streamlit as st

from viz.pages import step
from viz.text import say

st.set_page_config(page_title=say("title", step.language()), layout="wide")
page = st.Page(step.show, title=say("page.step", step.language()), url_path="step", default=True)
st.navigation([page], position="top").run()
