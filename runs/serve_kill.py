"""Kills a server's workers again and again while clients ask it for films, and counts: every job has to end once.

    python runs/serve_kill.py                                    # 200 jobs, 8 clients, SQLite
    python runs/serve_kill.py --postgres                         # the same on a PostgreSQL that this starts
    python runs/serve_kill.py --jobs 20 --clients 4 --json

The server is `kinema serve` with its real queue, store and processes. Workers are killed with SIGKILL again and
again; the API is ended twice, once by SIGTERM and once by SIGKILL. Clients are the official one, and give every film
an Idempotency-Key.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

FILM = {"prompt": "a red dog jumps in the snow", "seconds": "0.5", "size": "64x64"}
STEPS, WAVE = 4, 5


@dataclass
class Figures:
    """What came of it."""

    database: str
    jobs: int
    completed: int
    failed: int
    lost: int
    doubled: int
    films_kept: int
    workers_killed: int
    api_restarts: int
    most_deaths_of_a_job: int
    wall_s: float

    @property
    def held(self) -> bool:
        return self.completed + self.failed == self.jobs and not self.lost and not self.doubled


def children(pid: int, kind: str) -> list[int]:
    """The supervisor's processes of that kind."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        except FileNotFoundError:
            continue
        if kind.encode() in words:
            found.append(int(child))
    return found


