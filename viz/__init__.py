"""What people see: figures, the stage, sentences. No page, no Streamlit outside `pages`."""
