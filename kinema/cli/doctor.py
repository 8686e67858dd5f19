"""The verb that says what this machine has, what Kinema chose for it, and why."""

from __future__ import annotations

import json
import platform
from importlib.util import find_spec

import click

from kinema import __version__

EXTRAS = {
    "world": ("cv2",),
    "train": ("torch", "einops", "webdataset", "matplotlib", "cv2"),
    "dev": ("pytest", "hypothesis", "ruff", "mypy"),
}
"""Extra: the modules that it brings."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def doctor(as_json: bool) -> int:
    """Say what this machine has, what was chosen for it and why.

    The exit code is 1 where no film can be made, and the line about the weights says why.

    \b
    Examples:
      kinema doctor
      kinema doctor --json
    """
    found = examine()
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else _as_lines(found))
    return 0 if found["ready"] else 1


def examine() -> dict[str, object]:
    """Everything that the verb tells."""
    import openvino

    from kinema.backends.networks import check_files, read_card, weights_folder
    from kinema.backends.processor import cores, numerics, processor_flags
    from kinema.errors import CheckpointError
    from kinema.settings import read_settings

    settings = read_settings()
    chosen = numerics(settings, processor_flags())
    folder = weights_folder(settings)
    try:
        card = read_card(folder)
        check_files(folder, card)
        ready, weights = True, f"{card.name} in {folder}, {card.licence}, whole"
    except CheckpointError as error:
        ready, weights = False, str(error)
    return {
        "kinema": __version__,
        "python": platform.python_version(),
        "openvino": openvino.__version__.split("-")[0],
        "cores": cores(),
        "threads": chosen.threads,
        "precision": chosen.precision,
        "why": chosen.why,
        "home": str(settings.home),
        "weights": weights,
        "extras": {extra: [name for name in names if not find_spec(name)] for extra, names in EXTRAS.items()},
        "ready": ready,
    }


def _as_lines(found: dict[str, object]) -> str:
    extras = found["extras"]
    assert isinstance(extras, dict)
    words = [f"{name} {'present' if not lacks else 'lacks ' + ' '.join(lacks)}" for name, lacks in extras.items()]
    rows = {
        "kinema": f"{found['kinema']}, python {found['python']}, openvino {found['openvino']}",
        "cores": f"{found['cores']}, of which a network uses {found['threads']}",
        "precision": f"{found['precision']}: {found['why']}",
        "home": found["home"],
        "weights": found["weights"],
        "extras": "; ".join(words),
        "ready": "yes" if found["ready"] else "no",
    }
    return "\n".join(f"{name:<10} {said}" for name, said in rows.items())
