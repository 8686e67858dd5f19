"""The remote backend: canvases filled by any server of the Videos API, whosever it is.

    KINEMA_REMOTE=http://gpu.example:8091/v1 kinema generate "a red dog jumps in the snow" --model remote

What comes back is like any backend's: reviewed, marked and signed here. Such a server knows a sentence and a first
picture, whole seconds, and sizes of its own: what is asked for is tried as it is, then as the nearest that Sora had,
and whatever was done otherwise is said. Extras (seed, fps, frames) go by the names that vLLM-Omni and SGLang-Diffusion
have for them, or by Kinema's; a server that takes none gets none.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kinema import media
from kinema.backends import BACKENDS, Grid, Home, Reading, Step, Unknown
from kinema.canvas import Canvas
from kinema.client import ENDED_WELL, Body, Line, follow, in_kind
from kinema.client.bodies import File
from kinema.clip import Clip
from kinema.errors import BackendError, RemoteError
from kinema.recipe import parse_size
from kinema.settings import read_settings

SIZES = ((1280, 720), (720, 1280), (1792, 1024), (1024, 1792))
SECONDS = (4, 8, 12, 16, 20)
"""What Sora's own server allowed: the least that a server of its API understands."""
RATES = tuple(Fraction(rate) for rate in (8, 10, 12, 15, 16, 20, 24, 25, 30, 48, 50, 60))
FPS, FRAMES = Fraction(24), 96
OWN = 1
"""Steps and guidance that stand for the server's own."""
REFUSED = (400, 415, 422)
MOST_CHANGES = 5
"""So often is something nearer tried: one size, and the seconds that Sora had."""


