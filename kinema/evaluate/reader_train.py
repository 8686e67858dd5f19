"""The readers' training on renders of the pocket world, and their export to OpenVINO.

`python -m kinema.evaluate.reader_train --reader dev --minutes 17` trains, resumes and exports. Two readers exist, of
different architecture, seeds and lessons: `dev` for everyday decisions, `sealed` for the published table alone.

Letters: B clips, T frames, S steps in time, G cells a side.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from platformdirs import user_cache_path
from torch import Tensor, nn
from torch.nn import functional as F

from kinema.errors import TrainingError
from kinema.evaluate.factors import FACTORS
from kinema.evaluate.gate import exam
from kinema.evaluate.lessons import UNTOLD
from kinema.evaluate.reader import SPANS, WEIGHTS, Card, Reader, classes_sha256, write_card
from kinema.evaluate.reader_networks import WIDTHS, Answer, pixels
from kinema.evaluate.reader_supply import READERS, Network, Rendered, Stock, Stocked, Supply, Taught
from kinema.evaluate.views import FRAMES, SIDE_PX
from kinema.train.precision import mixed
from kinema.world import places

ATTENTION_WEIGHT, TAUGHT_WEIGHT = 0.5, 1.0
BATCH = 16
PEAK_RATE = 2e-3
WARM_STEPS = 100
AVERAGE_KEEP = 0.988
MANY_FRAMES, FEW_FRAMES = 96, 32
"""Portrait frames that a rehearsal step and a lesson step learn from."""
REHEARSAL_SHARE = 0.2
"""The share of the budget that portraits alone get, before whole clips."""
REPORT_SECONDS = 45.0
KEEP_SECONDS = 120.0
EXAM_CLIPS = 1000
PAINTED_BYTES = 3_000_000_000
"""All painted places together: lessons jump among them, and painting one costs as much as four clips."""


def loss_of(answer: Answer, labels: Tensor, where: Tensor, tracks: Tensor) -> Tensor:
    """Mean over clips and factors of cross-entropy, of looking elsewhere, and of telling the true places wrongly.

    labels (B, factors) with UNTOLD, where (B, roles, S, G, G): how many of the things' middles lie in a cell;
    tracks (B, S, roles, G, G): the same for the steps in time.
    """
    factors = (
        sum(
            F.cross_entropy(
                answer.logits[:, slice(*SPANS[factor])].float(), labels[:, index], ignore_index=UNTOLD, reduction="sum"
            )
            for index, factor in enumerate(FACTORS)
        )
        / labels.shape[0]
    )
    mass = where.flatten(2)
    looked = -(mass / mass.sum(2, keepdim=True).clamp(min=1) * answer.attention.flatten(2)).sum(2).mean()
    taught = sum(
        F.cross_entropy(part.flatten(0, 1).float(), labels[:, columns].flatten(), ignore_index=UNTOLD)
        for part, columns in ((answer.told[..., : WIDTHS[0]], [0, 3]), (answer.told[..., WIDTHS[0] :], [1, 4]))
    )
    present = tracks.flatten(3).sum(3)
    missed = -(tracks.flatten(3) * answer.followed.flatten(3)).sum(3) / present.clamp(min=1)
    followed = missed.sum() / (present > 0).sum()
    return factors + ATTENTION_WEIGHT * (looked + followed) + TAUGHT_WEIGHT * taught


@dataclass
class Study:
    """A reader in training: everything that a resumed run needs to go on as if it had not stopped."""

    name: str
    network: Network
    average: Network
    """The exponential average of the network's weights: what is examined and exported."""
    optimiser: torch.optim.AdamW
    supply: Supply
    machine: str
    """What learns, as the card says it."""
    batch: int = BATCH
    peak: float = PEAK_RATE
    steps: int = 0
    clips: int = 0
    seconds: float = 0.0

    @classmethod
    def begin(cls, name: str, supply: Supply, *, batch: int = BATCH, device: str = "cpu") -> "Study":
        """A fresh reader of that name that is taught from the supply."""
        architecture, seed = READERS[name]
        torch.manual_seed(seed)
        network, average = architecture(), architecture()
        for each in (network, average):
            torch.nn.Module.to(each, device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        average.load_state_dict(network.state_dict())
        optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.02, betas=(0.9, 0.98))
        machine = torch.cuda.get_device_name(device) if device.startswith("cuda") else "one processor core"
        return cls(name, network, average, optimiser, supply, machine, batch)

    def step(self, share: float) -> float:
        """Learns from the next batch of lessons; `share` in [0, 1] is how much of the budget is spent. The loss."""
        frames, labels, everywhere = self.supply.lessons(self.steps, self.batch)
        self.clips += self.batch
        self._pace(share)
        where, tracks = self.network.groups(everywhere).transpose(1, 2), self.network.paces(everywhere)
        with mixed(frames.device.type):
            answer = self.network(frames, where)
        return self._learn(loss_of(answer, labels, where, tracks) + self._portrait_loss(FEW_FRAMES))

    def rehearse(self, share: float) -> float:
        """Learns from a batch of portraits alone. The loss."""
        self._pace(share)
        return self._learn(self._portrait_loss(MANY_FRAMES))

    def _portrait_loss(self, frame_count: int) -> Tensor:
        """Cross-entropy of object and colour at the middles of so many frames of portraits."""
        count = max(1, frame_count // self.network.portrait_steps)
        frames, labels, middles = self.supply.portraits(self.steps, count)
        with mixed(frames.device.type):
            maps = self.network.maps_of(pixels(frames))
            shares = _cells(middles, maps.shape[1], maps.shape[-1])
            told = self.network.things.told_at(maps, shares)[:, 0].float()
        return F.cross_entropy(told[:, : WIDTHS[0]], labels[:, 0]) + F.cross_entropy(told[:, WIDTHS[0] :], labels[:, 1])

    def _pace(self, share: float) -> None:
        rate = self.peak * min(1.0, (self.steps + 1) / WARM_STEPS) * (0.02 + 0.98 * min(1.0, 2 * (1 - share)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _learn(self, loss: Tensor) -> float:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.steps += 1
        self._follow()
        return float(loss.detach())

    def _follow(self) -> None:
        keep = min(AVERAGE_KEEP, 1 - 1 / (1 + self.steps / 4))
        with torch.no_grad():
            for weight, fresh in zip(self.average.parameters(), self.network.parameters(), strict=True):
                weight.lerp_(fresh, 1 - keep)
            for statistic, new in zip(self.average.buffers(), self.network.buffers(), strict=True):
                statistic.copy_(new)

    def keep(self, path: Path) -> None:
        """Written whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "steps": self.steps,
                "clips": self.clips,
                "seconds": self.seconds,
                "machine": self.machine,
                "classes": classes_sha256(),
            },
            part,
        )
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on from a kept state. Raises TrainingError where it belongs to another vocabulary."""
        state = torch.load(path, weights_only=True, map_location=next(self.network.parameters()).device)
        if state["classes"] != classes_sha256():
            raise TrainingError(f"{path} knows another vocabulary than this world's; delete it and train anew")
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps, self.clips, self.seconds = state["steps"], state["clips"], state["seconds"]
        self.machine = state["machine"]


def _cells(middles: Tensor, steps: int, grid: int) -> Tensor:
    """Middles (B, T, 2) in [0, 1) as shares (B, 1, S * G * G): one cell of every step, the step's mean middle."""
    steady = middles.unflatten(1, (steps, -1)).mean(2)
    column, row = (steady * grid).long().unbind(-1)
    shares = torch.zeros(len(middles), steps, grid * grid, device=middles.device)
    return shares.scatter_(2, (row * grid + column)[..., None], 1 / steps).flatten(1).unsqueeze(1)


def examine(network: nn.Module, quiz: Taught, batch: int = 20) -> dict[str, float]:
    """Factor -> share of the quiz read rightly."""
    network.eval()
    parts = zip(quiz.frames.split(batch), quiz.labels.split(batch), strict=True)
    right, of = dict.fromkeys(FACTORS, 0), dict.fromkeys(FACTORS, 0)
    with torch.no_grad(), mixed(quiz.frames.device.type):
        for frames, labels in parts:
            logits = network(frames).logits
            for index, factor in enumerate(FACTORS):
                told = labels[:, index] != UNTOLD
                guess = logits[:, slice(*SPANS[factor])].argmax(1)
                right[factor] += int((guess == labels[:, index])[told].sum())
                of[factor] += int(told.sum())
    network.train()
    return {factor: right[factor] / max(1, of[factor]) for factor in FACTORS}


def train(study: Study, minutes: float, path: Path, clock: Callable[[], float]) -> None:
    """Trains until so many minutes of the clock are spent in all, printing a learning curve and keeping the state."""
    told = kept = clock()
    losses: list[float] = []
    while study.seconds < 60 * minutes:
        begun = clock()
        share = study.seconds / (60 * minutes)
        losses.append(study.rehearse(share) if share < REHEARSAL_SHARE else study.step(share))
        now = clock()
        study.seconds += now - begun
        if now - told > REPORT_SECONDS:
            _report(study, losses, quiz=share >= REHEARSAL_SHARE)
            losses.clear()
            told = clock()
        if now - kept > KEEP_SECONDS:
            kept = now
            study.keep(path)
    study.keep(path)


def _report(study: Study, losses: list[float], *, quiz: bool) -> None:
    """One line of the learning curve."""
    scores = examine(study.average, study.supply.quiz()) if quiz else {}
    marks = " ".join(f"{factor} {share:.2f}" for factor, share in scores.items())
    print(
        f"{study.seconds / 60:5.1f} min · step {study.steps} · {study.clips} clips · "
        f"loss {np.mean(losses):.3f} · {marks or 'portraits'}",
        flush=True,
    )


def export(study: Study, folder: Path, exam_clips: int = EXAM_CLIPS, *, both_ways: bool = False) -> Card:
    """The averaged network as OpenVINO IR in half precision, with its card, in a folder."""
    import openvino

    class LogitsOnly(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, frames: Tensor) -> Tensor:
            return self.network(frames).logits

    folder.mkdir(parents=True, exist_ok=True)
    network = LogitsOnly(study.average.eval())
    example = torch.zeros(1, FRAMES, SIDE_PX, SIDE_PX, 3, dtype=torch.uint8)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # OpenVINO traces, which torch has deprecated
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # the number of steps is a constant, as it should be
        model = openvino.convert_model(network, example_input=example, input=[1, FRAMES, SIDE_PX, SIDE_PX, 3])
    path = folder / f"{study.name}.xml"
    openvino.save_model(model, path, compress_to_fp16=True)
    card = Card(
        name=study.name,
        architecture=type(study.network).__name__,
        seed=READERS[study.name][1],
        clips=study.clips,
        minutes=round(study.seconds / 60, 1),
        machine=study.machine,
        classes_sha256=classes_sha256(),
        weights_sha256=sha256(path.with_suffix(".bin").read_bytes()).hexdigest(),
        true_clips=exam_clips,
        true_right={},
        both_ways=both_ways,
    )
    write_card(card, folder)
    examined = replace(card, true_right=exam(Reader(study.name, folder), exam_clips))
    write_card(examined, folder)
    return examined


def main() -> None:
    """Trains or resumes one reader, then exports it."""
    parser = argparse.ArgumentParser(description="Train a reader on renders of the pocket world, and export it.")
    parser.add_argument("--reader", choices=sorted(READERS), required=True)
    parser.add_argument("--minutes", type=float, default=17.0, help="in all, earlier runs included: of a core's work")
    parser.add_argument("--fresh", action="store_true", help="begin anew instead of resuming")
    parser.add_argument("--state", type=Path, help="where the state is kept")
    parser.add_argument("--into", type=Path, default=WEIGHTS, help="where the exported reader goes")
    parser.add_argument("--stock", type=Path, help="learn from a stock of lessons (see reader_supply)")
    parser.add_argument("--device", default="cpu", help="what learns; an accelerator counts minutes of wall time")
    parser.add_argument("--batch", type=int, default=BATCH, help="lessons a step")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="the highest learning rate")
    parser.add_argument("--both-ways", action="store_true", help="the exported one reads mirror images too")
    parser.add_argument("--only", choices=["train", "export"], help="leave out the other half")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    places.CACHE_BYTES = PAINTED_BYTES
    path = chosen.state or user_cache_path("kinema") / "reader" / f"{chosen.reader}.pt"
    stock = Stock(chosen.stock, chosen.reader) if chosen.stock else None
    supply = Stocked(stock, torch.device(chosen.device)) if stock else Rendered(chosen.reader)
    study = Study.begin(chosen.reader, supply, batch=chosen.batch, device=chosen.device)
    study.peak = chosen.rate
    if path.is_file() and not chosen.fresh:
        study.resume(path)
        print(f"resuming after {study.seconds / 60:.1f} minutes, {study.steps} steps", flush=True)
    if chosen.only != "export":
        clock = time.process_time if chosen.device == "cpu" else time.monotonic
        train(study, chosen.minutes, path, clock)
    if chosen.only != "train":
        print(json.dumps(export(study, chosen.into, both_ways=chosen.both_ways).true_right), flush=True)


if __name__ == "__main__":
    main()
