"""A child process that never outlives the process that started it (Linux, prctl(2)).

Two stores on one directory, or a worker nobody drains, would each keep a truth of
their own about seats; so the kernel ends a child the moment its parent is gone.
"""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask the kernel to send ``number`` to this process when its parent thread ends.

    Called between fork and exec (``preexec_fn``) or at the start of a child. Raises OSError.
    """
    if _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def follow_parent(parent: int) -> None:
    """As ``die_with_parent``, in a child that was exec'ed: also covers a parent already gone."""
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
