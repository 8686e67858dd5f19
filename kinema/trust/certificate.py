"""The model's birth certificate and the public summary of its training content, from its card and its manifest alone.

The summary has the headings of the AI Office's template for Article 53(1)(d) of the EU AI Act (24 July 2025). What
neither the card nor the manifest holds is said to be unknown, never filled in.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from kinema import __version__
from kinema.data.manifest import read_manifest
from kinema.errors import CheckpointError

UNKNOWN = "unknown: the model's card does not say"
WORLD = "kinema pocket world"
_DESCRIBED = {
    WORLD: {
        "what": "clips that Kinema's own renderer drew: painted places of ours and Microsoft's Fluent Emoji sprites",
        "version": "sprites 1.0.0 (kinema/world/strips/provenance.json); clips by their keys, world-SEED-INDEX",
        "transforms": "rendered at the model's size and rate, split by scene; captions by rule; no real footage",
        "opt_out": "not called for: nothing was collected from anybody",
    }
}
_FOREIGN = dict.fromkeys(("what", "version", "transforms", "opt_out"), UNKNOWN)


def birth_certificate(folder: Path) -> dict[str, Any]:
    """What the model in a folder of native networks is and was made of; its Merkle root is checked against every line.

    Raises CheckpointError where the card, DataError where the manifest is missing or altered.
    """
    card = _card(folder)
    entries, summary = read_manifest(folder)
    if card.get("merkle_root") not in (None, summary["merkle_root"]):
        raise CheckpointError(
            f"the card in {folder} names another Merkle root than its manifest; one of them was altered"
        )
    counts = Counter((entry.source, entry.licence, entry.split) for entry in entries)
    sources = [
        {"source": source, "licence": licence, "split": split, "clips": clips, **_DESCRIBED.get(source, _FOREIGN)}
        for (source, licence, split), clips in sorted(counts.items())
    ]
    return {
        "model": card["name"],
        "licence": card["licence"],
        "files": card["files"],
        "makes": f"silent video, {card['width']}x{card['height']} at {card['fps']} frames per second at home",
        "trained_on": card["trained_on"],
        "clips": len(entries),
        "sources": sources,
        "merkle_root": summary["merkle_root"],
        "merkle_rule": "RFC 6962, section 2.1, over the clips' SHA-256 in the manifest's order, checked just now",
        "every_clip": f"{folder.name}/manifest.jsonl.gz: key, source, licence, SHA-256 and split of each",
        "started_from": card.get("started_from") or UNKNOWN,
        "training_energy": card.get("training_energy") or UNKNOWN,
        "written_by": f"Kinema {__version__}",
    }


def certificate_page(certificate: dict[str, Any]) -> str:
    """The birth certificate as Markdown."""
    files = "\n".join(f"| {name} | `{digest}` |" for name, digest in certificate["files"].items())
    rows = "\n".join(
        f"| {each['source']} | {each['clips']:,} | {each['split']} | {each['licence']} | {each['opt_out']} |"
        for each in certificate["sources"]
    )
    described = "\n".join(
        f"- **{name}**: {each['what']}. Version: {each['version']}. Transforms: {each['transforms']}."
        for name, each in {each["source"]: each for each in certificate["sources"]}.items()
    )
    return f"""# Birth certificate of {certificate["model"]}

Makes {certificate["makes"]}. Licence: {certificate["licence"]}. Written by {certificate["written_by"]}.

| file | SHA-256 |
|---|---|
{files}

## Trained on {certificate["clips"]:,} clips

| source | clips | split | licence | opt-out |
|---|---|---|---|---|
{rows}

{described}

Each single clip: {certificate["every_clip"]}.
Merkle root: `{certificate["merkle_root"]}` ({certificate["merkle_rule"]}).

## Energy of training

{_energy(certificate["training_energy"])}
"""


def training_summary(certificate: dict[str, Any], provider: str | None = None) -> str:
    """The public summary of training content as Markdown, under the template's headings, from a birth certificate."""
    is_all_ours = all(each["source"] == WORLD for each in certificate["sources"])
    none = "None." if is_all_ours else "Unknown: the manifest names sources that Kinema cannot describe; see 2.6."
    synthetic = sum(each["clips"] for each in certificate["sources"] if each["source"] == WORLD)
    others = [f"- {each['source']}: {each['clips']:,} clips, {each['licence']}" for each in certificate["sources"]]
    rest = "\n".join(line for line, each in zip(others, certificate["sources"], strict=True) if each["source"] != WORLD)
    rendered = _DESCRIBED[WORLD]["what"]
    return f"""# Public summary of training content: {certificate["model"]}

Regulation (EU) 2024/1689, Article 53(1)(d). The model is small and makes one kind of film; whether it counts as a
general-purpose model is left open, and the summary is given all the same.

## 1. General information

### 1.1. Provider identification
- Provider name and contact details: {provider or "whoever offers the model; to be named with --provider"}
- Authorised representative: {"see the provider" if provider else "none named"}

### 1.2. Model identification
- Versioned model name: {certificate["model"]}, weights {_weights(certificate)}
- Model dependencies: {certificate["started_from"]}
- Date of placement on the Union market: {UNKNOWN}

### 1.3. Modalities, overall training data size and other characteristics
- Modality: video without sound, and text (the clips' captions)
- Training data size: {certificate["clips"]:,} clips
- Types of content: {rendered if is_all_ours else "see section 2"}
- Latest date of data collection: {"not applicable, nothing was collected" if is_all_ours else UNKNOWN}
- Linguistic characteristics: {"captions in English, written by rule" if is_all_ours else UNKNOWN}

## 2. List of data sources

### 2.1. Publicly available datasets
{none}

### 2.2. Private non-publicly available datasets obtained from third parties
#### 2.2.1. Datasets commercially licensed by rightsholders or their representatives
{none}
#### 2.2.2. Private datasets obtained from other third parties
{none}

### 2.3. Data crawled and scraped from online sources
{none}

### 2.4. User data
None: no film, prompt or upload of a user enters the training.

### 2.5. Synthetic data
{synthetic:,} clips: {rendered}. No other model made any of them.

### 2.6. Other sources of data
{rest or "The sprites (MIT, Microsoft) and the painted places (Apache-2.0) that the synthetic clips are drawn from."}

## 3. Data processing aspects

### 3.1. Respect of reservation of rights from text and data mining exception or limitation
{"Nothing was mined, so no reservation applies." if is_all_ours else UNKNOWN}

### 3.2. Removal of illegal content
{"Nothing to remove: every clip is drawn from a closed list of things, places and motions." if is_all_ours else UNKNOWN}

### 3.3. Other information
- Merkle root over every clip: `{certificate["merkle_root"]}`
- Energy of training: {_energy(certificate["training_energy"])}
"""


def _weights(certificate: dict[str, Any]) -> str:
    return next(
        (digest[:16] for name, digest in certificate["files"].items() if name.endswith(".safetensors")), "unnamed"
    )


def _energy(said: object) -> str:
    """The card's measured energy in words; it holds energy_wh, wall_s and method."""
    if not isinstance(said, dict):
        return str(said)
    return f"{said['energy_wh'] / 1000:.3g} kWh in {said['wall_s'] / 3600:.3g} hours ({said['method']})"


def _card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / "networks.json").read_text(encoding="utf-8"))
        return (
            {"trained_on": UNKNOWN}
            | {name: card[name] for name in ("name", "licence", "files", "width", "height", "fps")}
            | card
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"the card of the networks in {folder} cannot be read: {error}") from None
