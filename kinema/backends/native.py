"""The native backend: our own model, run by OpenVINO, without torch.

Read top to bottom: words → windows of noise → rectified flow → latents → frames. A long canvas is filled window by
window (windows.py), each conditioned on the latents beside it. Noise depends on the seed and the window's number alone.
Letters: K latents in time, h w latents in space, C latent channels, M mask channels, N = K h w tokens, T frames,
H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np

from kinema.backends import BACKENDS, Grid, Home, Reading, Step, leading
from kinema.backends.leading import evened, led
from kinema.backends.networks import Card, Networks, load_networks, read_card, weights_folder
from kinema.backends.processor import numerics, processor_flags
from kinema.backends.sampler import Watch, guided, noised, sample, times
from kinema.backends.windows import Window, plan
from kinema.canvas import Canvas, Cue, Start
from kinema.clip import Clip, Latents
from kinema.errors import PromptError
from kinema.model.words import WORD, word_ids
from kinema.settings import read_settings

FADE = 2
"""Latents in which one caption fades into the next."""
START_SHIFT = 10
"""Stretches strengths to times: until 0.9 a noised film still shows place and subject, and a remix changes neither."""


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
class _Told:
    """What should be seen when: text states (B, L, D) of each caption and the latent it begins at; `unsaid` (1, L, D)
    are those of no caption, where guidance needs them."""

    states: np.ndarray
    begins: np.ndarray
    unsaid: np.ndarray | None

    def shares(self, start: int, stop: int) -> np.ndarray:
        """(B, K): how far each latent from start to stop is under each caption; one fades into the next."""
        middles = np.arange(start, stop) + 0.5
        begun = np.clip((middles - self.begins[:, None]) / FADE + 0.5, 0, 1)
        begun[0] = 1
        shares = begun * np.append(1 - begun[1:], np.ones_like(begun[:1]), 0)
        return (shares / shares.sum(0)).astype(np.float32)

    def heard(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Shares (b, K) of the captions that what is kept of a window is under, and which (B,) bool these are.

        Each costs a call a step; what is there already beside what is kept follows the nearest of them.
        """
        shares, first = self.shares(window.start, window.stop), window.keep_start - window.start
        heard = np.asarray(shares[:, first : window.keep_stop - window.start].any(1))
        shares = shares[heard]
        left_out = 1 - shares.sum(0)
        shares[0, :first] += left_out[:first]
        shares[-1, first:] += left_out[first:]
        return shares, heard


@dataclass(frozen=True, eq=False)
class _Given:
    """What a window starts from: latents of the known pixels (K, h, w, C), their mask (K, h, w, M) in [0, 1], latents
    to noise and begin from, if any, and the captions' shares (B, K) and states (B or B + 1, L, D), the last unsaid."""

    latents: np.ndarray
    mask: np.ndarray
    begin: np.ndarray | None
    shares: np.ndarray
    text: np.ndarray


