# Streamlit's login, as its documentation writes it.

import json

import streamlit as st

if st.user.is_logged_in:
    st.header(st.user.name)
    st.code(json.dumps(st.user.to_dict()), language="json")
    st.button("Log out", on_click=st.logout)
else:
    st.header("nobody")
    st.button("Log in", on_click=st.login, args=["google"])
