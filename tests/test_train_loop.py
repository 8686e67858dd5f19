"""Laws of the loop: a run that was cut ends as one that was not, two ranks are one, no state is ever half-written."""

import json
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_models import noise_clips, tiny_autoencoder, tiny_denoiser
from torch import Tensor, nn

from kinema.errors import TrainingError
from kinema.model.autoencoder import Autoencoder
from kinema.model.checkpoint import fingerprint
from kinema.train.loop import Plan, State, learn
from kinema.train.optim import MuonAdamW
from kinema.train.parallel import Ranks, ranks
from kinema.train.reconstruct import Reconstruction

PLAN = Plan(steps=6, batch=4, lr=1e-3, muon_lr=2e-3, warmup=2, cooldown=0.5, seed=3)


def lesson() -> Reconstruction:
    model = tiny_autoencoder().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Reconstruction(model, noise_clips(3), crop_px=32, crop_frames=8)


def after(steps: int) -> Callable[[], bool]:
    """Turns true when it was asked this many times before."""
    left = iter([False] * steps)
    return lambda: next(left, True)


def weights_of(state: State[Autoencoder]) -> tuple[str, str]:
    return fingerprint(state.model.state_dict()), fingerprint(state.average.state_dict())


class Killed(Exception):
    """Stands for the moment at which a process is killed."""


class KilledAt(Reconstruction):
    """The lesson of a process that is killed in the middle of a step."""

    steps_left = 4

    def loss(self, model: nn.Module, samples: range, seed: int) -> Tensor:
        if self.steps_left == 0:
            raise Killed
        self.steps_left -= 1
        return super().loss(model, samples, seed)


def test_a_run_that_was_stopped_and_resumed_ends_in_the_same_weights_to_the_bit(tmp_path: Path) -> None:
    whole = learn(lesson(), PLAN, tmp_path / "whole", Ranks())
    part = learn(lesson(), PLAN, tmp_path / "cut", Ranks(), until=after(2))
    assert part.step == 2
    again = learn(lesson(), PLAN, tmp_path / "cut", Ranks(), until=after(3))
    assert again.step == 5
    rest = learn(lesson(), PLAN, tmp_path / "cut", Ranks())
    assert rest.step == whole.step == 6
    assert weights_of(rest) == weights_of(whole)
    assert weights_of(whole) != weights_of(part)


def test_a_run_that_was_killed_in_mid_step_ends_in_the_same_weights_to_the_bit(tmp_path: Path) -> None:
    often = Plan(**{**vars(PLAN), "save_every_s": 0.0})
    whole = learn(lesson(), PLAN, tmp_path / "whole", Ranks())
    killed = KilledAt(lesson().model, lesson().clips, crop_px=32, crop_frames=8)
    with pytest.raises(Killed):
        learn(killed, often, tmp_path / "killed", Ranks())
    rest = learn(lesson(), PLAN, tmp_path / "killed", Ranks())
    assert weights_of(rest) == weights_of(whole)


def test_a_finished_run_is_not_trained_on(tmp_path: Path) -> None:
    first = learn(lesson(), PLAN, tmp_path, Ranks())
    assert weights_of(learn(lesson(), PLAN, tmp_path, Ranks())) == weights_of(first)


def test_what_a_person_watches_is_there(tmp_path: Path) -> None:
    learn(lesson(), PLAN, tmp_path, Ranks())
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"state.pt", "plan.json", "log.jsonl", "curve.png", "sheet-000006.png"}
    row = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert row["step"] == 6 and row["loss"] > 0 and row["samples_per_s"] > 0


def _rank(rank: int, count: int, port: int, folder: Path) -> None:
    """One of `count` processes as torchrun starts them."""
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(count), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    with ranks() as place:
        assert place == Ranks(rank, count)
        state = learn(lesson(), PLAN, folder, place)
    torch.save(state.model.state_dict(), folder / f"rank-{rank}.pt")


def test_two_ranks_are_one_within_rounding(tmp_path: Path) -> None:
    one = learn(lesson(), PLAN, tmp_path / "one", Ranks()).model.state_dict()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "two").mkdir()
    torch.multiprocessing.spawn(_rank, (2, port, tmp_path / "two"), nprocs=2)
    first, second = (torch.load(tmp_path / "two" / f"rank-{rank}.pt", weights_only=True) for rank in range(2))
    assert fingerprint(first) == fingerprint(second)
    fresh = lesson().model.state_dict()
    moved = sum((one[name] - fresh[name]).square().sum() for name in one).sqrt()
    apart = sum((one[name] - first[name]).square().sum() for name in one).sqrt()
    # bf16 rounds a sum over two samples and one over four to other values, by up to 2^-8, and AdamW's first steps take
    # signs; a wrong mean of the gradients or other samples would put them as far apart as they have moved.
    assert apart < 0.15 * moved


