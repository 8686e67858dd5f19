"""What a person sees of a run: a line every few seconds, the curve as a picture, and the figures as JSON lines."""

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from kinema.energy import Meter

SMOOTH = 0.02


@dataclass
class Progress:
    """Counts samples and energy from the moment it is made; writes to standard error and to `folder/log.jsonl`."""

    name: str
    folder: Path
    first: int
    begun: float
    """The step that the run goes on from, and the share of it that is gone by then."""
    batch: int
    flops: float
    """Of one sample."""
    meter: Meter
    loss: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.started = self.spoke = time.monotonic()

    def note(self, step: int, loss: float, gone: float) -> None:
        """Step `step` is done with this loss and that share of the run; every five seconds that is said and logged."""
        self.loss = loss if self.loss is None else self.loss + SMOOTH * (loss - self.loss)
        now = time.monotonic()
        if now - self.spoke < 5 and gone < 1:
            return
        self.spoke = now
        seconds = now - self.started
        rate = (step - self.first) * self.batch / seconds
        left = seconds * (1 - gone) / max(1e-9, gone - self.begun)
        spent = self.meter.read()
        row = {"step": step, "loss": round(self.loss, 5), "seconds": round(seconds, 1), "samples_per_s": round(rate, 2)}
        row["energy_wh"] = round(spent.energy_wh, 4)
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")
        print(
            f"{self.name} step {step} ({gone:.0%})  loss {self.loss:.4f}  {rate:.1f} samples/s  "
            f"{rate * self.flops / 1e9:.0f} GFLOP/s  {spent.energy_wh:.1f} Wh  {left / 60:.0f} min left",
            file=sys.stderr,
            flush=True,
        )

    def draw(self) -> None:
        """The loss curve so far is in `folder/curve.png`."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        file = self.folder / "log.jsonl"
        if not file.is_file():
            return
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        figure, axes = pyplot.subplots(figsize=(6, 3))
        axes.plot([row["step"] for row in rows], [row["loss"] for row in rows])
        scale = "log" if any(row["loss"] > 0 for row in rows) else "linear"
        axes.set(xlabel="step", ylabel="loss", title=self.name, yscale=scale)
        figure.tight_layout()
        figure.savefig(self.folder / "curve.png", dpi=100)
        pyplot.close(figure)
