"""The life of a run: its beginning, its workers and items, its controller and its end."""
