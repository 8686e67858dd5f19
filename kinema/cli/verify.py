"""The verb that says what a film's credentials are worth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kinema.cli.terminal import echo_json

if TYPE_CHECKING:
    from kinema.trust.verify import Replay, Verdict


@click.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.option(
    "--anchors",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Certificates (PEM) to trust, and no others; by default this machine's own and those of KINEMA_ANCHORS.",
)
@click.option("--replay", is_flag=True, help="Make the film again from its signed recipe and compare.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def verify(film: Path, anchors: tuple[Path, ...], replay: bool, as_json: bool) -> int:
    """Say whether FILM is unchanged and signed by somebody you trust.

    The exit code is 0 only where it is signed under a certificate that you named, or under this machine's own, and,
    with --replay, where the same frames come out again. Credentials that are merely intact can be forged by anybody.
    A time stamp is told with its authority; under one that KINEMA_TIMESTAMP_ANCHORS names, a film outlives the
    certificate that it was signed with.

    \b
    Examples:
      kinema verify dog.mp4
      kinema verify dog.mp4 --anchors studio.pem
      kinema verify dog.mp4 --replay
      kinema verify dog.mp4 --json
      KINEMA_TIMESTAMP_ANCHORS=clock.pem kinema verify dog.mp4
    """
    from kinema.trust.verify import verify as verdict_on

    verdict = verdict_on(film, anchors)
    again = _replayed(verdict) if replay else None
    if as_json:
        told = {"same": again.same, "sentence": again.sentence, "psnr_db": again.psnr_db} if again else None
        echo_json(verdict.to_fields() | {"replay": told})
    else:
        click.echo(verdict.sentence)
        if again:
            click.echo(again.sentence)
        for name, said in _rows(verdict):
            click.echo(f"  {name:<11} {said}")
    return 0 if verdict.is_trusted and (again is None or again.same) else 1


def _replayed(verdict: Verdict) -> Replay:
    """The film made again, as the engine makes it before it is marked; its sources are read once."""
    from kinema.engine import make
    from kinema.ready import Ready, prepare
    from kinema.recipe import Recipe
    from kinema.trust.verify import verify_replay

    @cache
    def ready(recipe: str) -> Ready:
        return prepare(Recipe.model_validate(json.loads(recipe)))

    return verify_replay(
        verdict, lambda recipe: make(ready(recipe)).clip, lambda recipe: ready(recipe).recipe.configuration or ""
    )


def _rows(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """What the signer says, in lines; its own words are bounded and cannot move the terminal's cursor."""
    from kinema.trust.receipts import Bill

    if verdict.maker:
        yield "made with", _plain(verdict.maker)
    if verdict.stamp:
        yield "signed at", _plain(verdict.stamp.sentence)
    elif verdict.part("time"):
        yield "signed at", _plain(f"no time stamp: {verdict.part('time').get('asked')} was asked for one and gave none")
    film, recipe = verdict.part("film"), verdict.part("recipe")
    if film.get("task"):
        yield "task", _plain(film["task"])
    told = recipe.get("recipe")
    if isinstance(told, dict) and told.get("prompt"):
        yield "prompt", _plain(told["prompt"])
    if recipe.get("private"):
        yield "prompt", "kept private; its salted hash is signed"
    for each in verdict.ingredients:
        yield "made from", _plain(f"{each['title']} ({each['relation']}, {each['state']})")
    model = verdict.part("model")
    if model:
        yield (
            "model",
            _plain(f"{model.get('name')}, trained on clips with the Merkle root {model.get('training_merkle_root')}"),
        )
    bill = Bill.of(verdict)
    if bill.energy_wh is not None:
        yield "took", _plain(f"{bill.wall_s:.3g} s, {bill.energy_wh:.3g} Wh, {bill.co2_g:.3g} g CO2 ({bill.method})")
    review = verdict.part("review")
    if review:
        yield "reviewed", _plain(_reviewed(review))
    yield "anchors", " and ".join(verdict.anchors) or "none; films signed here make one, --anchors names others"


def _reviewed(review: Mapping[str, object]) -> str:
    """What was looked at before the film was shown, as a person reads it."""
    said = [str(review.get("frames", "nothing is said of its frames"))]
    looked_for, uploads = review.get("looked_for"), review.get("uploads")
    if isinstance(looked_for, list):
        said.append(f"for {', '.join(map(str, looked_for))}")
    if isinstance(uploads, list):
        said.append(f"{len(uploads)} sources too")
    if review.get("consent"):
        said.append(f"consent: {review['consent']}")
    return "; ".join(said)


def _plain(text: object) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))[:200]
