"""The two lessons as an accelerator learns them: from pools in its own memory, a whole batch drawn at once.

They teach what reconstruct.py and denoise.py teach, and differ in how samples are drawn: a step's samples follow from
the seed and the step's number and from how far the pool has grown by then, so a run can be repeated in kind, not to the
bit. A step's samples come in units of one kind each (stills, films of one shape), so that few kernels serve all steps.

B batch, K chunks, T frames, H W pixels, h w latents, N tokens, C latent channels, M mask channels, L words.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn

from kinema.model.autoencoder import Autoencoder
from kinema.model.denoiser import Denoiser
from kinema.model.flow import noised, velocity_loss
from kinema.model.transformer import MASK_CHANNELS, grid_positions
from kinema.model.words import PADDING
from kinema.train.denoise import blank_latent, film_flops, spread_evenly
from kinema.train.pools import Latents, Pixels, unpacked
from kinema.train.precision import mixed
from kinema.train.reconstruct import crop_flops, psnr, reconstruction_loss, to_frames, to_uint8
from kinema.train.sample import sample
from kinema.train.sheets import save_film_rows

Feed = Callable[[], None]
"""Takes in what has arrived since; asked before every step."""


@dataclass
class PooledReconstruction:
    """Learns `model` on crops of `crop_px` and `crop_frames` out of `pixels`; see reconstruct.py."""

    model: Autoencoder
    pixels: Pixels
    feed: Feed
    crop_px: int = 64
    crop_frames: int = 16
    noise: float = 0.15
    masked: float = 0.15
    name: str = field(default="autoencoder", init=False)

    @property
    def flops_per_sample(self) -> float:
        return crop_flops(self.model, self.crop_frames, self.crop_px)

    def loss(self, model: nn.Module, samples: range, seed: int) -> Tensor:
        self.feed()
        generator = torch.Generator().manual_seed(seed * 1_000_003 + samples.start)
        frames, known = self._crops(len(samples), generator)
        device = frames.device
        hidden = torch.rand(len(samples), generator=generator).to(device) < self.masked
        frames = frames * (known | ~hidden[:, None, None, None]).unsqueeze(2)
        config, shape = self.model.config, self.model.latent_shape(self.crop_px, self.crop_px)
        strength = self.noise * torch.rand(len(samples), 1, 1, 1, 1, device=device)
        noise = strength * torch.randn(len(samples), self.crop_frames // config.chunk, *shape, device=device)
        with mixed(device.type):
            out = model(frames, noise)
        return reconstruction_loss(out.float(), frames)

    def _crops(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Frames (B, T, 3, H, W) in [-1, 1] that begin on whole chunks and every eighth pixel, and what is known."""
        frames, known, seen = self.pixels.frames, self.pixels.known, []
        _, length, height, width = frames.shape[:4]
        chunk = self.model.config.chunk
        rooms = ((length - self.crop_frames) // chunk, (height - self.crop_px) // 8, (width - self.crop_px) // 8)
        clips = torch.randint(self.pixels.count, (count,), generator=generator).tolist()
        places = [torch.randint(room + 1, (count,), generator=generator).tolist() for room in rooms]
        crops = []
        for clip, start, top, left in zip(clips, *places, strict=True):
            times = slice(chunk * start, chunk * start + self.crop_frames)
            rows = slice(8 * top, 8 * top + self.crop_px)
            crops.append(frames[clip, times, rows, 8 * left : 8 * left + self.crop_px])
            seen.append(known[clip, times, rows, left : left + self.crop_px // 8])
        return to_frames(torch.stack(crops)), unpacked(torch.stack(seen))

    @torch.no_grad()
    def exam(self, model: Autoencoder, count: int = 64) -> float:
        """PSNR in dB over the first clips of the pool, which are drawn like any others."""
        frames = self.pixels.frames[: min(count, self.pixels.count)]
        clips = to_frames(frames)
        with mixed(frames.device.type):
            out = torch.cat([model.decode(model.encode(part)).float() for part in clips.split(8)])
        return psnr(out, clips)

    def show(self, model: Autoencoder, path: Path) -> None:
        """Originals above reconstructions of six clips."""
        clips = to_frames(self.pixels.frames[:6])
        with torch.no_grad(), mixed(clips.device.type):
            out = model.decode(model.encode(clips))
        rows = [row for pair in zip(to_uint8(clips), to_uint8(out), strict=True) for row in pair]
        save_film_rows(rows, path)


class Unit(NamedTuple):
    """Windows of one kind: what the network is given, tokens (B, N, 2C + M), positions (N, 3), times t (B,) and ids of
    words (B, L), the clean latents x (B, N, C), and the mask (B, N, M)."""

    tokens: Tensor
    positions: Tensor
    t: Tensor
    ids: Tensor
    x: Tensor
    mask: Tensor

    def seen(self, model: nn.Module, ids: Tensor) -> Tensor:
        """What a network sees in these windows under the captions, (B, N, C)."""
        with mixed(self.tokens.device.type):
            seen: Tensor = model(self.tokens, self.positions, self.t, ids)
        return seen.float()


def clean(unit: Unit) -> Tensor:
    """What there is to learn, unless another aim is given: the clean latents."""
    return unit.x


@dataclass(frozen=True)
class Guided:
    """An aim: what the teacher sees with guidance, in two calls, so that the pupil sees it in one.

    Without a caption both see the same, so the pupil can still be guided, more or less than it is by itself. Meng et
    al. 2023, On distillation of guided diffusion models (arXiv 2210.03142), for one strength of guidance.
    """

    teacher: nn.Module
    guidance: float

    @torch.no_grad()
    def __call__(self, unit: Unit) -> Tensor:
        told, untold = (unit.seen(self.teacher, ids) for ids in (unit.ids, torch.full_like(unit.ids, PADDING)))
        return untold + self.guidance * (told - untold)


@dataclass
class PooledDenoising:
    """Learns `model` on windows of `chunks` chunks out of `pools`, one pool a shape; see denoise.py.

    Of a unit's films an eighth goes on from the model's own guess at known ends, an eighth from noisy true ones, three
    eighths fill a canvas that a task drew, the rest begins from nothing. Of a unit's stills a quarter has a canvas.
    The share of stills falls from the first to the second of `stills` while `gone` goes from 0 to 1. `aim` says what is
    to be seen in a unit, and `shown_guidance` how strictly sheets follow their captions.
    """

    model: Denoiser
    pools: Sequence[Latents]
    autoencoder: Autoencoder
    feed: Feed
    gone: Callable[[], float]
    stills: tuple[float, float] = (0.75, 0.25)
    chunks: int = 8
    unit: int = 64
    time_mean: float = 0.4
    canonical: float = 0.6
    dropped: float = 0.1
    end_noise: float = 0.15
    aim: Callable[[Unit], Tensor] = clean
    shown_guidance: float = 3.0
    name: str = "denoiser"

    def __post_init__(self) -> None:
        heights = [pool.x.shape[2:4] for pool in self.pools]
        device = self.pools[0].x.device
        with torch.no_grad():
            self.blanks = [blank_latent(self.autoencoder, h, w) for h, w in heights]
        self.places = [
            {chunks: grid_positions(chunks, h, w).to(device) for chunks in (1, self.chunks)} for h, w in heights
        ]

    @property
    def flops_per_sample(self) -> float:
        return film_flops(self.model, len(self.places[0][self.chunks]))

    def loss(self, model: nn.Module, samples: range, seed: int) -> Tensor:
        """The mean over units of their losses."""
        self.feed()
        device = self.pools[0].x.device
        generator = torch.Generator(device).manual_seed(seed * 1_000_003 + samples.start)
        losses = [self._loss_of(model, self._unit(model, index, generator)) for index in samples[:: self.unit]]
        return torch.stack(losses).mean()

    def _loss_of(self, model: nn.Module, unit: Unit) -> Tensor:
        seen = unit.seen(model, unit.ids)
        return velocity_loss(seen, self.aim(unit), unit.t, 1 - unit.mask.mean(-1)).mean()

    def _unit(self, model: nn.Module, index: int, generator: torch.Generator) -> Unit:
        """The unit that begins with sample `index`: all stills, or all films, of one shape."""
        pool = self._pool(index)
        held, (first, last) = self.pools[pool], self.stills
        stills = spread_evenly(index // self.unit, 0.6180339887) < first + (last - first) * min(1.0, self.gone())
        chunks = 1 if stills else self.chunks
        count, device = self.unit * self.chunks // chunks, held.x.device
        clips = torch.randint(held.count, (count,), generator=generator, device=device)
        starts = torch.randint(held.x.shape[1] - chunks + 1, (count, 1), generator=generator, device=device)
        which = (clips[:, None], starts + torch.arange(chunks, device=device))
        x, canvas, mask = (each[which].float().flatten(1, 3) for each in (held.x, held.canvas, held.mask))
        ids = self._said(held.ids[clips], generator)
        positions, blank = self.places[pool][chunks], self.blanks[pool].repeat(chunks, 1)
        kept = count // 4
        if not stills:
            self._bind_ends(model, (x, canvas, mask, ids), (positions, blank), generator)
            kept = 5 * (count // 8)
        canvas[kept:], mask[kept:] = blank, 0.0
        t = torch.sigmoid(torch.randn(count, generator=generator, device=device) + self.time_mean)
        noise = torch.randn(x.shape, generator=generator, device=device)
        tokens = torch.cat((noised(x, noise, t), canvas, mask), -1)
        return Unit(tokens, positions, t, ids, x, mask)

    def _bind_ends(
        self,
        model: nn.Module,
        films: tuple[Tensor, Tensor, Tensor, Tensor],
        places: tuple[Tensor, Tensor],
        generator: torch.Generator,
    ) -> None:
        """Of the first quarter of the films (x, canvas, mask, ids) whole chunks are known at the ends, and not exactly:
        of the first half of these as the model guesses them, of the others with noise of a random strength."""
        (x, canvas, mask, ids), (positions, blank) = films, places
        eighth = len(x) // 8
        x = x[: 2 * eighth]
        ends = self._ends(2 * eighth, self.chunks, generator)[:, :, None]
        known = ends.expand(-1, -1, len(blank) // self.chunks).flatten(1)[..., None]
        strength = self.end_noise * torch.rand(2 * eighth, 1, 1, generator=generator, device=x.device)
        given = x + strength * torch.randn(x.shape, generator=generator, device=x.device)
        given[:eighth] = self._guess(model, x[:eighth], ids[:eighth], positions, blank, generator)
        canvas[: 2 * eighth] = torch.where(known, given, blank)
        mask[: 2 * eighth] = known.float()

    def _pool(self, index: int) -> int:
        """The pool of the unit that begins with sample `index`: each gets units in proportion to its clips."""
        place = spread_evenly(index // self.unit, 0.4142135624) * sum(pool.count for pool in self.pools)
        pool = 0
        while pool + 1 < len(self.pools) and place >= self.pools[pool].count:
            place -= self.pools[pool].count
            pool += 1
        return pool

    def _said(self, ids: Tensor, generator: torch.Generator) -> Tensor:
        """One caption (B, L) of each clip's (B, captions, L): the canonical one, another or none."""
        count, captions, _ = ids.shape
        others = torch.randint(captions, (count,), generator=generator, device=ids.device)
        chance = torch.rand(2, count, generator=generator, device=ids.device)
        which = torch.where(chance[0] < self.canonical, 0, others)
        said = ids[torch.arange(count, device=ids.device), which].long()
        return torch.where((chance[1] < self.dropped)[:, None], PADDING, said)

    def _ends(self, count: int, chunks: int, generator: torch.Generator) -> Tensor:
        """Which chunks (B, K) are known: half the time only first ones, else only last ones or both; never all."""
        device = self.pools[0].x.device
        place = torch.arange(chunks, device=device)
        first, last = (torch.randint(1, chunks // 2 + 1, (count, 1), generator=generator, device=device) for _ in "fl")
        kind = torch.randint(4, (count, 1), generator=generator, device=device)
        both = kind == 3
        first, last = (
            torch.where(both, first.clamp_max(chunks // 2 - 1), first),
            torch.where(both, last.clamp_max(chunks // 2 - 1), last),
        )
        return ((kind != 2) & (place < first)) | ((kind >= 2) & (place >= chunks - last))

    @torch.no_grad()
    def _guess(
        self, model: nn.Module, x: Tensor, ids: Tensor, positions: Tensor, blank: Tensor, generator: torch.Generator
    ) -> Tensor:
        """What the model makes of noisy films of which it knows nothing: what later windows are given at their ends.

        In the spirit of self forcing (Huang et al. 2025, arXiv 2506.08009), one step instead of a whole rollout.
        """
        t = 0.1 + 0.6 * torch.rand(len(x), generator=generator, device=x.device)
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        unknown = torch.cat((blank, torch.zeros(len(blank), MASK_CHANNELS, device=x.device)), -1)
        tokens = torch.cat((noised(x, noise, t), unknown.expand(len(x), -1, -1)), -1)
        with mixed(x.device.type):
            return model(tokens, positions, t, ids).float()

    def show(self, model: nn.Module, path: Path) -> None:
        """Eight captions of the first pool as the averaged model sees them now, always from the same noise."""
        held, positions = self.pools[0], self.places[0][self.chunks]
        ids, blank = held.ids[:8, 0].long(), self.blanks[0].repeat(self.chunks, 1)
        noise = torch.randn(len(ids), *blank.shape, generator=torch.Generator().manual_seed(0)).to(blank.device)
        with torch.no_grad(), mixed(blank.device.type):
            x = sample(model, noise, blank, positions, ids, steps=12, guidance=self.shown_guidance)
            latents = rearrange(x, "b (k h w) c -> b k c h w", k=self.chunks, h=held.x.shape[2], w=held.x.shape[3])
            films = to_uint8(self.autoencoder.decode(latents))
        save_film_rows(list(films), path)