@pytest.mark.parametrize("change", [{"batch": 8}, {"seed": 4}, {"lr": 2e-3}, {"muon_lr": 1e-3}])
def test_a_plan_that_does_not_match_is_refused(tmp_path: Path, change: dict[str, float]) -> None:
    learn(lesson(), PLAN, tmp_path, Ranks(), until=after(1))
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(TrainingError, match=r"was begun with .* name another folder") as caught:
        learn(lesson(), Plan(**{**vars(PLAN), **change}), tmp_path, Ranks())
    assert "\n" not in str(caught.value)
    assert (tmp_path / "state.pt").read_bytes() == before


def test_more_steps_are_no_other_plan(tmp_path: Path) -> None:
    learn(lesson(), PLAN, tmp_path, Ranks())
    assert learn(lesson(), Plan(**{**vars(PLAN), "steps": 7}), tmp_path, Ranks()).step == 7


@pytest.mark.parametrize(
    "change, place", [({"batch": 3}, Ranks(0, 2)), ({"batch": 0}, Ranks()), ({"steps": 0}, Ranks())]
)
def test_plans_of_no_use_are_refused(tmp_path: Path, change: dict[str, int], place: Ranks) -> None:
    with pytest.raises(TrainingError, match=r"does not divide among 2 ranks|at least 1"):
        learn(lesson(), Plan(**{**vars(PLAN), **change}), tmp_path / "run", place)


def test_states_that_do_not_continue_the_run_are_refused_in_one_line(tmp_path: Path) -> None:
    learn(lesson(), PLAN, tmp_path, Ranks(), until=after(1))
    file = tmp_path / "state.pt"
    whole = file.read_bytes()
    denoiser = tiny_denoiser()
    foreign = tmp_path / "foreign.pt"
    State(1, denoiser, tiny_denoiser(), MuonAdamW(denoiser, 1e-3, muon_lr=1e-3)).save(foreign)
    torch.save([1, 2], tmp_path / "list.pt")
    for content in (
        b"",
        whole[: len(whole) // 2],
        b"no state at all",
        foreign.read_bytes(),
        (tmp_path / "list.pt").read_bytes(),
    ):
        file.write_bytes(content)
        with pytest.raises(TrainingError, match=r"does not continue this run .* delete it to start afresh") as caught:
            learn(lesson(), PLAN, tmp_path, Ranks())
        assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_state_that_was_there(tmp_path: Path) -> None:
    state = learn(lesson(), PLAN, tmp_path, Ranks(), until=after(1))
    file = tmp_path / "state.pt"
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(TrainingError, match=r"cannot be written .* free space, then resume"):
            state.save(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == before
    assert not list(tmp_path.glob("*.partial"))


def test_a_loss_that_is_not_finite_ends_the_run_and_spares_the_state(tmp_path: Path) -> None:
    learn(lesson(), PLAN, tmp_path, Ranks(), until=after(1))
    before = (tmp_path / "state.pt").read_bytes()
    broken = lesson()
    broken.noise = float("inf")
    with pytest.raises(TrainingError, match="at step 2; lower the rates"):
        learn(broken, PLAN, tmp_path, Ranks())
    assert (tmp_path / "state.pt").read_bytes() == before


def test_every_sample_of_a_step_belongs_to_one_rank() -> None:
    shares = [Ranks(rank, 3).share(range(12, 24)) for rank in range(3)]
    assert sorted(sample for share in shares for sample in share) == list(range(12, 24))
    assert {len(share) for share in shares} == {4}


def test_rates_rise_stay_and_fall_to_nearly_nothing() -> None:
    plan = Plan(steps=100, batch=1, warmup=10, cooldown=0.2)
    rates = [plan.rate(step) for step in range(100)]
    assert rates[:10] == [pytest.approx((step + 1) / 10) for step in range(10)]
    assert set(rates[10:81]) == {1.0}
    assert rates[80:] == sorted(rates[80:], reverse=True) and rates[-1] == pytest.approx(1 / 20)
    assert Plan(steps=100, batch=1, warmup=0, cooldown=0).rate(99) == 1
