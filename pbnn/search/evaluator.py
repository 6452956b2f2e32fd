"""Trials in processes of their own, which may hang, die or be killed without harm to the study.

A process lives for many trials, so that what it imports and compiles serves them all. It is started as a fresh
interpreter rather than forked, because JAX has threads, and without running the caller's script again, so that a script
needs no guard.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, final

import cloudpickle

from pbnn.errors import MethodError

Job = Callable[..., Any]


@final
class Evaluator:
    """A process that runs one call after another.

    Parameters
    ----------
    job
        The function that is called, pickled by value.
    """

    def __init__(self, job: Job) -> None:
        self._job = cloudpickle.dumps(job)
        self._start()

    def _start(self) -> None:
        ours, theirs = os.pipe(), os.pipe()
        code = "from pbnn.search.evaluator import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, str(theirs[0]), str(ours[1])],
            pass_fds=(theirs[0], ours[1]),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)},
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # so that ctrl-C comes here alone
        )
        os.close(theirs[0])
        os.close(ours[1])
        self._inbox = Connection(ours[0], writable=False)
        self._outbox = Connection(theirs[1], readable=False)
        self._outbox.send_bytes(self._job)
        self._ready = False

    @property
    def inbox(self) -> Connection:
        """What becomes readable when there is an answer, or never will be one."""
        return self._inbox

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def ready(self) -> bool:
        """Whether it has started, which may take seconds that are no trial's.

        Raises
        ------
        MethodError
            If it cannot start.
        """
        if not self._ready and self._inbox.poll():
            try:
                self._inbox.recv_bytes()
            except (EOFError, OSError):
                raise MethodError(
                    f"optimize: a process for trials {self.how_it_ended()} before the first; what it wrote to stderr "
                    "says why. An objective must not need what is only in this process."
                ) from None
            self._ready = True
        return self._ready

    def submit(self, *args: Any) -> None:
        """Begin a call."""
        with suppress(OSError):  # it died while idle: the answer will tell
            self._outbox.send_bytes(cloudpickle.dumps(args))

    def answer(self) -> Any:
        """Return what the call returned, or the exception that it raised.

        Raises
        ------
        EOFError
            If the process died in it.
        """
        try:
            return pickle.loads(self._inbox.recv_bytes())
        except OSError as error:
            raise EOFError(str(error)) from error

    def replace(self) -> None:
        """Kill the process, and start another."""
        self.close()
        self._start()

    def close(self) -> None:
        """Kill the process, and what it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self._process.kill()
        self._process.wait()
        self._inbox.close()
        self._outbox.close()

    def how_it_ended(self) -> str:
        """Say how a process that died did so."""
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code >= 0:
            return f"ended with status {code}"
        return f"was killed by {signal.Signals(-code).name}"


def first_answers(evaluators: "list[Evaluator]", timeout: float) -> "list[Evaluator]":
    """Return those that have an answer, or died, after at most `timeout` seconds."""
    ready = wait([e.inbox for e in evaluators], timeout)
    return [e for e in evaluators if e.inbox in ready]


# ---------------------------------------------------------------- in the process


def serve() -> None:
    """Run calls until there are no more, or the process that sends them is gone."""
    inbox = Connection(int(sys.argv[1]), writable=False)
    outbox = Connection(int(sys.argv[2]), readable=False)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        job = pickle.loads(inbox.recv_bytes())
        outbox.send_bytes(b"ready")
        while True:
            outbox.send_bytes(_told(job, pickle.loads(inbox.recv_bytes())))
    except (EOFError, OSError):
        return


def _told(job: Job, args: tuple[Any, ...]) -> bytes:
    try:
        return cloudpickle.dumps(job(*args))
    except Exception as error:
        try:
            text = cloudpickle.dumps(error)
            pickle.loads(text)
            return text
        except Exception:
            return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))


def _end_with(parent: int) -> None:
    """End this process when its parent has ended: nobody would read what it finds."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
