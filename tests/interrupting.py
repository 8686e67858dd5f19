"""Ctrl-C for tests: a real signal to the process that they run in, which starts no other and loads nothing again."""

import os
import signal
from collections.abc import Callable
from threading import Event, Thread

from kinema import cli


def run_until(ready: Callable[[], bool], arguments: list[str]) -> int:
    """The exit code of a terminal's request that is sent SIGINT as soon as it is ready for it."""
    over = Event()

    def press() -> None:
        while not over.wait(0.01):
            if ready():
                os.kill(os.getpid(), signal.SIGINT)
                return

    # A shell that starts tests in the background has its children ignore Ctrl-C; a person's terminal does not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    finger = Thread(target=press, daemon=True)
    finger.start()
    try:
        return cli.run(arguments)
    finally:
        over.set()
        finger.join()
        signal.signal(signal.SIGINT, before)
