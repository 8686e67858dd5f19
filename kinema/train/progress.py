"""What a person sees of a run: a line every few seconds, the curve as a picture, and the figures as JSON lines."""

import json
import sys
import time
from pathlib import Path

from kinema.energy import receipt
from kinema.settings import read_settings

SMOOTH = 0.02


class Progress:
    """Counts samples from the moment it is made; writes to standard error and to `folder/log.jsonl`."""

    def __init__(
        self, name: str, steps: int, batch: int, flops_per_sample: float, folder: Path, first_step: int
    ) -> None:
        self.name, self.steps, self.batch, self.flops = name, steps, batch, flops_per_sample
        self.folder, self.first = folder, first_step
        self.started = self.spoke = time.monotonic()
        self.loss: float | None = None
        self.settings = read_settings()

    def note(self, step: int, loss: float) -> None:
        """Step `step` is done with this loss; every five seconds that is said and logged."""
        self.loss = loss if self.loss is None else self.loss + SMOOTH * (loss - self.loss)
        now = time.monotonic()
        if now - self.spoke < 5 and step < self.steps:
            return
        self.spoke = now
        seconds = now - self.started
        rate = (step - self.first) * self.batch / seconds
        left = (self.steps - step) * self.batch / rate
        spent = receipt(seconds, watts=self.settings.watts, grams_per_kwh=self.settings.grams_per_kwh)
        row = {"step": step, "loss": round(self.loss, 5), "seconds": round(seconds, 1), "samples_per_s": round(rate, 2)}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")
        print(
            f"{self.name} {step}/{self.steps}  loss {self.loss:.4f}  {rate:.1f} samples/s  "
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
        axes.set(xlabel="step", ylabel="loss", title=self.name, yscale="log")
        figure.tight_layout()
        figure.savefig(self.folder / "curve.png", dpi=100)
        pyplot.close(figure)
