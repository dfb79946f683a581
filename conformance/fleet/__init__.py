"""Runs against many named targets, on Dask distributed: what is sent to workers, and what comes back."""
