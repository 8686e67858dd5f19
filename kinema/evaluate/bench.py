"""How long films take, how much memory they need, and how soon one can watch: measured, each in a process of its own.

A bench starts `python -m kinema.evaluate.bench SECONDS FILM` for every duration and looks at the file from outside, as
a player would. Figures:

- work per second: wall-clock seconds from the request to the finished file, over the film's seconds; the same for the
  processor's seconds of all threads, which other work on the machine disturbs less.
- peak memory: the high-water mark of the process's resident memory, MiB, imports and networks included. Linux:
  VmHWM of /proc/self/status, because ru_maxrss is inherited from whoever started the process; elsewhere: ru_maxrss.
- first two seconds: wall-clock seconds from the request to the moment when the file on disk, finished or not, decodes
  to two seconds of frames; seen to a twentieth of a second.

- steady rate: the wall-clock seconds after that, over the seconds of film after the first two.

The start is warm: one window has been filled, marked, written and signed, so all that is loaded once is there. Each
duration is made several times, and the run of the median wall-clock time is told. Everything goes through the public
engine, with the model's own steps, size and rate.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time, sleep
from typing import Any, Final

from kinema.errors import EvaluationError, KinemaError
from kinema.settings import read_settings

DURATIONS: Final = (15, 30, 60, 120)
PROMPT: Final = "a red dog walks to the right in the forest"
SEED: Final = 1
WATCHABLE_SECONDS: Final = 2
FLAT_WITHIN: Final = 0.10
LOOK_SECONDS: Final = 0.05
FILM: Final = "film.mp4"
REPEATS: Final = 3
FIGURES: Final = ("work_per_second", "steady_per_second", "processor_per_second", "peak_mib")
"""What is to be flat."""

Watch = Callable[[int, int, int], None]
"""Called with the film's seconds, steps done and steps in all."""


@dataclass(frozen=True)
class Run:
    """What one film of so many seconds took."""

    seconds: int
    wall_s: float
    processor_s: float
    peak_mib: float
    first_two_seconds_s: float

    @property
    def work_per_second(self) -> float:
        """Wall-clock seconds for every second of film."""
        return self.wall_s / self.seconds

    @property
    def steady_per_second(self) -> float:
        """Wall-clock seconds for every second of film after the first two, which pay for the start."""
        return (self.wall_s - self.first_two_seconds_s) / max(1, self.seconds - WATCHABLE_SECONDS)

    @property
    def processor_per_second(self) -> float:
        """The processor's seconds, of all threads together, for every second of film."""
        return self.processor_s / self.seconds


@dataclass(frozen=True)
class Bench:
    """All durations, and what they were made with."""

    configuration: str
    steps: int
    size: str
    runs: tuple[Run, ...]

    def rise(self, figure: str) -> float | None:
        """How far the largest lies above the smallest, as a part of the smallest; None for a single duration."""
        values = [float(getattr(run, figure)) for run in self.runs]
        return max(values) / min(values) - 1 if len(values) > 1 else None

    def to_fields(self) -> dict[str, object]:
        """Plain values for JSON."""
        rises = {name: self.rise(name) for name in FIGURES}
        return {
            "configuration": self.configuration,
            "steps": self.steps,
            "size": self.size,
            "runs": [_rounded(run) for run in self.runs],
            "flat": {
                name: {"rise": round(rise, 4), "within_10_percent": rise <= FLAT_WITHIN}
                for name, rise in rises.items()
                if rise is not None
            },
        }


def _rounded(run: Run) -> dict[str, object]:
    derived = {name: getattr(run, name) for name in FIGURES[:-1]}
    return {name: round(value, 3) for name, value in (asdict(run) | derived).items()}


