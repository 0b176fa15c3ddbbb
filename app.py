"""The app: its pages and its session. Run ``streamlit run app.py``."""

import streamlit as st

from viz.pages import memory, own, step, units
from viz.pages.address import language
from viz.pages.header import offer
from viz.text import say

st.set_page_config(page_title=say("title", language()), layout="wide")
pages = [
    st.Page(step.show, title=say("page.step", language()), url_path="step", default=True),
    st.Page(memory.show, title=say("page.memory", language()), url_path="memory"),
    st.Page(units.show, title=say("page.units", language()), url_path="units"),
    st.Page(own.show, title=say("page.own", language()), url_path="own"),
]
offer(pages)
st.navigation(pages, position="hidden").run()
