"""The upscaler's lesson: what the autoencoder makes of a film, and the same film rendered at twice the size.

Pairs are rendered once. The small film goes through the autoencoder under latent noise of a random strength, because
what the upscaler will meet is a transformer's guess; the large one is what the world looks like at that size.
Letters: n clips, T frames, H W pixels of the small frames.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kinema.backends.upscale import FACTOR, lanczos
from kinema.data import world
from kinema.errors import DataError
from kinema.model.autoencoder import Autoencoder
from kinema.model.upscaler import SEEN, Upscaler
from kinema.train.precision import mixed
from kinema.train.reconstruct import reconstruction_loss, to_frames, to_uint8
from kinema.train.sheets import save_film_rows

SMALL, LARGE = "small.npy", "large.npy"


@dataclass(frozen=True)
class Pairs:
    """Small clips (n, T, H, W, 3) as the autoencoder gives them, and the large ones (n, T, 2H, 2W, 3), uint8."""

    small: np.ndarray
    large: np.ndarray

    @classmethod
    def open(cls, folder: Path) -> "Pairs":
        """The pairs in a folder, mapped. Raises DataError where there are none."""
        try:
            small, large = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in (SMALL, LARGE))
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{folder} cannot be read as pairs ({error}); render them with python -m kinema.train pairs"
            ) from None
        n, frames, height, width, _ = small.shape
        if large.shape != (n, frames, FACTOR * height, FACTOR * width, 3):
            raise DataError(f"{folder} holds {small.shape} beside {large.shape}, not twice the size; render it anew")
        return cls(small, large)


def render_pairs(
    folder: Path, run: world.Run, count: int, model: Autoencoder, noise: float, on_pair: Callable[[], None]
) -> None:
    """`folder` holds the pairs of the first clips of a run, whose size is that of the small ones; whole or not at all.

    `on_pair` is called after each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    large = replace(run, width=FACTOR * run.width, height=FACTOR * run.height)
    made = {}
    for name, side in ((SMALL, run), (LARGE, large)):
        shape = (count, run.frames, side.height, side.width, 3)
        made[name] = np.lib.format.open_memmap(folder / f"{name}.partial", "w+", np.uint8, shape)
    for number in range(count):
        made[LARGE][number] = world.render(large, number)[1].frames
        generator = torch.Generator().manual_seed(run.seed * 1_000_003 + number)
        made[SMALL][number] = _through(model, world.render(run, number)[1].frames, noise, generator)
        on_pair()
    for name, array in made.items():
        array.flush()
        (folder / f"{name}.partial").rename(folder / name)


def _through(model: Autoencoder, frames: np.ndarray, noise: float, generator: torch.Generator) -> np.ndarray:
    """The frames (T, H, W, 3) encoded, disturbed by up to `noise` and decoded."""
    with torch.no_grad(), mixed("cpu"):
        latents = model.encode(to_frames(frames[None])).float()
        latents += noise * torch.rand((), generator=generator) * torch.randn(latents.shape, generator=generator)
        return to_uint8(model.decode(latents))[0]


@dataclass
class Upscaling:
    """Learns `model` on pairs; a sample is a crop of `crop_px` small pixels of one frame and its neighbours."""

    model: Upscaler
    pairs: Pairs
    crop_px: int = 48
    still: float = 0.1
    """Share of the samples that see the frame itself on both sides, as a single picture does."""
    name: str = field(default="upscaler", init=False)

    @property
    def flops_per_sample(self) -> float:
        """Forward and backward of one crop: the forward pass's operations, counted, three times."""
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            self.model(torch.zeros(1, SEEN * 3, self.crop_px, self.crop_px))
        return 3.0 * counter.get_total_flops()

    def loss(self, model: nn.Module, samples: range, seed: int) -> Tensor:
        drawn = [self._crop(torch.Generator().manual_seed(seed * 1_000_003 + i)) for i in samples]
        seen, base, target = (torch.stack(parts) for parts in zip(*drawn, strict=True))
        with mixed("cpu"):
            detail = model(seen.contiguous(memory_format=torch.channels_last))
        return reconstruction_loss(base + detail.float(), target)

    def _crop(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """What is seen (9, h, w), its Lanczos resize and the truth (3, 2h, 2w), in [-1, 1]."""

        def draw(limit: int) -> int:
            return int(torch.randint(limit, (), generator=generator))

        count, length, height, width = self.pairs.small.shape[:4]
        clip, frame = draw(count), draw(length)
        top, left = 2 * draw((height - self.crop_px) // 2 + 1), 2 * draw((width - self.crop_px) // 2 + 1)
        still = float(torch.rand((), generator=generator)) < self.still
        beside = [frame, frame, frame] if still else [max(0, frame - 1), frame, min(length - 1, frame + 1)]
        small = [self.pairs.small[clip, index] for index in beside]
        rows, columns = slice(top, top + self.crop_px), slice(left, left + self.crop_px)
        large = tuple(slice(FACTOR * part.start, FACTOR * part.stop) for part in (rows, columns))
        seen = np.concatenate([part[rows, columns] for part in small], -1)
        return (
            _to_planes(seen),
            _to_planes(lanczos(np.asarray(small[1]), FACTOR * width, FACTOR * height)[large]),
            _to_planes(self.pairs.large[clip, frame][large]),
        )

    def show(self, model: Upscaler, path: Path) -> None:
        """Lanczos, the upscaler and the truth, below each other, of three clips."""
        rows = []
        for index in np.linspace(0, len(self.pairs.small) - 1, 3).astype(int):
            small = np.asarray(self.pairs.small[index])
            base = np.stack([lanczos(frame, FACTOR * frame.shape[1], FACTOR * frame.shape[0]) for frame in small])
            rows += [base, upscaled(model, small, base), np.asarray(self.pairs.large[index])]
        save_film_rows(rows, path, across=3)


def upscaled(model: Upscaler, small: np.ndarray, base: np.ndarray) -> np.ndarray:
    """The clip (T, H, W, 3) with the model's detail added to its Lanczos resize, (T, 2H, 2W, 3), uint8."""
    around = np.concatenate([small[:1], small, small[-1:]])
    seen = np.concatenate([around[:-2], around[1:-1], around[2:]], -1)
    with torch.no_grad(), mixed("cpu"):
        detail = torch.cat([model(_to_planes(frame)[None]) for frame in seen]).float()
    return to_uint8(to_frames(base[None]) + detail[None])[0]


def _to_planes(picture: np.ndarray) -> Tensor:
    """(H, W, C) uint8 to (C, H, W) in [-1, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 127.5 - 1