def bench(durations: Sequence[int], watch: Watch, repeats: int = REPEATS) -> Bench:
    """Every film in a process of its own, durations in turn so that a slow minute of the machine meets all of them.

    Raises EvaluationError with the reason where a film cannot be made.
    """
    shortest = min(durations)
    if shortest < WATCHABLE_SECONDS:
        raise EvaluationError(f"a film of {shortest} s cannot be timed; {WATCHABLE_SECONDS} s or more can")
    rounds = [[_run(seconds, watch) for seconds in durations] for _ in range(repeats)]
    said = rounds[0][0][1]
    runs = [sorted((run for run, _ in made), key=lambda run: run.wall_s) for made in zip(*rounds, strict=True)]
    return Bench(said["configuration"], said["steps"], said["size"], tuple(each[repeats // 2] for each in runs))


def _run(seconds: int, watch: Watch) -> tuple[Run, dict[str, Any]]:
    """One film made by a process of its own, looked at from outside; and what that process said of itself."""
    longest = max(read_settings().max_seconds, seconds)
    environment = os.environ | {"KINEMA_MAX_SECONDS": f"{longest:g}"}
    with TemporaryDirectory(prefix="kinema-bench-") as folder:
        film, said, troubles = (Path(folder) / name for name in (FILM, "said.jsonl", "troubles.txt"))
        command = [sys.executable, "-m", "kinema.evaluate.bench", str(seconds), str(film)]
        with said.open("w") as out, troubles.open("w") as err:
            child = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
        try:
            facts, first = _look(child, said, film, lambda done, total: watch(seconds, done, total))
        finally:
            child.kill()
            child.wait()
        if "wall_s" not in facts or first is None:
            lines = troubles.read_text().strip().splitlines()
            raise EvaluationError(
                f"the film of {seconds} s was not made: {lines[-1] if lines else f'exit code {child.returncode}'}"
            )
    return Run(seconds, facts["wall_s"], facts["processor_s"], facts["peak_mib"], first), facts


def _look(
    child: subprocess.Popen[bytes], said: Path, film: Path, progress: Callable[[int, int], None]
) -> tuple[dict[str, Any], float | None]:
    """All that the process says until it ends, and seconds from the request to the first two watchable ones.

    Times of both processes are on one clock: `monotonic` counts from the machine's start.
    """
    facts: dict[str, Any] = {}
    first: float | None = None
    looked_at = -1
    with said.open() as lines:
        over = False
        while not over:
            over = child.poll() is not None
            for line in lines:
                facts |= json.loads(line)
            if "done" in facts:
                progress(facts["done"], facts["total"])
            size = _size(film)
            if first is None and "begun" in facts and size != looked_at:
                looked_at, now = size, monotonic()
                if watchable_frames(film) >= WATCHABLE_SECONDS * Fraction(facts["fps"]):
                    first = now - facts["begun"]
            if not over:
                sleep(LOOK_SECONDS)
    return facts, first


def _unfinished(film: Path) -> list[Path]:
    """The film and whatever it is called while it is being written."""
    return [path for path in film.parent.iterdir() if path.name.startswith(film.stem) and path.suffix == film.suffix]


def _size(film: Path) -> int:
    return sum(path.stat().st_size for path in _unfinished(film) if path.exists())


def watchable_frames(film: Path) -> int:
    """Frames that can be decoded from the film, finished or not, as it lies on disk now."""
    import av

    count = 0
    for path in _unfinished(film):
        frames = 0
        try:
            with av.open(str(path)) as container:
                for _ in container.decode(video=0):
                    frames += 1
        except (av.FFmpegError, IndexError):
            pass  # a file that ends in the middle shows what comes before
        count = max(count, frames)
    return count


def peak_mib() -> float:
    """The most resident memory that this process ever had, in MiB."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024**2 if sys.platform == "darwin" else most / 1024


def make(seconds: int, film: Path) -> None:
    """Makes the film from a warm start, and says on stdout what a bench wants to know."""
    from kinema.backends import find
    from kinema.calls import generate

    def say(**facts: object) -> None:
        print(json.dumps(facts), flush=True)

    backend = find("native")
    home = backend.home
    generate(PROMPT, film.with_name("warm-up.mp4"), seed=SEED, steps=1)
    say(configuration=backend.configuration, steps=home.steps, size=f"{home.width}x{home.height}", fps=str(home.fps))
    begun, processor = monotonic(), process_time()
    say(begun=begun)
    generate(PROMPT, film, seconds=seconds, seed=SEED, on_step=lambda step: say(done=step.done, total=step.total))
    say(wall_s=monotonic() - begun, processor_s=process_time() - processor, peak_mib=peak_mib())


if __name__ == "__main__":
    try:
        make(int(sys.argv[1]), Path(sys.argv[2]))
    except KinemaError as error:
        sys.exit(str(error))
