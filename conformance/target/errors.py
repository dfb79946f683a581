"""What can go wrong with a target or with the way a run was started; each ends in an exit code, not in a traceback."""

from __future__ import annotations

import errno
from pathlib import Path


class ConfigurationError(ValueError):
    """Wrong usage or configuration (exit code 2); the message is one sentence for the user."""


class CredentialsError(ConfigurationError):
    """The target answered, and refused the credentials (exit code 2)."""


class NoEmqxError(ConfigurationError):
    """Something answers under the base URL, and it is no EMQX API (exit code 2)."""


class TargetLost(Exception):
    """The target stopped answering (exit code 3): what is left of the run cannot be decided."""


class TargetChanged(TargetLost):
    """Something answers, but not the target the run began with: it restarted, or refuses what it accepted."""


class Inapplicable(Exception):
    """What an item is about is switched off or limited on this target; the text says what, for people."""


class SafetyViolation(BaseException):
    """The guard refused a request of the suite.

    It derives from BaseException so that no check, generator or scenario can swallow it: a request that would touch
    what the suite did not create is a defect of the suite and ends the run.
    """


class RunStopped(BaseException):
    """The run is over before its last item: its time is used up, or it was interrupted.

    It derives from BaseException so that nothing in an item can swallow it.
    """


class Unwritable(RunStopped):
    """The report directory cannot be written (exit code 3): without a journal nothing more may be created.

    The text is the same wherever it is noticed, so that it is told once.
    """

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(f"the report directory {folder} cannot be written: {error.strerror or error}")


def is_of_disk(error: OSError) -> bool:
    """Whether the disk is full, or for reading only, rather than a path wrong or a permission missing."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO)
