"""A whole server in processes of its own, on tiny networks, for tests that talk to it as anybody would."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parent.parent
PROMPT = "a red dog jumps in the snow"
TINY = {"seconds": "0.5", "size": "48x32"}
"""What makes the shortest film there is to wait for."""


@dataclass(frozen=True)
class Server:
    """A running server; `home` is its KINEMA_HOME."""

    url: str
    home: Path
    process: subprocess.Popen[str]
    environment: dict[str, str]

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a plain request; names of headers have _ for -."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            with urlopen(Request(self.url + path, body, told, method=method), timeout=60) as answer:
                return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
        except HTTPError as error:
            with error:
                return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


def surroundings(home: Path, weights: Path, **settings: str) -> dict[str, str]:
    """The environment of a server whose films are small, quickly made and plain."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KINEMA_")}
    settings = {
        "WATERMARK": "off",
        "CREDENTIALS": "off",
        "REGISTRY": "off",
        "REVIEW": "off",
        "PRECISION": "f32",
        "THREADS": "1",
    } | settings
    environment |= {f"KINEMA_{name}": value for name, value in settings.items()}
    environment |= {"KINEMA_HOME": str(home), "KINEMA_WEIGHTS": str(weights), "OMP_NUM_THREADS": "1"}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return environment


@contextmanager
def running(home: Path, weights: Path, *options: str, **settings: str) -> Iterator[Server]:
    """A server on a free port, ready; stopped as a person stops it. Networks are compiled once for all servers."""
    environment = surroundings(home, weights, **settings)
    if not (home / "cache").exists():
        (compiled := weights.parent / "compiled").mkdir(exist_ok=True)
        (home / "cache").symlink_to(compiled)
    code = f"from kinema.cli import main; main({['serve', '--port', '0', *options]!r})"
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        found = re.search(r"http://[^/]+", process.stdout.readline())
        assert found, "the server says where it is"
        server = Server(found.group(), home, process, environment)
        until = monotonic() + 120
        while not _ready(server):
            assert process.poll() is None and monotonic() < until, "the server comes up"
            sleep(0.1)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _ready(server: Server) -> bool:
    try:
        return server.ask("GET", "/readyz")[0] == 200
    except (URLError, OSError):
        return False
