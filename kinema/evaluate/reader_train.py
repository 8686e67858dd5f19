"""The readers' training on renders of the pocket world, and their export to OpenVINO.

`python -m kinema.evaluate.reader_train --reader dev --minutes 17` trains, resumes and exports. Two readers exist, of
different architecture, seeds and lessons: `dev` for everyday decisions, `sealed` for the published table alone.

Letters: B clips, T frames, S steps in time, G cells a side.
"""

import argparse
import json
import random
import time
import warnings
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
from kinema.evaluate.lessons import UNTOLD, Lessons, draw, lessons
from kinema.evaluate.portraits import Studio
from kinema.evaluate.reader import SPANS, WEIGHTS, Card, Reader, classes_sha256, write_card
from kinema.evaluate.reader_networks import WIDTHS, Answer, Folded, TwoStreams, pixels
from kinema.evaluate.views import FRAMES, SIDE_PX
from kinema.world import places
from kinema.world.sampling import sample

Network = TwoStreams | Folded
READERS: dict[str, tuple[type[Network], int]] = {"dev": (TwoStreams, 11), "sealed": (Folded, 7_000_003)}
"""Name -> architecture and seed."""

ATTENTION_WEIGHT, TAUGHT_WEIGHT = 0.5, 1.0
BATCH = 16
PEAK_RATE = 2e-3
WARM_STEPS = 100
AVERAGE_KEEP = 0.988
MANY_FRAMES, FEW_FRAMES = 96, 32
"""Portrait frames that a rehearsal step and a lesson step learn from."""
STUDIO_PLACES = 160
REHEARSAL_SHARE = 0.2
"""The share of the budget that portraits alone get, before whole clips."""
REPORT_SECONDS = 45.0
QUIZ_CLIPS = 60
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
    studio: Studio
    steps: int = 0
    clips: int = 0
    core_seconds: float = 0.0

    @classmethod
    def begin(cls, name: str, places: int = STUDIO_PLACES) -> "Study":
        """A fresh reader of that name, its portraits taken before so many places."""
        architecture, seed = READERS[name]
        torch.manual_seed(seed)
        network, average = architecture(), architecture()
        for each in (network, average):
            torch.nn.Module.to(each, memory_format=torch.channels_last)  # type: ignore[call-overload]
        average.load_state_dict(network.state_dict())
        optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.02, betas=(0.9, 0.98))
        return cls(name, network, average, optimiser, Studio(random.Random(f"studio {seed}"), places))

    def step(self, share: float) -> float:
        """Learns from the next batch of lessons; `share` in [0, 1] is how much of the budget is spent. The loss."""
        taught = self.next_lessons()
        self.clips += BATCH
        self._pace(share)
        frames, labels = torch.from_numpy(taught.frames), torch.from_numpy(taught.labels)
        everywhere = torch.from_numpy(taught.where)
        where, tracks = self.network.groups(everywhere).transpose(1, 2), self.network.paces(everywhere)
        with torch.autocast("cpu", torch.bfloat16):
            answer = self.network(frames, where)
        return self._learn(loss_of(answer, labels, where, tracks) + self._portrait_loss(FEW_FRAMES))

    def rehearse(self, share: float) -> float:
        """Learns from a batch of portraits alone. The loss."""
        self._pace(share)
        return self._learn(self._portrait_loss(MANY_FRAMES))

    def _portrait_loss(self, frames: int) -> Tensor:
        """Cross-entropy of object and colour at the middles of so many frames of portraits."""
        count = max(1, frames // self.network.portrait_steps)
        rng = np.random.default_rng([READERS[self.name][1], 1, self.steps])
        taken = self.studio.portraits(count, self.network.portrait_frames, rng)
        with torch.autocast("cpu", torch.bfloat16):
            maps = self.network.maps_of(pixels(torch.from_numpy(taken.frames)))
            shares = _cells(taken.middles, maps.shape[1], maps.shape[-1])
            told = self.network.things.told_at(maps, shares)[:, 0].float()
        labels = torch.from_numpy(taken.labels)
        return F.cross_entropy(told[:, : WIDTHS[0]], labels[:, 0]) + F.cross_entropy(told[:, WIDTHS[0] :], labels[:, 1])

    def _pace(self, share: float) -> None:
        rate = PEAK_RATE * min(1.0, (self.steps + 1) / WARM_STEPS) * (0.02 + 0.98 * min(1.0, 2 * (1 - share)))
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

    def next_lessons(self) -> Lessons:
        """Batch number `steps`: a function of the reader's seed and that number alone."""
        seed = READERS[self.name][1]
        rng = random.Random(f"lessons {seed} {self.steps}")
        scenes = [draw(rng) for _ in range(BATCH)]
        return lessons(scenes, self.network.grid, np.random.default_rng([seed, self.steps]))

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
                "core_seconds": self.core_seconds,
                "classes": classes_sha256(),
            },
            part,
        )
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on from a kept state. Raises TrainingError where it belongs to another vocabulary."""
        state = torch.load(path, weights_only=True)
        if state["classes"] != classes_sha256():
            raise TrainingError(f"{path} knows another vocabulary than this world's; delete it and train anew")
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps, self.clips, self.core_seconds = state["steps"], state["clips"], state["core_seconds"]


def _cells(middles: np.ndarray, steps: int, grid: int) -> Tensor:
    """Middles (B, T, 2) in [0, 1) as shares (B, 1, S * G * G): one cell of every step, the step's mean middle."""
    steady = middles.reshape(len(middles), steps, -1, 2).mean(2)
    column, row = np.moveaxis((steady * grid).astype(np.int64), -1, 0)
    shares = np.zeros((len(middles), steps, grid, grid), np.float32)
    np.put_along_axis(shares.reshape(len(middles), steps, -1), (row * grid + column)[..., None], 1 / steps, 2)
    return torch.from_numpy(shares.reshape(len(middles), 1, -1))


