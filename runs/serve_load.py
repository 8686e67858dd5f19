"""Measures a server: what it adds to a film's time, how soon it answers while it works, what idle listeners cost.

    python runs/serve_load.py
    python runs/serve_load.py --films 10 --streams 500 --json

The film is the embedded model's usual one. Alone, its time is that of engine.make in a process that has the model
loaded, as in the terminal; served, it runs from the request until a client that asks again whenever the server says
(openai-poll-after-ms, 50 ms at the least) hears of its end: asking takes time from the film where a machine has but two
cores. The two take turns, film by film, so that whatever else the machine does falls on both. How soon the server
answers is measured apart, by looks every 100 ms at as many films again. What is done is said as it goes on; the figures
come last, beside what they have to be. Nothing is written but into a folder that is removed at the end.
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
    looks: int
    streams: int
    streams_mb: float

    @property
    def held(self) -> dict[str, bool]:
        """What the server promises, and whether these figures keep it."""
        return {
            "the server adds at most 5 % to a film": self.added_share <= 0.05,
            "99 of 100 looks at a film take less than 50 ms while a worker is busy": self.retrieve_p99_ms < 50,
            f"{self.streams} idle event streams take less than 300 MB": self.streams_mb < 300,
        }


def say(words: str) -> None:
    """Progress, on standard error."""
    print(words, file=sys.stderr, flush=True)


class Client:
    """One connection to a server, kept for a film as clients do; `wait_s` is how long its last answer said to wait."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection, self._root = HTTPConnection(str(parts.hostname), parts.port, timeout=60), parts.path
        self.wait_s = 0.1

    def ask(self, method: str, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        text = json.dumps(body) if body is not None else None
        headers = {"Content-Type": "application/json"} if text else {}
        self._connection.request(method, self._root + path, text, headers)
        answer = self._connection.getresponse()
        self.wait_s = int(answer.headers.get("openai-poll-after-ms", 100)) / 1000
        found: dict[str, Any] = json.loads(answer.read())
        return found

    def film(self, number: int, every_s: float | None = None) -> tuple[float, list[float]]:
        """The time of a film, and how long each look at it took; without a rhythm it looks when it is told to."""
        began, looks = time.monotonic(), []
        video = self.ask("POST", "/videos", {"prompt": PROMPT, "seed": number})
        while video["status"] in ("queued", "in_progress"):
            time.sleep(every_s or self.wait_s)
            looked = time.monotonic()
            video = self.ask("GET", f"/videos/{video['id']}")
            looks.append(time.monotonic() - looked)
        assert video["status"] == "completed", video
        return time.monotonic() - began, looks


def alone(number: int, folder: Path) -> float:
    """The time of a film without a server, the model being loaded."""
    from kinema import engine
    from kinema.recipe import Recipe

    began = time.monotonic()
    engine.make(Recipe(prompt=PROMPT, seed=number), folder / f"{number}.mp4")
    return time.monotonic() - began


def in_turns(url: str, films: int, folder: Path) -> tuple[float, float]:
    """The median times of films alone and by the server, after one of each that warms both up."""
    times: list[tuple[float, float]] = []
    for number in range(films + 1):
        times.append((alone(number, folder), Client(url).film(number)[0]))
        said = "alone {:.2f} s, by the server {:.2f} s".format(*times[-1])
        say(f"film {number} of {films}: {said}" + ("" if number else " (to warm up)"))
    without, served = (statistics.median(each) for each in zip(*times[1:], strict=True))
    return without, served


def memory_mb(pid: int) -> float:
    """The memory of a process that no other process shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1e3


def idle(url: str, pid: int, streams: int) -> float:
    """What so many listeners to a film that nothing happens to cost the API, in megabytes."""
    asking = Client(url)
    id = asking.ask("POST", "/videos", {"prompt": PROMPT, "seconds": "60", "steps": 200})["id"]
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
    asking.ask("POST", f"/videos/{id}/cancel", {})
    return after - before


def main() -> int:
    """Prints the figures; 1 where one of them is not what the server promises."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=5)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kinema-load-") as home:
        os.environ["KINEMA_HOME"] = home
        with served(dict(os.environ), 1) as (url, supervisor):
            while not children(supervisor, "api") or "status" not in Client(url[:-3]).ask("GET", "/readyz"):
                time.sleep(0.5)
            api = children(supervisor, "api")[0]
            without, with_server = in_turns(url, options.films, Path(home))
            say(f"{options.films} films that are looked at every 100 ms")
            looks = [each for number in range(options.films) for each in Client(url).film(number, 0.1)[1]]
            say(f"{options.streams} listeners to a film")
            cost = idle(url, api, options.streams)
    ranked = sorted(looks)
    figures = Figures(
        film_alone_s=round(without, 3),
        film_served_s=round(with_server, 3),
        added_share=round(with_server / without - 1, 4),
        retrieve_p50_ms=round(1000 * statistics.median(ranked), 1),
        retrieve_p99_ms=round(1000 * ranked[int(len(ranked) * 0.99)], 1),
        looks=len(looks),
        streams=options.streams,
        streams_mb=round(cost, 1),
    )
    if options.json:
        print(json.dumps(asdict(figures) | {"held": figures.held}))
    else:
        for name, value in asdict(figures).items():
            print(f"{name.replace('_', ' '):<20}{value}")
        for promise, kept in figures.held.items():
            print(f"{'holds' if kept else 'DOES NOT HOLD'}: {promise}")
    return 0 if all(figures.held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
