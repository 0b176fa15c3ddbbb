"""The pages of the app, one file each: the only modules beside `app.py` that use Streamlit."""