def examine(network: nn.Module, grid: int, clips: int, seed: int, batch: int = 20) -> dict[str, float]:
    """Factor -> share of unseen, unroughened renders read rightly; scenes as the model's own world draws them."""
    rng = random.Random(f"quiz {seed}")
    network.eval()
    right, of = dict.fromkeys(FACTORS, 0), dict.fromkeys(FACTORS, 0)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for _ in range(0, clips, batch):
            taught = lessons([sample(rng, split="any") for _ in range(batch)], grid)
            logits = network(torch.from_numpy(taught.frames)).logits
            for index, factor in enumerate(FACTORS):
                told = taught.labels[:, index] != UNTOLD
                guess = logits[:, slice(*SPANS[factor])].argmax(1).numpy()
                right[factor] += int((guess == taught.labels[:, index])[told].sum())
                of[factor] += int(told.sum())
    network.train()
    return {factor: right[factor] / max(1, of[factor]) for factor in FACTORS}


def train(study: Study, minutes: float, path: Path) -> None:
    """Trains until so many core minutes are spent in all, printing a learning curve and keeping the state."""
    told = kept = time.process_time()
    losses: list[float] = []
    while study.core_seconds < 60 * minutes:
        begun = time.process_time()
        share = study.core_seconds / (60 * minutes)
        losses.append(study.rehearse(share) if share < REHEARSAL_SHARE else study.step(share))
        now = time.process_time()
        study.core_seconds += now - begun
        if now - told > REPORT_SECONDS:
            _report(study, losses, quiz=share >= REHEARSAL_SHARE)
            losses.clear()
            told = time.process_time()
        if now - kept > KEEP_SECONDS:
            kept = now
            study.keep(path)
    study.keep(path)


def _report(study: Study, losses: list[float], *, quiz: bool) -> None:
    """One line of the learning curve."""
    scores = examine(study.average, study.network.grid, QUIZ_CLIPS, seed=study.steps) if quiz else {}
    marks = " ".join(f"{factor} {share:.2f}" for factor, share in scores.items())
    print(
        f"{study.core_seconds / 60:5.1f} core min · step {study.steps} · {study.clips} clips · "
        f"loss {np.mean(losses):.3f} · {marks or 'portraits'}",
        flush=True,
    )


def export(study: Study, folder: Path, exam_clips: int = EXAM_CLIPS) -> Card:
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
        core_minutes=round(study.core_seconds / 60, 1),
        classes_sha256=classes_sha256(),
        weights_sha256=sha256(path.with_suffix(".bin").read_bytes()).hexdigest(),
        true_clips=exam_clips,
        true_right={},
    )
    write_card(card, folder)
    examined = replace(card, true_right=exam(Reader(study.name, folder), exam_clips))
    write_card(examined, folder)
    return examined


def main() -> None:
    """Trains or resumes one reader, then exports it."""
    parser = argparse.ArgumentParser(description="Train a reader on renders of the pocket world, and export it.")
    parser.add_argument("--reader", choices=sorted(READERS), required=True)
    parser.add_argument("--minutes", type=float, default=17.0, help="core minutes in all, earlier runs included")
    parser.add_argument("--fresh", action="store_true", help="begin anew instead of resuming")
    parser.add_argument("--state", type=Path, help="where the state is kept")
    parser.add_argument("--into", type=Path, default=WEIGHTS, help="where the exported reader goes")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    places.CACHE_BYTES = PAINTED_BYTES
    path = chosen.state or user_cache_path("kinema") / "reader" / f"{chosen.reader}.pt"
    study = Study.begin(chosen.reader)
    if path.is_file() and not chosen.fresh:
        study.resume(path)
        print(f"resuming after {study.core_seconds / 60:.1f} core minutes, {study.steps} steps", flush=True)
    train(study, chosen.minutes, path)
    card = export(study, chosen.into)
    print(json.dumps(card.true_right), flush=True)


if __name__ == "__main__":
    main()