@dataclass(frozen=True)
class AsSaid:
    """A prompt that the server is given as it stands."""

    rewritten: str
    unknown: tuple[Unknown, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What a server is asked for; `extras` are the parts that the Videos API itself does not have."""

    prompt: str
    size: tuple[int, int]
    seconds: int
    model: str | None
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Any]:
        """As the request has them."""
        said = {"prompt": self.prompt, "size": "{}x{}".format(*self.size), "seconds": str(self.seconds)}
        return said | ({"model": self.model} if self.model else {}) | self.extras


class Remote:
    """Fills canvases of which nothing is known, or the first frame, by having a server make films."""

    name = "remote"
    licence = "the server's own"
    fills = BACKENDS["remote"][1]

    def __init__(self, line: Line, model: str | None, size: tuple[int, int]) -> None:
        self.line, self.model = line, model
        self.configuration = f"a server of the Videos API, model {model or 'its own'}"  # it goes into films: no address
        self.grid = Grid(16, 1, RATES, window=10**6)
        self.home = Home(*size, FRAMES, FPS, steps=OWN, guidance=OWN, overlap=1)

    def understand(self, prompts: Sequence[str], *, as_is: bool = False) -> list[Reading]:
        """Each prompt as it stands: what the server makes of it, it keeps to itself."""
        return [AsSaid(prompt) for prompt in prompts]

    def fill(
        self, canvas: Canvas, *, steps: int, guidance: float, rng: np.random.Generator, on_step: Callable[[Step], None]
    ) -> Iterator[Clip]:
        """The canvas filled, in one segment, when the server's film is whole.

        Raises what the server refuses in its words, RemoteError for its troubles, and BackendError where its film is
        shorter than the canvas.
        """
        frames, height, width = canvas.known.shape
        wish = Wish(
            canvas.captions[0].text if canvas.captions else "",
            (width, height),
            math.ceil(Fraction(frames) / canvas.fps),
            self.model,
        )
        files = {"input_reference": ("first.png", _png(canvas.pixels[0]), "image/png")} if canvas.known[0].any() else {}
        try:
            video, notes = self._asked(wish, _ladder(canvas, steps, guidance, seed=int(rng.integers(2**31))), files)
            yield self._made(video["id"], canvas, on_step, notes)
        except RemoteError as error:
            raise in_kind(error) from None

    def _asked(
        self, wish: Wish, ladder: Sequence[dict[str, Any]], files: dict[str, File], notes: Sequence[str] = ()
    ) -> tuple[dict[str, Any], list[str]]:
        """The video that is queued, and what was asked for otherwise than wished. Raises RemoteError.

        Extras are tried one after the other: a request that is refused makes no film.
        """
        for extras in ladder:
            asked = replace(wish, extras=extras)
            try:
                return self._sent(asked, files), [*notes, *_unsaid(asked)]
            except RemoteError as error:
                if error.status not in REFUSED or error.code == "moderation_blocked":
                    raise
                refused = error
        nearer, said = _nearer(wish, refused)
        if nearer is None or len(notes) == MOST_CHANGES:
            raise refused
        return self._asked(nearer, ladder, files, [*notes, said])

    def _sent(self, wish: Wish, files: dict[str, File]) -> dict[str, Any]:
        """The answer to a form, as the official client sends it, or to JSON where a server reads no form."""
        try:
            return self.line.ask("POST", "/videos", Body.of_form(wish.fields, files))
        except RemoteError as error:
            if files or error.status not in REFUSED or error.code:
                raise
            try:
                return self.line.ask("POST", "/videos", Body.of_json(wish.fields))
            except RemoteError as second:
                raise (error if second.status == 415 else second) from None

    def _made(self, video_id: str, canvas: Canvas, on_step: Callable[[Step], None], notes: list[str]) -> Clip:
        """The film that the server makes, as frames of the canvas. Whoever stops waiting for it stops it there too."""
        grey = np.full(canvas.pixels.shape[1:], 128, np.uint8)
        try:
            for news in follow(self.line, video_id):
                if news.video is None:
                    on_step(Step(min(99, news.progress), 100, lambda: grey))
                elif news.video.get("status") != ENDED_WELL:
                    error = news.video.get("error") or {}
                    said = error.get("message") or f"the server ended the film as {news.video.get('status')}"
                    raise RemoteError(str(said), code=error.get("code"))
        except BaseException:
            self._stop(video_id)
            raise
        with tempfile.TemporaryDirectory(prefix="kinema-") as folder:
            path = Path(folder) / "film.mp4"
            self.line.download(video_id, path)
            clip, said = _fitted(path, canvas)
        notes = [*notes, *said, f"{self.configuration}, made it, and what that took is not in the receipt"]
        on_step(Step(100, 100, lambda: clip.frames[len(clip) // 2], tuple(notes)))
        return clip

    def _stop(self, video_id: str) -> None:
        try:
            self.line.cancel(video_id)
        except RemoteError:
            return  # what stopped us is what has to be heard


def _ladder(canvas: Canvas, steps: int, guidance: float, seed: int) -> list[dict[str, Any]]:
    """The extras to try, one after the other: as vLLM-Omni and SGLang name them, as Kinema does, and none.

    Steps and guidance that a person asked for are never left out.
    """
    theirs: dict[str, Any] = {"num_frames": len(canvas), "seed": seed}
    theirs |= {"fps": canvas.fps.numerator} if canvas.fps.denominator == 1 else {}
    ours: dict[str, Any] = {"seed": seed}
    if steps != OWN:
        theirs["num_inference_steps"] = ours["steps"] = steps
    if guidance != OWN:
        theirs["guidance_scale"] = ours["guidance"] = guidance
    return [theirs, ours] + ([{}] if len(ours) == 1 else [])


def _unsaid(asked: Wish) -> list[str]:
    """What the server did not want to hear, where that matters."""
    if "seed" in asked.extras:
        return []
    return ["the server takes no seed, so the same recipe makes other frames next time"]


def _nearer(asked: Wish, error: RemoteError) -> tuple[Wish | None, str]:
    """The nearest to what was refused, and how to say so; None where there is nothing to change.

    Sizes are those that the refusal names, else Sora's: the nearest in aspect, of equals the smallest.
    """
    about = (error.param or str(error)).lower()
    width, height = asked.size
    named = [(int(across), int(down)) for across, down in re.findall(r"\b(\d{2,4})x(\d{2,4})\b", str(error))]
    sizes = [each for each in named if each != asked.size] or SIZES
    if "size" in about and asked.size not in SIZES:
        far = {each: round(abs(math.log(each[0] * height / (each[1] * width))), 1) for each in sizes}
        size = min(sizes, key=lambda each: (far[each], each[0] * each[1]))
        return replace(asked, size=size), f"the server makes no {width}x{height}; {size[0]}x{size[1]} was asked for"
    longer = next((each for each in SECONDS if each > asked.seconds), None)
    if ("second" in about or "duration" in about) and longer:
        said = f"the server makes no {asked.seconds} seconds; {longer} were asked for, and the rest is cut off"
        return replace(asked, seconds=longer), said
    return None, ""


def _fitted(path: Path, canvas: Canvas) -> tuple[Clip, list[str]]:
    """The film in the file as frames of the canvas, and what that took. Raises BackendError where it is shorter."""
    frames, height, width = canvas.known.shape
    came = media.load(path, into=media.Shape(width, height, canvas.fps))
    clip, held = came.clip, came.held
    if len(clip) < frames:
        raise BackendError(
            f"the server made {float(clip.seconds):.4g} seconds where {float(frames / canvas.fps):.4g} were asked"
            f" for; ask for at most {len(clip)} frames"
        )
    said = [f"the server's film: {note}" for note in came.notes]
    if (held.width, held.height, came.fps) != (width, height, canvas.fps):
        made, wanted = f"{held.width}x{held.height} at {_rate(came.fps)}", f"{width}x{height} at {_rate(canvas.fps)}"
        said.append(f"the server's film of {made} was fitted to {wanted}")
    if len(clip) > frames:
        said.append(f"the server's film of {len(clip)} frames is cut to the first {frames}")
    if clip.sound:
        said.append("the sound of the server's film is left out")
    return Clip(clip.frames[:frames], canvas.fps), said


def _rate(fps: Fraction) -> str:
    return f"{float(fps):.4g} fps"


def _png(frame: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(frame).save(file, "PNG")
    return file.getvalue()


def load() -> Remote:
    """The backend of the server that the settings name. Raises BackendError where they name none."""
    settings = read_settings()
    if settings.remote is None:
        raise BackendError(
            "the model 'remote' is a server elsewhere, and none is named; set KINEMA_REMOTE to its address, such as"
            " http://localhost:8000/v1"
        )
    return Remote(Line(settings.remote, settings.remote_key), settings.remote_model, parse_size(settings.remote_size))
