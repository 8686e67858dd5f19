"""Content Credentials: what a film says about itself, signed, in the file or beside it (C2PA 2, c2pa.org).

`sign` is the one call: it comes last, before a film takes its final name, because whatever rewrites a file strips or
breaks what it says. In private mode nothing is said that leads back to the prompt: no words, no seed, no hash that a
guess could be tried against without the salt, which stays with the person (keys.py).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from kinema import __version__
from kinema.energy import Receipt
from kinema.errors import CheckpointError, OutputError, TrustError
from kinema.recipe import Recipe
from kinema.settings import Settings, read_settings
from kinema.trust.credentials_library import MIMES, WITH_SIDECAR, ask, sidecar_of
from kinema.trust.keys import identity, keep_private, own_anchor, read_anchors, salted
from kinema.trust.verify_form import head_of

Relation = Literal["parentOf", "componentOf", "inputTo"]
"""The film began from it, shows it among other things, or was only steered by it."""

_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MADE, COMPOSITE = f"{_SOURCE_TYPE}trainedAlgorithmicMedia", f"{_SOURCE_TYPE}compositeWithTrainedAlgorithmicMedia"
_OPENED = ("extend", "fill", "loop", "remix")
"""Tasks that change their first source; all others make a film of their own, in which the sources are placed."""
_PRIVATE_PARTS = ("prompt", "rewritten_prompt", "seed", "consent")
_PRIVATE_WORDS = ("text", "rewritten")


@dataclass(frozen=True)
class Ingredient:
    """A file that the film was made from, and how; a source without a file of its own has no path."""

    path: Path | None
    relation: Relation


@dataclass(frozen=True)
class Model:
    """The weights that made the film, by the SHA-256 of each file, and what they were trained on."""

    name: str
    licence: str
    files: Mapping[str, str]
    training_merkle_root: str | None = None
    training_clips: int | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> Model:
        """What the card of native networks and the manifest beside it say. Raises CheckpointError."""
        try:
            card = json.loads((folder / "networks.json").read_text(encoding="utf-8"))
            manifest = folder / "manifest.json"
            trained = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
            root = trained.get("merkle_root") or card.get("merkle_root")
            return cls(card["name"], card["licence"], dict(card["files"]), root, trained.get("clips"))
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(f"the card of the networks in {folder} cannot be read: {error}") from None


@dataclass(frozen=True)
class Watermark:
    """The mark in the film's pictures: C2PA's soft binding, by which lost credentials can be found again."""

    method: str
    value: str


@dataclass(frozen=True)
class Provenance:
    """All that a film's credentials say.

    `frames_sha256` is that of the frames before marking (`data.record.sha256_of_frames`), which replay compares.
    `review` says what was looked at and which consents were given; its values are of JSON's kinds.
    """

    recipe: str
    frames_sha256: str
    ingredients: tuple[Ingredient, ...] = ()
    model: Model | None = None
    watermark: Watermark | None = None
    receipt: Receipt | None = None
    review: Mapping[str, Any] = field(default_factory=dict)
    nearest: Mapping[str, Any] = field(default_factory=dict)
    private: bool = False

    @property
    def task(self) -> str:
        return str(json.loads(self.recipe).get("task", "generate"))


def ingredients_of(recipe: Recipe) -> tuple[Ingredient, ...]:
    """The recipe's sources, each with its relation to the film that the task makes of them."""
    count = len(recipe.sources)
    opened = recipe.task in _OPENED or (recipe.task == "recut" and count == 1)

    def relation(index: int) -> Relation:
        if opened and index == 0:
            return "parentOf"
        return "inputTo" if recipe.task == "fill" else "componentOf"

    paths = [Path(source.path) if source.path else None for source in recipe.sources]
    return tuple(Ingredient(path, relation(index)) for index, path in enumerate(paths))


def sign(path: Path, about: Provenance) -> tuple[str, ...]:
    """The film at the path carries its signed credentials, or they lie beside it; else it is as it was.

    Returns what a person should know of that: where a time authority is set that gives no stamp, the film is signed
    without one, and its credentials say so. Raises TrustError where the keys are of no use, OutputError where the place
    is full or unwritable.
    """
    if path.suffix.lower() not in MIMES:
        raise TrustError(f"{path.name} is of a format that carries no credentials; {', '.join(MIMES)} do")
    settings = read_settings()
    signer = identity(settings)
    apart = path.suffix.lower() in WITH_SIDECAR
    final = sidecar_of(path) if apart else path
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".signing.", suffix=final.suffix)
        os.close(handle)
        part = Path(name)
        try:
            request = {
                "do": "sign",
                "source": str(path),
                "target": name,
                "manifest": _manifest(path, about, settings),
                "ingredients": _ingredients(about),
                "anchors": _anchors(settings),
                "chain": signer.chain.decode("ascii", "replace"),
                "key": str(signer.key),
                "algorithm": signer.algorithm,
            }
            notes = _stamped(
                request, settings.timestamp_url, path, *[each.path for each in about.ingredients if each.path]
            )
            os.chmod(part, path.stat().st_mode & 0o777)
            _to_disk(part)
            os.replace(part, final)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be signed in its place: {error.strerror}; free or choose another place"
        ) from None
    return notes


