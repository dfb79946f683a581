"""The directory a run reports into: it belongs to one run at a time, and tells of no other."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path

from conformance.report.writers import remove, remove_reports
from conformance.run import internal_error
from conformance.target.errors import ConfigurationError, Unwritable, is_of_disk
from conformance.target.leftovers.inventory import AFTER, BEFORE
from conformance.worker.context import STATE_FOLDER

_PROBE = ".writable"


class ReportDirectory:
    """A report directory while a run holds it.

    The lock is one of the system on the directory itself, which ends with its process however that ends: what a killed
    run left behind keeps nobody out.
    """

    def __init__(self, path: Path) -> None:
        """Make and lock the directory, and remove what an earlier run reported there, or shared with its workers
        until it was killed; journals stay.

        Raises `ConfigurationError` if another run holds it, or it cannot be made, and `Unwritable` for a full disk.
        """
        self.path = path
        self._descriptor: int | None = None
        try:
            path.mkdir(parents=True, exist_ok=True)
            locked = self._lock()
            _try_out(path / _PROBE)
        except OSError as error:
            self.release()
            if is_of_disk(error):
                raise Unwritable(path, error) from None
            raise ConfigurationError(f"--report-dir: cannot write to {path}: {error.strerror}") from None
        remove_reports(path)
        remove(path, (internal_error.FILE_NAME, BEFORE, AFTER))
        if locked:
            for state in path.glob(STATE_FOLDER.format(run="*")):
                shutil.rmtree(state, ignore_errors=True)

    def release(self) -> None:
        """Let others have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _lock(self) -> bool:
        """Keep others out; returns whether the file system can do that."""
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise ConfigurationError(
                f"--report-dir: another run that is still going on reports into {self.path}, name another directory"
            ) from None
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL):
                raise
            return False  # a file system of a network that locks no directories: there the user has to take care
        return True


def _try_out(probe: Path) -> None:
    """Write something: a full disk still takes empty files."""
    try:
        probe.write_bytes(b"?")
    finally:
        probe.unlink(missing_ok=True)
