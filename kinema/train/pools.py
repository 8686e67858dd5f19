"""Pools: everything that an accelerator learns from, in its own memory, so that no step waits for a processor.

A clip comes as pixels, which the autoencoder learns from; once that is trained, each clip is kept as its latents, those
of a canvas that some task would draw from it, and that canvas's mask. A pool grows while it is learnt from.

B clips, T frames, H W pixels, K chunks, F frames in a chunk, h w latents, C latent channels, M mask channels, L words.
"""

from collections import deque
from dataclasses import dataclass, field
from threading import Event, Thread

import torch
from einops import rearrange
from torch import Tensor

from kinema.data.world import Run
from kinema.model.autoencoder import Autoencoder
from kinema.model.transformer import MASK_CHANNELS
from kinema.train.crew import Crew, Rendered
from kinema.train.precision import mixed
from kinema.train.reconstruct import to_frames

ENCODED = 32
"""Clips that are encoded at once."""
ARRIVED = 256
"""Clips that may wait to be encoded."""


@dataclass
class Pixels:
    """Clips as rendered: frames (B, T, H, W, 3) uint8, known (B, T, H, W / 8) packed, ids (B, captions, L)."""

    frames: Tensor
    known: Tensor
    ids: Tensor
    count: int = 0

    @classmethod
    def empty(cls, capacity: int, run: Run, length: int, device: torch.device) -> "Pixels":
        """Room for so many clips of a run."""
        shape = (capacity, run.frames, run.height, run.width)
        return cls(
            torch.empty(*shape, 3, dtype=torch.uint8, device=device),
            torch.empty(*shape[:3], run.width // 8, dtype=torch.uint8, device=device),
            torch.empty(capacity, run.captions, length, dtype=torch.int16, device=device),
        )

    @property
    def is_full(self) -> bool:
        return self.count == len(self.frames)

    def add(self, frames: Tensor, rendered: Rendered) -> None:
        """One clip more."""
        self.frames[self.count].copy_(frames)
        self.known[self.count].copy_(torch.from_numpy(rendered.known))
        self.ids[self.count].copy_(torch.from_numpy(rendered.ids))
        self.count += 1


@dataclass
class Latents:
    """Clips as the denoiser learns them: x and canvas (B, K, h, w, C), mask (B, K, h, w, M), ids (B, captions, L)."""

    x: Tensor
    canvas: Tensor
    mask: Tensor
    ids: Tensor
    count: int = 0

    @classmethod
    def empty(cls, capacity: int, run: Run, length: int, autoencoder: Autoencoder, device: torch.device) -> "Latents":
        """Room for so many clips of a run."""
        channels, height, width = autoencoder.latent_shape(run.height, run.width)
        shape = (capacity, run.frames // autoencoder.config.chunk, height, width)
        return cls(
            torch.empty(*shape, channels, dtype=torch.float16, device=device),
            torch.empty(*shape, channels, dtype=torch.float16, device=device),
            torch.empty(*shape, MASK_CHANNELS, dtype=torch.float16, device=device),
            torch.empty(capacity, run.captions, length, dtype=torch.int16, device=device),
        )

    @torch.no_grad()
    def add(self, autoencoder: Autoencoder, frames: Tensor, known: Tensor, ids: Tensor) -> None:
        """A batch of clips more, in the forms of Pixels; what there is no room for is left."""
        into = slice(self.count, min(self.count + len(frames), len(self.x)))
        count = into.stop - into.start
        if not count:
            return
        frames, seen = frames[:count], unpacked(known[:count])
        clip = to_frames(frames)
        with mixed(frames.device.type):
            for place, pixels in ((self.x, clip), (self.canvas, clip * seen.unsqueeze(2))):
                place[into] = rearrange(autoencoder.encode(pixels), "b k c h w -> b k h w c").half()
        config = autoencoder.config
        self.mask[into] = known_shares(seen, config.chunk, config.patch).half()
        self.ids[into] = ids[:count]
        self.count = into.stop


def unpacked(known: Tensor) -> Tensor:
    """(..., W / 8) uint8, the first pixel in the highest bit, as (..., W) bool."""
    bits = torch.arange(7, -1, -1, dtype=torch.uint8, device=known.device)
    return ((known.unsqueeze(-1) >> bits) & 1).flatten(-2).bool()


def known_shares(known: Tensor, chunk: int, patch: int) -> Tensor:
    """Known shares (B, K, h, w, M) of masks (B, T, H, W): of each frame's 2 by 2 quarters of a patch."""
    side = patch // 2
    shares = rearrange(
        known.float(), "b (k f) (h i y) (w j x) -> b k h w (f i j) (y x)", f=chunk, i=2, j=2, y=side, x=side
    )
    return shares.mean(-1)


@dataclass
class Feeder:
    """Brings a crew's clips into the accelerator's memory beside whatever else it does, until it is stopped."""

    crew: Crew
    device: torch.device
    arrived: deque[tuple[Tensor, Rendered]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._stopped = Event()
        self._thread = Thread(target=self._feed, daemon=True)
        self._thread.start()

    def _feed(self) -> None:
        # On a stream of its own: a copy waits for all that was asked of its stream before, such as training steps.
        stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        for rendered in self.crew.take():
            pixels = torch.from_numpy(self.crew.frames(rendered))
            if stream:
                with torch.cuda.stream(stream):
                    frames = pixels.to(self.device)
                stream.synchronize()
            else:
                frames = pixels.clone()
            self.crew.free(rendered)
            self.arrived.append((frames, rendered))
            while len(self.arrived) >= ARRIVED and not self._stopped.wait(0.02):
                pass
            if self._stopped.is_set():
                return

    def stop(self) -> None:
        """No clip comes any more, and the crew is dismissed."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._thread.join()
            self.crew.dismiss()

    def next(self) -> tuple[Tensor, Rendered] | None:
        """The next clip that arrived and what it is, None where none did."""
        if not self.arrived:
            return None
        frames, rendered = self.arrived.popleft()
        if frames.is_cuda:
            frames.record_stream(torch.cuda.current_stream(self.device))
        return frames, rendered
