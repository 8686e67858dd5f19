"""The native backend: our own model, run by OpenVINO, without torch.

Read top to bottom: words → windows of noise → rectified flow → latents → frames. A long canvas is filled window by
window, each conditioned on the last latents of the one before.
Letters: K latents in time, h w latents in space, C latent channels, M mask channels, N = K h w tokens, T frames,
H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from kinema.backends import BACKENDS, Grid, Home, Reading, Step
from kinema.backends.networks import Card, Networks, load_networks, read_card, weights_folder
from kinema.backends.processor import numerics, processor_flags
from kinema.backends.sampler import guided, sample, times
from kinema.canvas import Canvas
from kinema.clip import Clip, Latents
from kinema.errors import PromptError
from kinema.model.words import WORD, word_ids
from kinema.settings import read_settings


@dataclass(frozen=True)
class UnknownWord:
    """A word that the networks were not trained on, and the nearest that they were."""

    word: str
    nearest: str | None


@dataclass(frozen=True)
class PlainReading:
    """A prompt that is left as it stands, but for the words that the networks do not know."""

    rewritten: str
    unknown: tuple[UnknownWord, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Known:
    """What a window starts from: latents of the known pixels (K, h, w, C) and their mask (K, h, w, M) in [0, 1]."""

    latents: np.ndarray
    mask: np.ndarray


class Native:
    """Fills canvases with networks that this project trained."""

    name = "native"
    fills = BACKENDS["native"][1]

    def __init__(self, card: Card, networks: Networks) -> None:
        self.card, self.networks = card, networks
        self.licence = card.licence
        self.configuration = networks.maker
        self.grid = Grid(card.patch, card.chunk, card.rates, window=card.window * card.chunk)
        self.home = Home(
            card.width, card.height, card.window * card.chunk, card.rates[0], steps=card.steps, guidance=card.guidance
        )
        self._words = frozenset(card.words)

    def understand(self, prompt: str, *, as_is: bool = False) -> Reading:
        """The prompt in the caption language that the networks were trained on. Raises PromptError."""
        if not as_is:
            from kinema.world.understand import understand

            return understand(prompt)
        words = WORD.findall(prompt.lower())
        strange = dict.fromkeys(word for word in words if word not in self._words)
        known = [word for word in words if word in self._words]
        if not any(word.isalnum() for word in known):
            raise PromptError("the model knows no word of this prompt; leave out --as-is, and it will be rewritten")
        self._ids(" ".join(known))
        nearest = {word: get_close_matches(word, self.card.words, 1, cutoff=0.7) for word in strange}
        unknown = tuple(UnknownWord(word, next(iter(nearest[word]), None)) for word in strange)
        return PlainReading(" ".join(known) if strange else prompt, unknown)

    def fill(
        self, canvas: Canvas, *, steps: int, guidance: float, rng: np.random.Generator, on_step: Callable[[Step], None]
    ) -> Iterator[Clip]:
        """The canvas filled, one window's new frames at a time."""
        card = self.card
        count = len(canvas) // card.chunk
        windows = _windows(count, card.window, card.overlap)
        text = self._text(canvas.captions[0].text if canvas.captions else "", guidance)
        total = steps * len(windows)
        before: np.ndarray | None = None
        for index, (start, stop) in enumerate(windows):
            known = self._known(canvas, start, stop)
            shared = 0 if before is None else card.overlap
            if before is not None:
                known.latents[:shared], known.mask[:shared] = before[-shared:], 1
            done = index * steps

            def watch(step: int, clean: np.ndarray, shared: int = shared, done: int = done) -> None:
                on_step(Step(done + step, total, lambda: self._decode(clean[shared:][:1], None)[0]))

            made = self._flow(known, text, steps=steps, guidance=guidance, rng=rng, watch=watch)
            made[:shared] = known.latents[:shared]
            fresh, last = made[shared:], made[shared - 1] if shared else None
            latents = Latents(np.ascontiguousarray(fresh.transpose(0, 3, 1, 2)), card.chunk, self.networks.maker)
            yield Clip(self._decode(fresh, last), canvas.fps, latents=latents)
            before = made

    def _text(self, caption: str, guidance: float) -> np.ndarray:
        """Text states (B, L, D): of the caption and, where guidance needs it, of no caption."""
        captions = [caption] if guidance == 1 else [caption, ""]
        return self.networks.text(np.array([self._ids(caption) for caption in captions], np.int64))

    def _ids(self, caption: str) -> list[int]:
        """The caption's word ids, padded. Raises PromptError where it is too long or has words that are not known."""
        words = WORD.findall(caption.lower())
        strange = [word for word in words if word not in self._words]
        if strange:
            raise PromptError(f"the model does not know '{strange[0]}' in '{caption}'; let it rewrite the prompt")
        if len(words) > self.card.text_length:
            raise PromptError(f"'{caption[:40]}…' has {len(words)} words and marks; {self.card.text_length} are read")
        return word_ids(caption, self.card.words, self.card.text_length)

    def _flow(
        self,
        known: _Known,
        text: np.ndarray,
        *,
        steps: int,
        guidance: float,
        rng: np.random.Generator,
        watch: Callable[[int, np.ndarray], None],
    ) -> np.ndarray:
        """Latents (K, h, w, C) of one window, from noise."""
        shape, batch = known.latents.shape, len(text)
        condition = np.concatenate([known.latents, known.mask], -1).reshape(
            -1, known.latents.shape[3] + known.mask.shape[3]
        )
        positions = _positions(*shape[:3])

        def predict(x: np.ndarray, t: float) -> np.ndarray:
            tokens = np.concatenate([x.reshape(-1, shape[3]), condition], -1)
            tokens = np.broadcast_to(tokens, (batch, *tokens.shape))
            clean = self.networks.transformer(
                np.ascontiguousarray(tokens), positions, np.full(batch, t, np.float32), text
            )
            return (clean[0] if batch == 1 else guided(clean[0], clean[1], guidance)).reshape(shape)

        noise = rng.standard_normal(shape, dtype=np.float32)
        return sample(predict, noise, times(steps, self.card.shift), solver=self.card.solver, watch=watch)

    def _known(self, canvas: Canvas, start: int, stop: int) -> _Known:
        """The condition of the latents from start to stop: unknown pixels are 0 in [-1, 1] before they are encoded."""
        chunk, patch = self.card.chunk, self.card.patch
        part = slice(start * chunk, stop * chunk)
        known = canvas.known[part]
        frames = np.where(known[..., None], canvas.pixels[part].astype(np.float32) / 127.5 - 1, np.float32(0))
        chunks = frames.reshape(stop - start, chunk, *frames.shape[1:]).transpose(0, 1, 4, 2, 3)
        if known.any():
            latents = self.networks.encoder(np.ascontiguousarray(chunks))
        else:
            blank = self.networks.encoder(np.ascontiguousarray(chunks[:1]))
            latents = np.repeat(blank, stop - start, axis=0)
        return _Known(latents.transpose(0, 2, 3, 1).copy(), known_share(known, chunk, patch, self.card.mask_channels))

    def _decode(self, latents: np.ndarray, before: np.ndarray | None) -> np.ndarray:
        """Frames (T, H, W, 3) uint8 of latents (K, h, w, C), the latent (h, w, C) before them known or None."""
        first = np.zeros_like(latents[:1]) if before is None else before[None]
        befores = np.concatenate([first, latents[:-1]])
        frames = self.networks.decoder(
            np.ascontiguousarray(latents.transpose(0, 3, 1, 2)), np.ascontiguousarray(befores.transpose(0, 3, 1, 2))
        )
        pixels = np.clip(np.rint((frames + 1) * 127.5), 0, 255).astype(np.uint8)
        return np.ascontiguousarray(pixels.transpose(0, 1, 3, 4, 2)).reshape(-1, *pixels.shape[3:], 3)


