"""Scripts for people who work on bigview; `run.py` is the one behind make."""
