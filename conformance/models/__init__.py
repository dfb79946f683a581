"""Model-based state machines: random programs of operations, compared step by step with a model in plain Python."""

from importlib import import_module
from pathlib import Path


def import_tests() -> None:
    """Import every test module, so that its requirements are registered."""
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        import_module(f"{__name__}.{file.stem}")
