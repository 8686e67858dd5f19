"""Laws of the lessons that are learnt from pools, and of a whole training with a budget of seconds."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from tiny_models import awake, tiny_autoencoder, tiny_denoiser

from kinema.data.manifest import read_manifest
from kinema.data.world import Run
from kinema.errors import TrainingError
from kinema.model.autoencoder import Autoencoder, AutoencoderConfig
from kinema.model.checkpoint import WEIGHTS, fingerprint, load_autoencoder, load_denoiser, load_networks, write
from kinema.model.denoiser import Denoiser
from kinema.model.sizes import SIZES
from kinema.train.loop import Plan
from kinema.train.pooled import Guided, PooledDenoising
from kinema.train.pools import Latents
from kinema.train.whole import Shape, Training, Whole
from kinema.world import captions

CPU = torch.device("cpu")
RUN = Run(width=32, height=32, frames=32)


def lesson(gone: float = 0.0, **options: object) -> PooledDenoising:
    autoencoder = tiny_autoencoder()
    pool = Latents.empty(6, RUN, 6, autoencoder, CPU)
    generator = torch.Generator().manual_seed(3)
    for part in (pool.x, pool.canvas):
        part.copy_(torch.randn(part.shape, generator=generator))
    pool.mask.copy_((torch.rand(pool.mask.shape, generator=generator) < 0.5).half())
    pool.ids.copy_(torch.randint(1, 6, pool.ids.shape, generator=generator))
    pool.count = 6
    return PooledDenoising(
        awake(tiny_denoiser()).train(), [pool], autoencoder, lambda: None, gone=lambda: gone, unit=8, **options
    )


def test_the_same_step_has_the_same_loss_and_another_step_another() -> None:
    taught = lesson()
    losses = [taught.loss(taught.model, range(start, start + 16), 0).item() for start in (0, 0, 16)]
    assert losses[0] == losses[1] != losses[2]


def test_stills_give_way_to_films() -> None:
    asked = []
    for gone in (0.0, 1.0):
        taught = lesson(gone, stills=(1.0, 0.0))
        taught.model.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[0].shape[:2]))
        taught.loss(taught.model, range(8), 0)
    stills, films = asked[0], asked[-1]
    assert stills == (64, 4)
    assert films == (8, 32)


def test_known_ends_leave_something_to_invent() -> None:
    known = lesson()._ends(400, 8, torch.Generator().manual_seed(0))
    assert known.any(1).all()
    assert not known.all(1).any()
    first, last = known[:, 0], known[:, -1]
    assert (first & last).any() and (first & ~last).any() and (~first & last).any()
    for row in known:  # what is known touches an end and has no gap but one
        assert int(row.int().diff().abs().sum()) <= 2


def test_a_plan_in_minutes_ends_with_the_clock_and_its_rate_falls_with_it() -> None:
    plan = Plan(steps=1_000_000, batch=1, warmup=0, cooldown=0.5, minutes=2.0)
    assert [plan.gone(7, seconds) for seconds in (0.0, 60.0, 120.0)] == [0, 0.5, 1]
    assert [plan.rate(7, gone) for gone in (0.0, 0.5, 0.75, 1.0)] == [1, 1, 0.5, 0]


def test_units_must_fill_a_step(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="units of 64"):
        Whole(tmp_path, (Shape(32, 32, 4, 4),), 1, 1, 0, films=100)


def test_the_autoencoder_of_networks_that_go_on_learning_has_no_minutes(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="stays as it is"):
        Whole(tmp_path, (Shape(32, 32, 4, 4),), 1.5, 1, 0, start=tmp_path)


def test_a_pupil_that_sees_what_the_teacher_sees_with_guidance_has_nothing_left_to_learn() -> None:
    """And without a caption, teacher and pupil see the same, so that guidance can still be changed afterwards."""
    taught = lesson(aim=lambda unit: unit.seen(taught.model, unit.ids))
    assert taught.loss(taught.model, range(8), 0).item() == 0
    unit = taught._unit(taught.model, 0, torch.Generator().manual_seed(0))
    aim = Guided(taught.model, 3.0)
    told, untold = (unit.seen(taught.model, ids) for ids in (unit.ids, torch.zeros_like(unit.ids)))
    assert torch.allclose(aim(unit) - untold, 3 * (told - untold), atol=1e-5)
    nothing = unit._replace(ids=torch.zeros_like(unit.ids))
    assert torch.equal(aim(nothing), untold)


def test_a_whole_training_leaves_networks_that_belong_together_and_lists_what_they_saw(tmp_path: Path) -> None:
    whole = Whole(
        tmp_path, (Shape(64, 64, 3, 5),), 0.001, 0.001, 0.001, guidance=2.5, size="tiny", workers=1, crops=1, films=2,
        unit=2, first_clips=2, code=AutoencoderConfig(widths=(8, 16, 16), depth=1),
    )  # fmt: skip
    Training(whole, CPU, lambda: False).run()
    autoencoder = load_autoencoder(tmp_path / "autoencoder.safetensors")
    _, header = load_denoiser(tmp_path / "denoiser.safetensors")
    assert header["autoencoder"] == fingerprint(autoencoder.state_dict())
    assert "guided" not in header
    assert load_denoiser(tmp_path / "guided.safetensors")[1]["guided"] == 2.5
    entries, summary = read_manifest(tmp_path)
    assert 2 <= len(entries) == summary["clips"] <= 5
    assert [entry.key for entry in entries][:2] == ["world-1001-00000000", "world-1001-00000001"]
    rows = [json.loads(line) for line in (tmp_path / "autoencoder" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["energy_wh"] > 0
    assert json.loads((tmp_path / "energy.json").read_text())["wall_s"] >= rows[-1]["seconds"]


def test_exported_networks_go_on_learning_beside_the_autoencoder_that_made_their_latents(tmp_path: Path) -> None:
    words = captions.words()
    autoencoder = Autoencoder(AutoencoderConfig(widths=(8, 16, 16), depth=1)).eval()
    denoiser = Denoiser(SIZES["tiny"].text(len(words)), SIZES["tiny"].transformer).eval()
    start, folder = tmp_path / "start", tmp_path / "run"
    shapes = {
        "autoencoder": autoencoder.config,
        "text": denoiser.text.config,
        "transformer": denoiser.transformer.config,
    }
    weights = {f"autoencoder.{name}": tensor for name, tensor in autoencoder.state_dict().items()}
    weights |= {f"denoiser.{name}": tensor for name, tensor in denoiser.state_dict().items()}
    header = {"what": "networks", "words": list(words), **{name: asdict(shape) for name, shape in shapes.items()}}
    write(start / WEIGHTS, {name: tensor.bfloat16() for name, tensor in weights.items()}, header)
    folder.mkdir()
    options = {"start": start, "size": "tiny", "workers": 1, "films": 2, "unit": 2, "first_clips": 2}
    Training(Whole(folder, (Shape(64, 64, 0, 5),), 0, 0.001, 0, **options), CPU, lambda: False).run()
    kept = load_autoencoder(folder / "autoencoder.safetensors")
    _, header = load_denoiser(folder / "denoiser.safetensors")
    assert fingerprint(kept.state_dict()) == fingerprint(load_networks(start)[0].state_dict()) == header["autoencoder"]
    assert header["started_from"] == fingerprint(load_networks(start)[1].state_dict())
    assert not (folder / "guided.safetensors").exists()
    other = Whole(folder, (Shape(64, 64, 0, 5),), 0, 0.001, 0, **options | {"size": "pico"})
    with pytest.raises(TrainingError, match="not of the size pico"):
        Training(other, CPU, lambda: False).run()