@contextmanager
def served(environment: dict[str, str], workers: int) -> Iterator[tuple[str, int]]:
    """A running server: its address and its supervisor's process."""
    code = f"from kinema.cli import main; main(['serve', '--port', '0', '--workers', '{workers}'])"
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        found = re.search(r"http://\S+/v1", process.stdout.readline())
        assert found, "the server says where it is"
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield found.group(), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL of our own."""

    url: str
    control: list[str]
    options: str

    def start(self) -> None:
        """It answers."""
        log = str(Path(self.control[-1]).parent / "log")
        command = [*self.control, "-o", self.options, "-w", "-l", log, "start"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        """It is gone at once, as by a crash."""
        subprocess.run([*self.control, "-m", "immediate", "stop"], check=False, stdout=subprocess.DEVNULL)


@contextmanager
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL of our own, on a free port."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        sys.exit("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="kinema-pg-"))
    run = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if run:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = str(folder / "data")
    subprocess.run([*run, found[-1], "-D", data, "-A", "trust", "-U", "kinema"], check=True, capture_output=True)
    control = [*run, str(found[-1].with_name("pg_ctl")), "-D", data]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    cluster = Cluster(f"postgresql://kinema@127.0.0.1:{port}/postgres", control, options)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Killer(threading.Thread):
    """Kills a worker whenever so many more films have ended, and ends the API twice, by SIGTERM and by SIGKILL."""

    def __init__(self, supervisor: int, jobs: int, kills: int, ended: list[str]) -> None:
        super().__init__(daemon=True)
        self._supervisor, self._ended = supervisor, ended
        moments = [(jobs * (number + 1) // (kills + 1), "worker") for number in range(kills)]
        self._plan = sorted([*moments, (jobs // 4, "api"), (jobs // 2, "api")])
        self._rng = random.Random(0)
        self.over = threading.Event()
        self.workers, self.apis = 0, 0

    def run(self) -> None:
        while self._plan and not self.over.wait(0.1):
            moment, kind = self._plan[0]
            if len(self._ended) >= moment and self._end(kind):
                self._plan.pop(0)

    def _end(self, kind: str) -> bool:
        """Ends a process of that kind; False where none runs just now."""
        living = children(self._supervisor, kind)
        if not living:
            return False
        first_api = kind == "api" and not self.apis
        os.kill(self._rng.choice(living), signal.SIGTERM if first_api else signal.SIGKILL)
        self.workers += kind == "worker"
        self.apis += kind == "api"
        return True


def ask(url: str, client: int, jobs: int, ids: dict[str, str], ended: list[str]) -> None:
    """One client: it asks for some films at a time, and waits until they have ended."""
    import openai

    warnings.simplefilter("ignore", DeprecationWarning)
    with openai.OpenAI(base_url=url, api_key="none", max_retries=20, timeout=60) as api:
        for start in range(0, jobs, WAVE):
            names = [f"{client}-{job}" for job in range(start, min(start + WAVE, jobs))]
            for name in names:
                headers, body = {"Idempotency-Key": name}, {"seed": int(name.partition("-")[2]), "steps": STEPS}
                ids[name] = api.videos.create(**FILM, extra_headers=headers, extra_body=body).id
            for name in names:
                ended.append(api.videos.poll(ids[name], poll_interval_ms=300).id)


def tick(ended: list[str], jobs: int, killer: Killer) -> None:
    """Says how far it is, on standard error, until it is over."""
    begun, told = time.monotonic(), -1
    while not killer.over.wait(5):
        if len(ended) != told:
            told = len(ended)
            killed = f"{killer.workers} workers killed, {killer.apis} APIs ended"
            print(f"{time.monotonic() - begun:6.0f} s: {told} of {jobs} films, {killed}", file=sys.stderr, flush=True)


def count(environment: dict[str, str], ids: dict[str, str], killer: Killer, wall_s: float) -> Figures:
    """What the database and the folder of films say."""
    os.environ.update(environment)
    from sqlalchemy import func, select

    from kinema.serve.jobs import ENDED
    from kinema.serve.store import open_store
    from kinema.serve.tables import events, jobs

    store = open_store()
    with store.read() as connection:
        rows = connection.execute(select(jobs.c.id, jobs.c.status, jobs.c.deaths)).all()
        ends = select(events.c.job_id, func.count()).where(events.c.kind.in_(ENDED)).group_by(events.c.job_id)
        ended = Counter({row[0]: row[1] for row in connection.execute(ends)})
    store.close()
    kept = list((Path(environment["KINEMA_HOME"]) / "serve" / "films" / "films").glob("*/*/video.mp4"))
    by_status = Counter(row.status for row in rows)
    return Figures(
        database=environment.get("KINEMA_DATABASE", "sqlite").partition(":")[0],
        jobs=len(ids),
        completed=by_status["completed"],
        failed=by_status["failed"],
        lost=len(set(ids.values()) - {row.id for row in rows if ended[row.id]}),
        doubled=len(rows) - len(set(ids.values())) + sum(number > 1 for number in ended.values()),
        films_kept=len(kept),
        workers_killed=killer.workers,
        api_restarts=killer.apis,
        most_deaths_of_a_job=max((row.deaths for row in rows), default=0),
        wall_s=round(wall_s, 1),
    )


def run(home: Path, options: argparse.Namespace, database: str | None) -> Figures:
    """The test in a folder of its own."""
    environment = dict(os.environ) | {"KINEMA_HOME": str(home), "OMP_NUM_THREADS": "1", "KINEMA_THREADS": "1"}
    environment |= {"KINEMA_DATABASE": database} if database else {}
    environment |= {"KINEMA_WEIGHTS": str(options.weights)} if options.weights else {}
    ids: dict[str, str] = {}
    ended: list[str] = []
    began = time.monotonic()
    with served(environment, options.workers) as (url, supervisor):
        share = options.jobs // options.clients
        killer = Killer(supervisor, share * options.clients, options.kills, ended)
        killer.start()
        ticker = threading.Thread(target=tick, args=(ended, share * options.clients, killer), daemon=True)
        ticker.start()
        threads = [threading.Thread(target=ask, args=(url, each, share, ids, ended)) for each in range(options.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        killer.over.set()
        killer.join()
        ticker.join()
    return count(environment, ids, killer, time.monotonic() - began)


def main() -> int:
    """Prints the figures; 1 where a job was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20, help="of workers, evenly over the films that have ended")
    parser.add_argument("--weights", type=Path, help="networks instead of the embedded ones")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL that this starts")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kinema-kill-") as folder:
        if options.postgres:
            with postgres() as cluster:
                figures = run(Path(folder), options, cluster.url)
        else:
            figures = run(Path(folder), options, None)
    if options.json:
        print(json.dumps(asdict(figures) | {"held": figures.held}))
    else:
        for name, value in asdict(figures).items():
            print(f"{name.replace('_', ' '):<24}{value}")
        print("every job ended once" if figures.held else "BROKEN")
    return 0 if figures.held else 1


if __name__ == "__main__":
    sys.exit(main())
