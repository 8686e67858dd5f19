"""The denoiser's lesson: guess the clean latents of a window from noisy ones, what is known of it, and its caption.

A sample is as many chunks as a film's window has: one film (how things move) or that many stills of different films
(what things look like), which cost the same. Stills teach objects several times faster, films keep them in motion, so
a run may mix them.

In a share of the films whole chunks are known at either end or both, with some noise on them, as they are where the
windows of a longer film are joined. What tasks know beside that (single frames, regions) lies encoded in a store of
canvases: see canvases.py.

B batch, K chunks, C latent channels, h w latents, N tokens, M mask channels, L words.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from kinema.data.latents import LatentStore
from kinema.errors import TrainingError
from kinema.model.autoencoder import Autoencoder
from kinema.model.denoiser import Denoiser
from kinema.model.flow import draw_times, noised, velocity_loss
from kinema.model.transformer import MASK_CHANNELS, grid_positions
from kinema.model.words import PADDING, word_ids
from kinema.train.precision import mixed
from kinema.train.reconstruct import to_uint8
from kinema.train.sample import sample
from kinema.train.sheets import save_film_rows


class Window(NamedTuple):
    """One window to learn: latents (N, C), noise (N, C), time (), word ids (L,), canvas (N, C) and mask (N, M)."""

    x: Tensor
    noise: Tensor
    t: Tensor
    ids: Tensor
    canvas: Tensor
    mask: Tensor


class Shelf:
    """A store of latents as windows are cut from it. Raises TrainingError where it does not fit model and words.

    A store of canvases has clean latents, canvas and mask side by side in its channels.
    """

    def __init__(self, store: LatentStore, words: tuple[str, ...], model: Denoiser, autoencoder: Autoencoder) -> None:
        length, channels = model.text.config.length, model.transformer.config.channels
        self.store = store
        self.clip_chunks, found, self.height, self.width = store.shape
        self.has_canvases = found == 2 * channels + MASK_CHANNELS
        if not len(store):
            raise TrainingError("the store of latents holds no clip yet; wait for the stage `latents`")
        if found != channels and not self.has_canvases:
            raise TrainingError(f"latents of {found} channels do not fit a model of {channels}; choose another size")
        try:
            self.ids = [torch.tensor([word_ids(c, words, length) for c in said]) for said in store.captions]
        except KeyError as error:
            raise TrainingError(f"a caption says {error}, which is no word of the model's; start a new model") from None
        with torch.no_grad():
            self.blank = blank_latent(autoencoder, self.height, self.width)

    def read(self, clip: int, start: int, chunks: int) -> Tensor:
        """What the store holds of these chunks of a clip, as tokens (N, its channels)."""
        latents = torch.from_numpy(self.store.read([clip])[0, start : start + chunks]).float()
        return rearrange(latents, "k c h w -> (k h w) c")


@dataclass
class Denoising:
    """Learns `model` on windows of `chunks` chunks from the stores, in `words`; `time_mean` is as in flow.py.

    `stills` is the share of the samples that are single chunks, `canonical` of those whose caption is the canonical
    one, `dropped` of those without a caption, `ended` of those whose first or last chunks are known, with noise of a
    random strength up to `end_noise` on them. Each store gets samples in proportion to its clips. Raises TrainingError
    where stores, words and model do not fit.
    """

    model: Denoiser
    stores: tuple[LatentStore, ...]
    words: tuple[str, ...]
    autoencoder: Autoencoder
    chunks: int = 1
    stills: float = 0.0
    time_mean: float = 0.4
    canonical: float = 0.6
    dropped: float = 0.1
    ended: float = 0.25
    end_noise: float = 0.15
    name: str = field(default="denoiser", init=False)

    def __post_init__(self) -> None:
        self.shelves = [Shelf(store, self.words, self.model, self.autoencoder) for store in self.stores]
        for shelf in self.shelves:
            if not 1 <= self.chunks <= shelf.clip_chunks:
                raise TrainingError(
                    f"windows of {self.chunks} chunks do not fit clips of {shelf.clip_chunks};"
                    f" take 1 to {shelf.clip_chunks}"
                )
        sizes = torch.tensor([float(len(shelf.store)) for shelf in self.shelves])
        self._shares = (sizes / sizes.sum()).tolist()

    @property
    def flops_per_sample(self) -> float:
        return film_flops(self.model, self.chunks * self.shelves[0].height * self.shelves[0].width)

    def loss(self, model: nn.Module, samples: range, seed: int) -> Tensor:
        """The mean over samples, which are grouped by store and length so that each group is one call."""
        groups: dict[tuple[int, int], list[Window]] = {}
        for index in samples:
            shelf, chunks = self._kind(index)
            generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
            windows = [self._draw(self.shelves[shelf], chunks, generator) for _ in range(self.chunks // chunks)]
            groups.setdefault((shelf, chunks), []).extend(windows)
        losses = [
            self._loss_of(model, self.shelves[shelf], chunks, windows) * (chunks * len(windows))
            for (shelf, chunks), windows in sorted(groups.items())
        ]
        return torch.stack(losses).sum() / (self.chunks * len(samples))

    def _kind(self, index: int) -> tuple[int, int]:
        """Store and chunks of the windows of sample `index`; any run of samples has about the right shares."""
        chunks = 1 if spread_evenly(index, 0.6180339887) < self.stills else self.chunks
        place = spread_evenly(index, 0.4142135624)
        shelf = 0
        while shelf + 1 < len(self._shares) and place >= self._shares[shelf]:
            place -= self._shares[shelf]
            shelf += 1
        return shelf, chunks

    def _loss_of(self, model: nn.Module, shelf: Shelf, chunks: int, windows: list[Window]) -> Tensor:
        x, noise, t, ids, canvas, mask = (torch.stack(column) for column in zip(*windows, strict=True))
        tokens = torch.cat((noised(x, noise, t), canvas, mask), -1)
        positions = grid_positions(chunks, shelf.height, shelf.width)
        with mixed("cpu"):
            predicted = model(tokens, positions, t, ids)
        return velocity_loss(predicted, x, t, 1 - mask.mean(-1)).mean()

    def _draw(self, shelf: Shelf, chunks: int, generator: torch.Generator) -> Window:
        def chance() -> float:
            return float(torch.rand((), generator=generator))

        def below(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        clip, start = below(len(shelf.store)), below(shelf.clip_chunks - chunks + 1)
        held = shelf.read(clip, start, chunks)
        channels = self.model.transformer.config.channels
        said = shelf.ids[clip]
        which = 0 if chance() < self.canonical else below(len(said))
        ids = said[which] if chance() >= self.dropped else torch.full_like(said[0], PADDING)
        if shelf.has_canvases:
            x, canvas, mask = held.split((channels, channels, MASK_CHANNELS), -1)
        else:
            x, known = held, torch.zeros(chunks, len(held) // chunks)
            if chunks > 1 and chance() < self.ended:
                first, last = _ends(chunks, below)
                known[:first] = known[chunks - last :] = 1
            given = x + self.end_noise * chance() * torch.randn(x.shape, generator=generator)
            mask = known.reshape(-1, 1).expand(-1, MASK_CHANNELS)
            canvas = torch.where(mask[:, :1] > 0, given, shelf.blank.repeat(chunks, 1))
        t = draw_times(1, self.time_mean, generator)[0]
        return Window(x, torch.randn(x.shape, generator=generator), t, ids, canvas, mask)

    def show(self, model: nn.Module, path: Path) -> None:
        """Eight prompts of the store as the averaged model sees them now, always from the same noise."""
        shelf, channels = self.shelves[0], self.model.transformer.config.channels
        ids = torch.stack([said[0] for said in shelf.ids[:8]])
        positions, blank = grid_positions(self.chunks, shelf.height, shelf.width), shelf.blank.repeat(self.chunks, 1)
        noise = torch.randn(len(ids), len(positions), channels, generator=torch.Generator().manual_seed(0))
        with torch.no_grad(), mixed("cpu"):
            x = sample(model, noise, blank, positions, ids, steps=12, guidance=3.0)
            latents = rearrange(x, "b (k h w) c -> b k c h w", k=self.chunks, h=shelf.height, w=shelf.width)
            films = to_uint8(self.autoencoder.decode(latents))
        save_film_rows(list(films), path, across=6 if self.chunks > 1 else 2)
        path.with_suffix(".txt").write_text("\n".join(said[0] for said in shelf.store.captions[:8]) + "\n")


def film_flops(model: Denoiser, tokens: int) -> float:
    """Forward and backward of one film: the matrices once a token, and attention (12 N² D a block)."""
    shape = model.transformer.config
    matrices = sum(p.numel() for p in model.transformer.blocks.parameters() if p.ndim == 2)
    text = sum(p.numel() for p in model.text.blocks.parameters()) * model.text.config.length
    attention = 12.0 * tokens * (tokens + model.text.config.length) * shape.width * shape.depth
    return 6.0 * (matrices * tokens + text) + attention


def blank_latent(autoencoder: Autoencoder, height: int, width: int) -> Tensor:
    """Latents (h w, C) of a chunk in which nothing is known: the canvas of whatever is to be invented."""
    patch, chunk = autoencoder.config.patch, autoencoder.config.chunk
    nothing = torch.zeros(1, chunk, 3, height * patch, width * patch, device=autoencoder.encoder.scale.device)
    latent = autoencoder.encode(nothing)
    return rearrange(latent, "1 1 c h w -> (h w) c")


def spread_evenly(index: int, step: float) -> float:
    """A number in [0, 1) for each index; those of consecutive ones lie evenly (Weyl's sequence)."""
    return (index + 0.5) * step % 1.0


def _ends(chunks: int, below: Callable[[int], int]) -> tuple[int, int]:
    """How many first and last chunks are known: half the time only first ones, else only last ones or both."""
    kind, most = below(4), max(1, chunks // 2)
    if kind < 2:
        return 1 + below(most), 0
    if kind == 2 or chunks < 3:
        return 0, 1 + below(most)
    fewer = max(1, most - 1)
    return 1 + below(fewer), 1 + below(fewer)


@dataclass(frozen=True)
class EncodeFrames:
    """Encodes whole clips, `batch` at a time, in bf16."""

    autoencoder: Autoencoder
    batch: int = 4

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(frames), self.batch):
            clip = torch.from_numpy(frames[start : start + self.batch]).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
            with torch.no_grad(), mixed("cpu"):
                parts.append(self.autoencoder.encode(clip).float().numpy())
        return np.concatenate(parts)