def _stamped(request: dict[str, Any], clock: str | None, *paths: Path) -> tuple[str, ...]:
    """Has the film signed, with a time stamp where a clock is named; without one, and saying so, where none comes.

    A film is not lost for that: it is trusted as long as its certificate lasts, like one that was never to be stamped.
    What fails for another reason than the clock fails again without it.
    """
    if clock is None:
        ask(request | {"clock": None}, *paths)
        return ()
    try:
        ask(request | {"clock": clock}, *paths)
        return ()
    except TrustError as error:
        reason = str(error)
    host = urlsplit(clock).hostname
    said = {"label": "org.kinema.time", "data": {"asked": host, "stamped": False}}
    manifest = request["manifest"] | {"assertions": [*request["manifest"]["assertions"], said]}
    ask(request | {"clock": None, "manifest": manifest}, *paths)
    return (
        f"No time stamp: {host} gave none, so the film is trusted only as long as its certificate lasts ({reason}).",
    )


def actions(task: str, ingredients: tuple[Ingredient, ...], marked: bool) -> list[dict[str, Any]]:
    """What was done, in C2PA's words: the film was created or a parent opened, then what was placed in it or edited."""
    named = {f"source-{index}": each.relation for index, each in enumerate(ingredients, 1)}
    parents = [name for name, relation in named.items() if relation == "parentOf"]
    placed = [name for name, relation in named.items() if relation == "componentOf"]
    inputs = [name for name, relation in named.items() if relation == "inputTo"]
    if parents:
        done = [_action("c2pa.opened", parents), _action("c2pa.edited", inputs, COMPOSITE)]
        if task == "recut":
            done.insert(1, _action("c2pa.trimmed"))
    else:
        done = [_action("c2pa.created", inputs, COMPOSITE if placed else MADE)]
    done += [_action("c2pa.placed", [name]) for name in placed]
    return [*done, _action("c2pa.watermarked.bound")] if marked else done


def _action(name: str, ingredients: list[str] | None = None, source_type: str | None = None) -> dict[str, Any]:
    parts: dict[str, Any] = {"action": name}
    if source_type:
        parts["digitalSourceType"] = source_type
    if ingredients:
        parts["parameters"] = {"ingredientIds": ingredients}
    return parts


def _manifest(path: Path, about: Provenance, settings: Settings) -> dict[str, Any]:
    """The manifest as the library takes it; every part of ours stands under a label of its own."""
    film, recipe = _statements(about, settings)
    parts: dict[str, Any] = {
        "c2pa.actions.v2": {"actions": actions(about.task, about.ingredients, about.watermark is not None)},
        "org.kinema.film": film | {"task": about.task, "head": head_of(path)},
        "org.kinema.recipe": recipe,
    }
    if about.model:
        parts["org.kinema.model"] = asdict(about.model)
    if about.receipt:
        parts["org.kinema.receipt"] = asdict(about.receipt)
    if about.review:
        parts["org.kinema.review"] = dict(about.review)
    if about.nearest:
        parts["org.kinema.nearest"] = dict(about.nearest)
    if about.watermark:
        block = {"scope": {}, "value": about.watermark.value}
        parts["c2pa.soft-binding"] = {"alg": about.watermark.method, "blocks": [block]}
    return {
        "claim_generator_info": [{"name": "Kinema", "version": __version__}],
        "title": f"a film of the task {about.task}",
        "assertions": [{"label": label, "data": data} for label, data in parts.items()],
    }


def _statements(about: Provenance, settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of the frames and of the recipe, openly or in private mode."""
    parts = json.loads(about.recipe)
    if not about.private:
        return {"frames_sha256": about.frames_sha256}, {"recipe": _public(parts)}
    name, salt = keep_private(settings.home, about.recipe)
    said = {
        "id": name,
        "prompt_hmac_sha256": salted(salt, parts.get("prompt", "")),
        "recipe_hmac_sha256": salted(salt, about.recipe),
    }
    return {"frames_hmac_sha256": salted(salt, about.frames_sha256)}, {"recipe": _without_words(parts), "private": said}


def _public(parts: dict[str, Any]) -> dict[str, Any]:
    """The recipe with its sources' names alone: where they lie is nobody's business."""
    sources = [each | {"path": Path(each["path"]).name} for each in parts.get("sources", [])]
    return parts | ({"sources": sources} if sources else {})


def _without_words(parts: dict[str, Any]) -> dict[str, Any]:
    """The recipe without what a person wrote or chose to start from, and without the seed."""
    left = {name: value for name, value in parts.items() if name not in (*_PRIVATE_PARTS, "sources")}
    how = left.get("how")
    if isinstance(how, dict) and "cards" in how:
        cards = [{name: value for name, value in card.items() if name not in _PRIVATE_WORDS} for card in how["cards"]]
        left["how"] = how | {"cards": cards}
    return left


def _ingredients(about: Provenance) -> list[dict[str, Any]]:
    """The ingredients as the child takes them; those of a private film have no names and bring no statements along."""
    found = []
    for index, each in enumerate(about.ingredients, 1):
        if each.path and not each.path.exists():
            raise TrustError(f"the source {each.path} is gone; a film cannot be signed without what it was made from")
        label = f"source-{index}"
        title = each.path.name if each.path and not about.private else label
        fields = {"title": title, "relationship": each.relation, "label": label}
        bare = about.private or each.path is None or each.path.is_dir()
        found.append({"path": str(each.path or label), "fields": fields, "bare": bare})
    return found


def _anchors(settings: Settings) -> str:
    """The anchors that ingredients are judged under: this machine's and those that the settings name."""
    named = read_anchors(settings.anchors) if settings.anchors else ""
    return (own_anchor(settings) or "") + named


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
