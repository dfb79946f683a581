"""A command on a leash: ``python -m conformance.commands.leashed run ...`` ends when whoever started it does.

So workers of a fleet run the suite. They hold the other end of its standard input, which closes when a worker is
killed, however that happens; nobody else would tell an orphan that its run has gone to another worker.
"""

from __future__ import annotations

import os
import signal
import threading

_GRACE_S = 60.0
"""How long an interrupted run may clean up."""


def main() -> None:
    """The command line with an eye on standard input."""
    watched = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started it may be deaf
    threading.Thread(target=_follow, args=(watched,), daemon=True).start()

    from conformance.commands.cli import main as command

    command(prog_name="emqx-conformance")


def _follow(watched: int) -> None:
    while os.read(watched, 1024):
        pass
    # As Ctrl-C: it cleans up and reports.
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(_GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
