"""How a run ends early: every worker looks at one flag and one deadline, before each item and after each answer."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from pluggy import PluggyTeardownRaisedWarning

from conformance.target.durations import duration_text
from conformance.target.errors import RunStopped
from conformance.target.http.answer import Answer

INTERRUPTED = "interrupted"

_LONGEST_RESERVE_S = 15.0


def deadline(started: float, budget_s: float | None) -> float | None:
    """When to stop (monotonic clock, seconds) so that clean-up and reports still fit into the budget."""
    return None if budget_s is None else started + budget_s - min(budget_s / 10, _LONGEST_RESERVE_S)


class StopFlag:
    """The end of a run before its last item; every process of the run sees the same ``file``.

    ``until``: deadline on the monotonic clock, which all processes share. ``budget_s``: what it is called in reasons.
    """

    def __init__(self, file: Path, until: float | None = None, budget_s: float | None = None) -> None:
        self._file = file
        self._until = until
        self._budget_s = budget_s
        self._here: str | None = None

    def set(self, reason: str) -> None:
        """End the run; the first reason stays. Where the file cannot be written it ends for this object alone."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft = self._file.with_name(f"{self._file.name}.{os.getpid()}.{threading.get_ident()}")
            draft.write_text(reason, encoding="utf-8")
            if self._file.exists():
                draft.unlink()
            else:
                draft.replace(self._file)  # it appears with its content
        except OSError:
            self._here = self._here or reason

    def reason(self) -> str | None:
        """Why the run is over, None while it goes on."""
        if os.access(self._file, os.F_OK):  # quicker than to open what is not there, and asked after every answer
            with contextlib.suppress(OSError):
                return self._file.read_text(encoding="utf-8")
        if self._here is not None:
            return self._here
        if self._until is not None and self._budget_s is not None and time.monotonic() >= self._until:
            return f"time budget of {duration_text(self._budget_s)} used up"
        return None

    def __call__(self, _answer: Answer) -> None:
        """As an observer of a session: raises `RunStopped` after the first answer that comes too late."""
        reason = self.reason()
        if reason is not None:
            raise RunStopped(reason)


class Interrupts:
    """SIGINT and SIGTERM of a process: the first asks its run to end and clean up, the second abandons the clean-up.

    Until `ask` is called there is nothing to clean up, and the first one raises KeyboardInterrupt as the second does.
    """

    def __init__(self) -> None:
        self.count = 0
        self._ask: Callable[[], None] | None = None
        self._held = False
        self._previous: dict[signal.Signals, Any] = {}
        self._terminal: int | None = None

    def install(self) -> None:
        """Take over the signals, if this is the thread that gets them."""
        # The second one passes through hooks of other plugins, and pluggy would explain that to the user.
        warnings.simplefilter("ignore", PluggyTeardownRaisedWarning)
        if threading.current_thread() is threading.main_thread():
            self._terminal = os.dup(2)  # pytest redirects standard error while an item runs
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._received)

    def ask(self, end: Callable[[], None]) -> None:
        """From now on the first signal calls ``end``."""
        self._ask = end

    def hold(self) -> None:
        """From now on signals are counted, and raise only inside of `interruptible`."""
        self._held = True

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Where the second signal raises KeyboardInterrupt, also if it has come already."""
        if self.abandoned:
            raise KeyboardInterrupt
        held, self._held = self._held, False
        try:
            yield
        finally:
            self._held = held

    @property
    def abandoned(self) -> bool:
        """Whether the user does not even want to wait for the clean-up."""
        return self.count > 1

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def say(self, line: str) -> None:
        """Write a line to standard error, from within a signal handler."""
        if self._terminal is not None:
            with contextlib.suppress(OSError):
                os.write(self._terminal, f"\n{line}\n".encode())

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count == 1 and self._ask is not None:
            self._ask()
        elif self.count <= 2 and not self._held:
            raise KeyboardInterrupt
