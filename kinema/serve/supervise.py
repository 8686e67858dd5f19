"""One command that serves: it starts an API process and workers, starts again what dies, and stops all in order.

The socket is the supervisor's own, so that requests wait instead of failing while the API is started again.
What a dead worker had is given on at once, without waiting for its lease to end.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy.exc import SQLAlchemyError

from kinema.errors import ServeError
from kinema.serve import leases
from kinema.serve.depot import open_depot
from kinema.serve.store import Store, open_store
from kinema.settings import Settings, read_settings

LOOK_SECONDS, STOP_SECONDS = 0.2, 20.0
WAITS = (0.0, 1.0, 2.0, 5.0, 10.0)
"""How long before a child that keeps dying young, and with no job in hand, is started again."""
Say = Callable[[str], None]


@dataclass
class Child:
    """One of the processes that the supervisor keeps alive."""

    name: str
    command: list[str]
    fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    deaths: int = field(default=0)

    def start(self) -> None:
        """The process runs, in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        command = [sys.executable, "-m", "kinema.serve", *self.command]
        self.process = subprocess.Popen(command, pass_fds=self.fds, start_new_session=True)
        self.started_at = monotonic()

    @property
    def is_dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None


class Supervisor:
    """Keeps one API process (unless there is no socket) and some workers running, until it is told to stop."""

    def __init__(self, store: Store, listening: socket.socket | None, *, workers: int, open: bool, say: Say) -> None:
        self._store, self._say = store, say
        self._stops = 0
        self._api: Child | None = None
        if listening is not None:
            fd = listening.fileno()
            self._api = Child("api", ["api", "--fd", str(fd), *(["--open"] if open else [])], (fd,))
        self._workers = [_worker() for _ in range(workers)]

    def stop(self, *_: object) -> None:
        """Asks to stop: once lets films be finished, twice does not."""
        self._stops += 1

    def run(self) -> None:
        """Runs until it is asked to stop."""
        for child in self._children():
            child.start()
        while not self._stops:
            sleep(LOOK_SECONDS)
            for child in self._children():
                self._keep(child)
        self._drain()

    def _children(self) -> list[Child]:
        return [*([self._api] if self._api else []), *self._workers]

    def _keep(self, child: Child) -> None:
        """Starts a dead child again, sooner or later."""
        if child.is_dead:
            assert child.process
            code, child.process = child.process.returncode, None
            was_at_work = child is not self._api and self._bury(child)
            child.deaths = 1 if was_at_work or monotonic() - child.started_at >= 30 else child.deaths + 1
            wait = WAITS[min(child.deaths - 1, len(WAITS) - 1)]
            child.start_at = monotonic() + wait
            self._say(f"{child.name} ended with {code}; it is started again" + (f" in {wait:g} s" if wait else ""))
        if child.process is None and monotonic() >= child.start_at:
            child.start()

    def _bury(self, worker: Child) -> bool:
        """A dead worker's job is given on at once, or when its lease ends where the database cannot be told.

        Whether it had one: such a job is not made for ever (leases.MOST_DEATHS), so that its workers need not wait.
        """
        try:
            return leases.bury(self._store, worker.name) > 0
        except SQLAlchemyError as error:
            self._say(f"the database does not answer ({type(error).__name__}); {worker.name}'s job waits for its lease")
            return False

    def _drain(self) -> None:
        """Workers first, while the API still answers; then the API."""
        seconds = read_settings().drain_seconds + STOP_SECONDS
        self._end(self._workers, seconds)
        for worker in self._workers:
            self._bury(worker)
        self._end([self._api] if self._api else [], STOP_SECONDS)

    def _end(self, children: list[Child], seconds: float) -> None:
        living = [child.process for child in children if child.process is not None and not child.is_dead]
        for process in living:
            process.terminate()
        until, stops = monotonic() + seconds, self._stops
        while any(process.poll() is None for process in living) and monotonic() < until:
            if self._stops > stops:
                stops, until = self._stops, min(until, monotonic() + STOP_SECONDS)
                for process in living:
                    process.terminate()
            sleep(0.05)
        for process in living:
            if process.poll() is None:
                process.kill()
            process.wait()


def _worker() -> Child:
    name = f"{socket.gethostname()[:24]}-{secrets.token_hex(6)}"
    return Child(name, ["worker", "--name", name])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises ServeError."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, proto)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(2048)
        except OSError:
            listening.close()
            raise
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ServeError(f"{host}:{port} cannot be listened on: {said}; choose another --host or --port") from None
    listening.set_inheritable(True)
    return listening


def anchor_paths() -> None:
    """Places that the environment names from the working directory are whole paths, for workers leave it."""
    settings = read_settings()
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path) and f"KINEMA_{name.upper()}" in os.environ:
            os.environ[f"KINEMA_{name.upper()}"] = str(value.resolve())
    if settings.database and settings.database.startswith("sqlite:///"):
        os.environ["KINEMA_DATABASE"] = f"sqlite:///{Path(settings.database.removeprefix('sqlite:///')).resolve()}"
    if settings.films and "://" not in settings.films:
        os.environ["KINEMA_FILMS"] = Path(settings.films).resolve().as_uri()


def serve(host: str, port: int, *, workers: int, open: bool, say: Say) -> None:
    """Serves until SIGTERM or Ctrl-C; `open` without keys. Raises ServeError where it cannot begin."""
    anchor_paths()
    store = open_store()
    store.migrate()
    open_depot()
    with listen(host, port) as listening:
        supervisor = Supervisor(store, listening, workers=workers, open=open, say=say)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, supervisor.stop)
        shown = f"[{host}]" if ":" in host else host
        say(f"Kinema serves on http://{shown}:{listening.getsockname()[1]}/v1; Ctrl-C stops it")
        say(f"jobs are kept in {store.engine.url.render_as_string(hide_password=True)}")
        supervisor.run()
