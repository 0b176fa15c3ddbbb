"""The app: its pages and its session. Run ``streamlit run app.py``."""

import streamlit as st

from viz.pages import memory, step
from viz.pages.address import language
from viz.pages.header import offer
from viz.text import say

st.set_page_config(page_title=say("title", language()), layout="wide")
pages = [
    st.Page(step.show, title=say("page.step", language()), url_path="step", default=True),
    st.Page(memory.show, title=say("page.memory", language()), url_path="memory"),
]
offer(pages)
st.navigation(pages, position="hidden").run()
