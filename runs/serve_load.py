"""Measures a server: what it adds to a film's time, how soon it answers while it works, what idle listeners cost.

    python runs/serve_load.py
    python runs/serve_load.py --films 10 --streams 500 --json

The film is the embedded model's usual one. Alone, its time is that of engine.make in a process that has the model
loaded; served, it runs from the request until a client that asks every 20 ms hears of its end.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent))
from serve_kill import children, served

PROMPT = "a red dog jumps in the snow"


@dataclass
class Figures:
    """What was measured."""

    film_alone_s: float
    film_served_s: float
    added_share: float
    retrieve_p50_ms: float
    retrieve_p99_ms: float
    streams: int
    streams_mb: float


def ask(url: str, method: str, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    text = json.dumps(body) if body is not None else None
    connection.request(method, parts.path + path, text, {"Content-Type": "application/json"} if text else {})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def alone(films: int) -> float:
    """The median time of a film without a server, the model being loaded."""
    from kinema import engine
    from kinema.recipe import Recipe

    took = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(films + 1):
            began = time.monotonic()
            engine.make(Recipe(prompt=PROMPT, seed=number), Path(folder) / f"{number}.mp4")
            took.append(time.monotonic() - began)
    return statistics.median(took[1:])


def by_server(url: str, films: int) -> tuple[float, list[float]]:
    """The median time of a film by the server, and how long each look at it took meanwhile."""
    took, looks = [], []
    for number in range(films + 1):
        began = time.monotonic()
        id = ask(url, "POST", "/videos", {"prompt": PROMPT, "seed": number})["id"]
        while True:
            looked = time.monotonic()
            status = ask(url, "GET", f"/videos/{id}")["status"]
            looks.append(time.monotonic() - looked)
            if status not in ("queued", "in_progress"):
                break
            time.sleep(0.02)
        assert status == "completed", status
        took.append(time.monotonic() - began)
    return statistics.median(took[1:]), looks


def memory_mb(pid: int) -> float:
    """The memory of a process that no other process shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1e3


def idle(url: str, pid: int, streams: int) -> float:
    """What so many listeners to a film that nothing happens to cost the API, in megabytes."""
    id = ask(url, "POST", "/videos", {"prompt": PROMPT, "seconds": "60", "steps": 200})["id"]
    parts = urlsplit(url)
    before = memory_mb(pid)
    with ExitStack() as stack:
        for _ in range(streams):
            connection = HTTPConnection(str(parts.hostname), parts.port, timeout=120)
            stack.callback(connection.close)
            connection.request("GET", f"{parts.path}/videos/{id}/events")
            connection.getresponse().read(1)
        time.sleep(3)
        after = memory_mb(pid)
    ask(url, "POST", f"/videos/{id}/cancel", {})
    return after - before


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=5)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kinema-load-") as home:
        os.environ["KINEMA_HOME"] = home
        without = alone(options.films)
        with served(dict(os.environ), 1) as (url, supervisor):
            while not children(supervisor, "api") or "status" not in ask(url[:-3], "GET", "/readyz"):
                time.sleep(0.5)
            api = children(supervisor, "api")[0]
            with_server, looks = by_server(url, options.films)
            cost = idle(url, api, options.streams)
    ranked = sorted(looks)
    figures = Figures(
        film_alone_s=round(without, 3),
        film_served_s=round(with_server, 3),
        added_share=round(with_server / without - 1, 4),
        retrieve_p50_ms=round(1000 * statistics.median(ranked), 1),
        retrieve_p99_ms=round(1000 * ranked[int(len(ranked) * 0.99)], 1),
        streams=options.streams,
        streams_mb=round(cost, 1),
    )
    if options.json:
        print(json.dumps(asdict(figures)))
    else:
        for name, value in asdict(figures).items():
            print(f"{name.replace('_', ' '):<20}{value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