def known_share(known: np.ndarray, chunk: int, patch: int, channels: int) -> np.ndarray:
    """(K, h, w, M): the known share of each frame's sub-squares of a patch, frame first, then rows, then columns."""
    cells = round((channels / chunk) ** 0.5)
    assert cells * cells * chunk == channels, "mask channels are a chunk's frames times a square of cells"
    frames, height, width = known.shape
    side = patch // cells
    parts = known.reshape(frames // chunk, chunk, height // patch, cells, side, width // patch, cells, side)
    shares = parts.mean((4, 7), dtype=np.float32).transpose(0, 2, 4, 1, 3, 5)
    return shares.reshape(frames // chunk, height // patch, width // patch, channels)


def _windows(count: int, window: int, overlap: int) -> list[tuple[int, int]]:
    """Start and stop of each window over so many latents; each but the first shares `overlap` with the one before."""
    windows = [(0, min(window, count))]
    while windows[-1][1] < count:
        start = windows[-1][1] - overlap
        windows.append((start, min(start + window, count)))
    return windows


def _positions(count: int, height: int, width: int) -> np.ndarray:
    """(N, 3) float32: time from 0 on, y and x from the middle of the picture, in latents."""
    y = np.arange(height) - (height - 1) / 2
    x = np.arange(width) - (width - 1) / 2
    return np.stack(np.meshgrid(np.arange(count), y, x, indexing="ij"), -1).reshape(-1, 3).astype(np.float32)


def load() -> Native:
    """The native backend with the networks that the settings name. Raises CheckpointError."""
    settings = read_settings()
    folder = weights_folder(settings)
    card = read_card(folder)
    return Native(card, load_networks(folder, card, numerics(settings, processor_flags())))
