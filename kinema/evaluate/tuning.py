"""What to choose by: settings of the sampler side by side on scenes that no evaluation asks for.

`python -m kinema.evaluate.tuning --guidance 3 --guidance 4.5 --steps 12` makes a film of every scene with every pair of
settings, by the networks that KINEMA_WEIGHTS names or else the embedded ones, and reads it with the reader `dev`.
"""

from __future__ import annotations

import random
import sys
from itertools import product
from statistics import mean
from time import monotonic

import click

from kinema.calls import generate
from kinema.evaluate.checks import check
from kinema.evaluate.factors import FACTORS, Facts
from kinema.evaluate.gate import quotable
from kinema.evaluate.reader import Reader
from kinema.evaluate.score import ALL, MEAN, tally
from kinema.world.captions import canonical
from kinema.world.sampling import sample
from kinema.world.scene import Scene

SEED = "kinema tuning 1"
SECONDS = 4


def scenes(count: int) -> list[Scene]:
    """Scenes for choosing; their seed is no evaluation's."""
    rng = random.Random(SEED)
    return [sample(rng, split="train") for _ in range(count)]


@click.command()
@click.option("--scenes", "count", default=48, show_default=True)
@click.option("--guidance", "guidances", type=float, multiple=True, help="May be repeated; else the model's own.")
@click.option("--steps", "lengths", type=int, multiple=True, help="May be repeated; else the model's own.")
def main(count: int, guidances: tuple[float, ...], lengths: tuple[int, ...]) -> None:
    """Print, for each pair of settings, the share of scenes that were read rightly, flicker, and seconds a film."""
    asked, reader = scenes(count), Reader("dev")
    told = [factor for factor in (*FACTORS, MEAN, ALL) if factor in (MEAN, ALL, *quotable(reader))]
    for guidance, steps in product(guidances or (None,), lengths or (None,)):
        begun = monotonic()
        readings: list[Facts] = []
        flickers: list[float] = []
        label = f"guidance {guidance}, steps {steps}"
        with click.progressbar(asked, label=label, file=sys.stderr) as shown:
            for scene in shown:
                clip = generate(canonical(scene), seconds=SECONDS, seed=1, guidance=guidance, steps=steps).clip
                readings.append(reader.read(clip).facts)
                flickers.append(check(clip).flicker)
        shares = tally(asked, readings, quotable(reader))
        right = "  ".join(f"{factor} {100 * shares[factor].value:.0f}" for factor in told if factor in shares)
        pace = (monotonic() - begun) / count
        click.echo(f"guidance {guidance}, steps {steps}: {right} %  flicker {mean(flickers):.2f}  {pace:.1f} s a film")


if __name__ == "__main__":
    main()