@dataclass(eq=False)
class _Filling:
    """A canvas while it is filled: which latents are wholly known (K,) bool, those that are there and still needed, by
    their place, and the last frame (H, W, 3) uint8 that was handed on."""

    canvas: Canvas
    whole: np.ndarray
    latents: dict[int, np.ndarray] = field(default_factory=dict)
    last: np.ndarray | None = None


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
            card.width,
            card.height,
            card.window * card.chunk,
            card.rates[0],
            steps=card.steps,
            guidance=card.guidance,
            overlap=card.window // 2 * card.chunk,
        )
        self._words = frozenset(card.words)

    def understand(self, prompts: Sequence[str], *, as_is: bool = False) -> list[Reading]:
        """Each prompt in the caption language that the networks were trained on. Raises PromptError."""
        if as_is:
            return [self._left_as_is(prompt) for prompt in prompts]
        from kinema.world.understand import understand, understand_story

        return [understand(prompts[0])] if len(prompts) == 1 else list(understand_story(prompts))

    def _left_as_is(self, prompt: str) -> PlainReading:
        """The prompt without the words that the networks do not know. Raises PromptError."""
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
        """The canvas filled: known chunks as they are, others window by window, each as soon as all before it is."""
        chunks = canvas.known.reshape(-1, self.card.chunk, *canvas.known.shape[1:])
        whole, pinned = chunks.min((1, 2, 3)), chunks.min((2, 3)).max(1)
        windows = plan(whole, pinned, self.card.window, self.card.overlap)
        stops = self._stops(steps, canvas.start)
        told, blank, root = self._told(canvas.captions, guidance), self._blank(canvas), int(rng.integers(2**63))
        filling, done = _Filling(canvas, whole), 0
        latents = filling.latents
        for index, window in enumerate(windows):
            given = self._given(canvas, window, latents, told, blank)
            noise = np.random.default_rng([root, index]).standard_normal(given.latents.shape, dtype=np.float32)
            watch = self._watch(on_step, window, (len(stops) - 1) * index, (len(stops) - 1) * len(windows))
            made = _led(self._flow(given, noise, stops, guidance, watch), given)
            for place in range(window.start, window.stop):
                if whole[place]:
                    latents[place] = given.latents[place - window.start]
                elif window.keep_start <= place < window.keep_stop:
                    latents[place] = made[place - window.start]
            ready = next((k for k in range(done, len(whole)) if not whole[k] and k not in latents), len(whole))
            yield from self._clips(filling, done, ready)
            done = ready
            needed = min([done, *(later.start for later in windows[index + 1 :])]) - 1
            for place in [place for place in latents if place < needed]:
                del latents[place]
        yield from self._clips(filling, done, len(whole))

    def _stops(self, steps: int, start: Start | None) -> np.ndarray:
        """The times to stop at: from noise on, or from as far as a clip to begin from is noised, in fewer steps."""
        if start is None:
            return times(steps, self.card.shift)
        begin = START_SHIFT * start.strength / (1 + (START_SHIFT - 1) * start.strength)
        return times(max(1, round(steps * start.strength)), self.card.shift, begin)

    def _watch(self, on_step: Callable[[Step], None], window: Window, done: int, total: int) -> Watch:
        """Tells how many steps of all windows are done, and shows the first frame that this one makes."""
        new = window.keep_start - window.start

        def watch(step: int, clean: np.ndarray) -> None:
            on_step(Step(done + step, total, lambda: self._decode(clean[new : new + 1], None)[0]))

        return watch

    def _clips(self, filling: _Filling, start: int, stop: int) -> Iterator[Clip]:
        """The finished chunks from start to stop, what is wholly known as the canvas has it, the rest decoded."""
        canvas, whole, chunk = filling.canvas, filling.whole, self.card.chunk
        while start < stop:
            known = whole[start]
            end = next((place for place in range(start, stop) if whole[place] != known), stop)
            end = min(end, start + self.card.window)
            clip = Clip(canvas.pixels[start * chunk : end * chunk], canvas.fps)
            if not known:
                values = np.stack([filling.latents[place] for place in range(start, end)])
                remembered = Latents(np.ascontiguousarray(values.transpose(0, 3, 1, 2)), chunk, self.networks.maker)
                clip = Clip(self._shown(filling, values, start), canvas.fps, latents=remembered)
            filling.last = clip.frames[-1]
            yield clip
            start = end

    def _shown(self, filling: _Filling, values: np.ndarray, start: int) -> np.ndarray:
        """Frames (T, H, W, 3) uint8 of latents (K, h, w, C) from chunk `start` on, joined smoothly to those beside it.

        Wholly known frames are as the canvas has them.
        """
        chunk, stop = self.card.chunk, start + len(values)
        made = self._decode(values, filling.latents.get(start - 1))
        errors = self._errors(filling, made, start)
        smooth = led(made.astype(np.float32), errors, leading.FRAMES)
        known = [at for at in errors if 0 <= at < len(made)]
        smooth[known] = filling.canvas.pixels[[start * chunk + at for at in known]]
        after = filling.canvas.pixels[stop * chunk] if stop < len(filling.whole) and filling.whole[stop] else None
        return np.clip(np.rint(evened(smooth, chunk, filling.last, after, known)), 0, 255).astype(np.uint8)

    def _errors(self, filling: _Filling, made: np.ndarray, start: int) -> dict[int, np.ndarray]:
        """What known frames in or near a decoded stretch are more than what is made of them, by their place in it.

        Of known chunks beside it, the frame that is nearest is encoded and decoded for that.
        """
        canvas, whole = filling.canvas, filling.whole
        chunk, first, stop = self.card.chunk, start * self.card.chunk, start + len(made) // self.card.chunk
        known = np.flatnonzero(canvas.known[first : first + len(made)].all((1, 2))).tolist()
        errors = {at: canvas.pixels[first + at].astype(np.float32) - made[at] for at in known}
        near = -(-leading.FRAMES // chunk)
        beside = [place for place in range(max(0, start - near), start) if whole[place]][-1:]
        beside += [place for place in range(stop, min(len(whole), stop + near)) if whole[place]][:1]
        for place in beside:
            before = filling.latents.get(place - 1)
            if before is None and place and whole[place - 1]:
                before = self._encode(canvas.pixels[(place - 1) * chunk : place * chunk])[0]
            at = place * chunk + (chunk - 1 if place < start else 0)
            shown = self._decode(self._encode(canvas.pixels[place * chunk : (place + 1) * chunk]), before)
            errors[at - first] = canvas.pixels[at].astype(np.float32) - shown[at % chunk]
        return errors

    def _told(self, cues: tuple[Cue, ...], guidance: float) -> _Told:
        """The captions' text states, and those of no caption where more or less guidance than learnt needs them."""
        captions = [cue.text for cue in cues] or [""]
        guided = guidance != self.card.guided and any(captions)
        ids = [self._ids(caption) for caption in (*captions, *([""] if guided else []))]
        states = self.networks.text(np.array(ids, np.int64))
        begins = np.array([cue.frame / self.card.chunk for cue in cues] or [0.0])
        return _Told(states[: len(captions)], begins, states[len(captions) :] if guided else None)

    def _ids(self, caption: str) -> list[int]:
        """The caption's word ids, padded. Raises PromptError where it is too long or has words that are not known."""
        words = WORD.findall(caption.lower())
        strange = [word for word in words if word not in self._words]
        if strange:
            raise PromptError(f"the model does not know '{strange[0]}' in '{caption}'; let it rewrite the prompt")
        if len(words) > self.card.text_length:
            raise PromptError(f"'{caption[:40]}…' has {len(words)} words and marks; {self.card.text_length} are read")
        return word_ids(caption, self.card.words, self.card.text_length)

    def _flow(self, given: _Given, noise: np.ndarray, stops: np.ndarray, guidance: float, watch: Watch) -> np.ndarray:
        """Latents (K, h, w, C) of one window, from noise or from a noised beginning."""
        shape, batch, captions = noise.shape, len(given.text), len(given.shares)
        condition = np.concatenate([given.latents, given.mask], -1)
        condition = condition.reshape(-1, condition.shape[3])
        positions = _positions(*shape[:3])

        def predict(x: np.ndarray, t: float) -> np.ndarray:
            tokens = np.concatenate([x.reshape(-1, shape[3]), condition], -1)
            tokens = np.ascontiguousarray(np.broadcast_to(tokens, (batch, *tokens.shape)))
            seen = self.networks.transformer(tokens, positions, np.full(batch, t, np.float32), given.text)
            seen = seen.reshape(batch, *shape)
            clean = seen[0] if captions == 1 else np.einsum("bk,bkhwc->khwc", given.shares, seen[:captions])
            return clean if batch == captions else guided(clean, seen[-1], guidance / self.card.guided)

        x = noise if given.begin is None else noised(given.begin, noise, float(stops[0]))
        return sample(predict, x, stops, solver=self.card.solver, watch=watch)

    def _given(
        self, canvas: Canvas, window: Window, latents: dict[int, np.ndarray], told: _Told, blank: np.ndarray
    ) -> _Given:
        """What is known of a window: what was made before, and the canvas, its unknown pixels 0 in [-1, 1]."""
        part = slice(window.start * self.card.chunk, window.stop * self.card.chunk)
        known = canvas.known[part]
        values = np.repeat(blank, window.stop - window.start, 0)
        mask = known_share(known, self.card.chunk, self.card.patch, self.card.mask_channels)
        touched = [place for place in range(len(values)) if window.start + place not in latents and mask[place].any()]
        if touched:
            values[touched] = self._encode(canvas.pixels[part], known)[touched]
        for place in range(len(values)):
            if window.start + place in latents:
                values[place], mask[place] = latents[window.start + place], 1
        begin = self._encode(canvas.start.clip.frames[part]) if canvas.start else None
        shares, heard = told.heard(window)
        text = told.states[heard] if told.unsaid is None else np.concatenate([told.states[heard], told.unsaid])
        return _Given(values, mask, begin, shares, text)

    def _blank(self, canvas: Canvas) -> np.ndarray:
        """Latents (1, h, w, C) of a chunk of which nothing is known."""
        frames = np.zeros((self.card.chunk, *canvas.pixels.shape[1:]), np.uint8)
        return self._encode(frames, np.zeros(frames.shape[:3], bool))

    def _encode(self, frames: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """Latents (K, h, w, C) of frames (T, H, W, 3) uint8, all of them known or some of their pixels."""
        pixels = frames.astype(np.float32) / 127.5 - 1
        if known is not None:
            pixels = np.where(known[..., None], pixels, np.float32(0))
        chunks = pixels.reshape(-1, self.card.chunk, *pixels.shape[1:]).transpose(0, 1, 4, 2, 3)
        return self.networks.encoder(np.ascontiguousarray(chunks)).transpose(0, 2, 3, 1).copy()

    def _decode(self, latents: np.ndarray, before: np.ndarray | None) -> np.ndarray:
        """Frames (T, H, W, 3) uint8 of latents (K, h, w, C), the latent (h, w, C) before them known or None."""
        first = np.zeros_like(latents[:1]) if before is None else before[None]
        befores = np.concatenate([first, latents[:-1]])
        frames = self.networks.decoder(
            np.ascontiguousarray(latents.transpose(0, 3, 1, 2)), np.ascontiguousarray(befores.transpose(0, 3, 1, 2))
        )
        pixels = np.clip(np.rint((frames + 1) * 127.5), 0, 255).astype(np.uint8)
        return np.ascontiguousarray(pixels.transpose(0, 1, 3, 4, 2)).reshape(-1, *pixels.shape[3:], 3)


def _led(made: np.ndarray, given: _Given) -> np.ndarray:
    """Latents of a window (K, h, w, C), led up to those that are wholly known of it."""
    sure = np.flatnonzero(given.mask.min((1, 2, 3)) == 1).tolist()
    return led(made, {place: given.latents[place] - made[place] for place in sure}, leading.LATENTS)


def known_share(known: np.ndarray, chunk: int, patch: int, channels: int) -> np.ndarray:
    """(K, h, w, M): the known share of each frame's sub-squares of a patch, frame first, then rows, then columns."""
    cells = round((channels / chunk) ** 0.5)
    assert cells * cells * chunk == channels, "mask channels are a chunk's frames times a square of cells"
    frames, height, width = known.shape
    side = patch // cells
    parts = known.reshape(frames // chunk, chunk, height // patch, cells, side, width // patch, cells, side)
    shares = parts.mean((4, 7), dtype=np.float32).transpose(0, 2, 4, 1, 3, 5)
    return shares.reshape(frames // chunk, height // patch, width // patch, channels)


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
