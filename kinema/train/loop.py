"""The loop: a lesson is learnt step by step, saved every few minutes, and resumed exactly after a kill at any moment.

Sample i of a run is a function of (seed, i), whatever the number of ranks, and nothing else is random. So the state is
the weights, their average, the optimiser's memory and the number of steps, and a run that was cut anywhere ends in the
same weights as one that was not.
"""

import json
import os
import pickle
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from kinema.energy import Meter
from kinema.errors import TrainingError
from kinema.settings import read_settings
from kinema.train.optim import MuonAdamW
from kinema.train.parallel import Ranks, spread
from kinema.train.progress import Progress

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Plan:
    """How a lesson is learnt. Rates rise over `warmup` steps, stay, and fall to zero over the last `cooldown` share.

    With `minutes`, a run ends when they are over instead of after so many steps, and rates fall with the clock.
    """

    steps: int
    batch: int
    lr: float = 1e-3
    muon_lr: float = 5e-3
    warmup: int = 40
    cooldown: float = 0.2
    ema: float = 0.998
    seed: int = 0
    save_every_s: float = 180.0
    show_every_s: float = 600.0
    minutes: float | None = None

    def gone(self, step: int, seconds: float) -> float:
        """The share of the run that is over at this step, so many seconds after its start; 1 at its end."""
        return seconds / (60 * self.minutes) if self.minutes else step / self.steps

    def rate(self, step: int, gone: float | None = None) -> float:
        """Share of the peak rate at this step, with so much of the run gone: as much as of the steps, unless told."""
        left = (self.steps - step) / self.steps if gone is None else 1 - gone
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        fall = min(1.0, left / max(self.cooldown, 1 / self.steps)) if self.cooldown else 1.0
        return rise * max(0.0, fall)


class Lesson(Protocol[Model]):
    """What is trained on what. `loss` gets the samples of one rank's step and returns their mean loss."""

    name: str
    model: Model

    @property
    def flops_per_sample(self) -> float: ...

    def loss(self, model: nn.Module, samples: range, seed: int) -> Tensor: ...

    def show(self, model: Model, path: Path) -> None: ...


@dataclass
class State(Generic[Model]):
    """Everything a run is made of besides its plan."""

    step: int
    model: Model
    average: Model
    optimiser: MuonAdamW

    def save(self, path: Path) -> None:
        """The state is whole at `path`: written beside it first, then moved over it. Raises TrainingError."""
        partial = path.with_suffix(".partial")
        packed = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        try:
            torch.save(packed, partial)
            os.replace(partial, path)
        except (OSError, RuntimeError) as error:
            partial.unlink(missing_ok=True)
            raise TrainingError(f"{path} cannot be written ({_first_line(error)}); free space, then resume") from None

    def restore(self, path: Path) -> None:
        """The state is that of the file at `path`. Raises TrainingError where it is cut off or of another model."""
        try:
            packed = torch.load(path, weights_only=True)
            self.model.load_state_dict(packed["model"])
            self.average.load_state_dict(packed["average"])
            self.optimiser.load_state_dict(packed["optimiser"])
            self.step = int(packed["step"])
        except (RuntimeError, LookupError, TypeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
            reason = _first_line(error)
            raise TrainingError(f"{path} does not continue this run ({reason}); delete it to start afresh") from None


def learn(
    lesson: Lesson[Model], plan: Plan, folder: Path, place: Ranks, *, until: Callable[[], bool] = lambda: False
) -> State[Model]:
    """The run after `plan.steps` steps, or as far as it came (`step` tells) when `until` turned true.

    State is kept in `folder/state.pt`; a second call goes on where the first stopped. Raises TrainingError for a plan
    that is not this folder's, a state that is not this model's, and a loss that is not finite.
    """
    _check_plan(plan, folder, place)
    average = deepcopy(lesson.model).requires_grad_(False).eval()
    optimiser = MuonAdamW(lesson.model, plan.lr, muon_lr=plan.muon_lr)
    state = State(0, lesson.model, average, optimiser)
    file = folder / "state.pt"
    if file.is_file():
        state.restore(file)
    model = spread(lesson.model, place)
    cards = tuple({parameter.device.index or 0 for parameter in lesson.model.parameters() if parameter.is_cuda})
    meter = Meter(read_settings(), cards=cards)
    gone = plan.gone(state.step, 0.0)
    progress = Progress(lesson.name, folder, state.step, gone, plan.batch, lesson.flops_per_sample, meter)
    begun = saved = shown = time.monotonic()
    while not _agreed(gone >= 1 or until(), place):
        loss = _step(lesson, plan, state, model, place, gone)
        gone = plan.gone(state.step, time.monotonic() - begun)
        if not torch.isfinite(loss):
            rates = f"{plan.lr}, {plan.muon_lr}"
            raise TrainingError(f"the loss is {loss.item()} at step {state.step}; lower the rates ({rates})")
        if place.leads:
            progress.note(state.step, loss.item(), gone)
        if place.leads and time.monotonic() - saved > plan.save_every_s:
            state.save(file)
            progress.draw()
            saved = time.monotonic()
        if place.leads and time.monotonic() - shown > plan.show_every_s:
            lesson.show(state.average, folder / f"sheet-{state.step:06d}.png")
            shown = time.monotonic()
    if place.leads:
        state.save(file)
        progress.draw()
        if gone >= 1:
            lesson.show(state.average, folder / f"sheet-{state.step:06d}.png")
    return state


def _step(
    lesson: Lesson[Model], plan: Plan, state: State[Model], model: nn.Module, place: Ranks, gone: float
) -> Tensor:
    """One step on the samples that belong to it; returns their mean loss over all ranks."""
    first = state.step * plan.batch
    loss = lesson.loss(model, place.share(range(first, first + plan.batch)), plan.seed)
    state.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.set_rate(plan.rate(state.step, gone if plan.minutes else None))
    state.optimiser.step()
    state.step += 1
    keep = min(plan.ema, state.step / (state.step + 10))
    torch._foreach_lerp_(list(state.average.parameters()), [p.detach() for p in state.model.parameters()], 1 - keep)
    return place.mean(loss.detach())


def _agreed(stop: bool, place: Ranks) -> bool:
    """Whether any rank wants to stop; all ranks hear the same answer."""
    return bool(place.mean(torch.tensor(float(stop))).item() > 0)


def _check_plan(plan: Plan, folder: Path, place: Ranks) -> None:
    """The folder belongs to this plan; a run whose samples or peak rates would differ is refused.

    The number of steps may change, so that a run can be made longer or brought to its end early.
    """
    said: dict[str, Any] = {"batch": plan.batch, "seed": plan.seed, "lr": plan.lr, "muon_lr": plan.muon_lr}
    file, partial = folder / "plan.json", folder / "plan.partial"
    if plan.steps < 1 or plan.batch < 1:
        raise TrainingError(f"{plan.steps} steps of {plan.batch} samples teach nothing; both must be at least 1")
    if plan.batch % place.count:
        raise TrainingError(f"a batch of {plan.batch} does not divide among {place.count} ranks; take a multiple")
    begun = file.read_text() if file.is_file() and (folder / "state.pt").is_file() else None
    if begun is not None and begun != json.dumps(said):
        raise TrainingError(f"{folder} was begun with {begun}, not {json.dumps(said)}; name another folder")
    if place.leads and begun is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(said))
            os.replace(partial, file)
        except OSError as error:
            raise TrainingError(f"{folder} cannot be written ({error}); name another folder") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
