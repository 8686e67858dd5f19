"""Another Kinema makes the film: the same recipes, progress, previews, errors and Film as of the engine here.

    server = kinema.Server("http://gpu.example:8000", api_key="sk-kinema-…")
    film = server.make(Recipe(prompt="a red dog jumps in the snow"), Path("dog.mp4"))

Policy, review, watermark, credentials and receipt are the server's own: a film is saved as it came, byte for byte.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
from PIL import Image

from kinema.backends import Step
from kinema.client import ENDED_WELL, Body, Line, News, follow, has_ended, in_kind
from kinema.client.bodies import File
from kinema.clip import Clip
from kinema.energy import Receipt
from kinema.engine import Film, OnStep, numbered
from kinema.errors import BackendError, ClipError, OutputError, RecipeError, RemoteError
from kinema.media import load, whole_file, write
from kinema.ready import Limits, recipe_of
from kinema.recipe import Recipe, Source, parse_size
from kinema.settings import read_settings
from kinema.tasks import check_sources
from kinema.trust.reports import film_in

STOP_SECONDS = 10.0
"""How long a stopped film's last frames are waited for."""
GREY = 128
_VIDEO_ID = re.compile(r"video_[0-9a-f]+")
NOT_SENT = {"sources", "configuration", "made_frames", "made_fps"}
"""Parts of a recipe that follow on the server."""


@dataclass(frozen=True)
class Asked:
    """Videos that a server has queued for a recipe, as it describes them."""

    recipe: Recipe
    videos: tuple[Mapping[str, Any], ...]

    @property
    def seed(self) -> int:
        """The first one's; those after it count up."""
        return int(self.videos[0]["seed"])

    @property
    def notes(self) -> tuple[str, ...]:
        """What the server says before anything is made, such as how it understood the words."""
        return tuple((self.videos[0].get("receipt") or {}).get("notes") or ())


@dataclass(frozen=True)
class Server:
    """A Kinema elsewhere, by its address; without a key, the one in KINEMA_API_KEY is shown to it, if there is one."""

    url: str
    api_key: str | None = field(default=None, repr=False)

    @cached_property
    def line(self) -> Line:
        return Line(self.url, self.api_key or read_settings().api_key)

    def make(
        self,
        recipe: Recipe,
        path: Path | None = None,
        *,
        clips: Sequence[Clip] = (),
        on_step: OnStep | None = None,
        limits: Limits | None = None,
    ) -> Film:
        """One film, as engine.make, made there; `clips` are the recipe's sources that have no path.

        KeyboardInterrupt stops it there too, and film.part.mp4 holds what was made. Raises what the engine would have
        raised, in the server's words, and RemoteError for troubles of the server or the way to it.
        """
        if recipe.n != 1:
            raise RecipeError(f"make gives one film, not {recipe.n}; make_all gives as many as the recipe says")
        [film] = self.make_all(recipe, path, clips=clips, on_step=on_step, limits=limits)
        return film

    def make_all(
        self,
        recipe: Recipe,
        path: Path | None = None,
        *,
        clips: Sequence[Clip] = (),
        on_step: OnStep | None = None,
        limits: Limits | None = None,
    ) -> Iterator[Film]:
        """The recipe's n films, one after the other, named as the engine names them; leaving early stops the rest."""
        if path is not None:
            check_ending(path)
        asked = self.ask(recipe, clips=clips, limits=limits)
        with self.stopping(asked):
            for index in range(len(asked.videos)):
                yield self.collect(asked, index, numbered(path, index, len(asked.videos)), on_step=on_step)

    def ask(self, recipe: Recipe, *, clips: Sequence[Clip] = (), limits: Limits | None = None) -> Asked:
        """The films are queued there, their sources sent along. Raises the KinemaError that fits what is refused."""
        limits = limits or Limits()
        if limits.review_all:
            raise RecipeError("which frames are looked at is the server's to say (its KINEMA_REVIEW); leave out review")
        check_sources(recipe)
        said = {name: part for name, part in json.loads(recipe.canonical()).items() if name not in NOT_SENT}
        said |= {"private": True} if limits.private else {}
        said |= {"max_energy_wh": limits.max_energy_wh} if limits.max_energy_wh is not None else {}
        files = _files_of(recipe, clips)
        try:
            self._check_kinema()
            first = self.line.ask("POST", "/videos", Body.of(said, files))
            rest = [self.line.retrieve(id)[0] for id in (first.get("ids") or [])[1:]]
        except RemoteError as error:
            raise in_kind(error) from None
        return Asked(recipe, (first, *rest))

    def report(self, subject: str, why: str = "") -> dict[str, Any]:
        """The server's operator has a report of a film, by its id there or as a file from here, or of a prompt.

        The report as the server answers. Raises ClipError for a file that is not there, what the server refuses in its
        words, and RemoteError.
        """
        fields, files = {"why": why}, dict[str, File]()
        if _VIDEO_ID.fullmatch(subject):
            about: dict[str, Any] = {"video": {"id": subject}}
        elif path := film_in(subject):
            about = {}
            files["video"] = (path.name, _bytes_of(Source(path=str(path))), "application/octet-stream")
        else:
            about = {"prompt": subject}
        try:
            return self.line.ask("POST", "/reports", Body.of(about | fields, files))
        except RemoteError as error:
            raise in_kind(error) from None

    def _check_kinema(self) -> None:
        """Raises BackendError where the server is another's, which would make something else of a whole recipe."""
        try:
            found = self.line.ask("GET", "/models").get("data") or ()
        except RemoteError as error:
            if error.status != 404:
                raise
            found = ()
        if not any(isinstance(each, dict) and each.get("owned_by") == "kinema" for each in found):
            raise BackendError(
                f"{self.line.host} is no Kinema, and knows no recipes; films that it makes are checked and signed here"
                f" with KINEMA_REMOTE={self.line.url} and model 'remote'"
            )

    @contextmanager
    def stopping(self, asked: Asked) -> Iterator[None]:
        """Where the body is left before its end, no video of these is made in vain."""
        try:
            yield
        except BaseException:
            for video in asked.videos:
                try:
                    self.line.cancel(video["id"])
                except RemoteError:  # the reason why the body was left is what a person has to hear
                    break
            raise

    def collect(self, asked: Asked, index: int, path: Path | None, *, on_step: OnStep | None = None) -> Film:
        """The i-th film when it is whole, in the file if there is a path."""
        if path is None:
            with tempfile.TemporaryDirectory(prefix="kinema-") as folder:
                return self._collect(asked, index, Path(folder) / "film.mp4", on_step, named=False)
        return self._collect(asked, index, path, on_step, named=True)

    def _collect(self, asked: Asked, index: int, path: Path, on_step: OnStep | None, *, named: bool) -> Film:
        check_ending(path)
        video = asked.videos[index]
        try:
            with whole_file(path) as part:
                try:
                    video = self._watched(video, on_step)
                except KeyboardInterrupt:
                    part.keep()
                    with suppress(RemoteError):  # that it was stopped is what a person has to hear
                        self._save_rest(video["id"], part)
                    raise
                if video["status"] != ENDED_WELL:
                    part.keep()
                    self._save_rest(video["id"], part)
                    raise _failure(video)
                self.line.download(video["id"], part)
        except RemoteError as error:
            raise in_kind(error) from None
        return _film(asked.recipe, video, path, named=named)

    def _watched(self, video: Mapping[str, Any], on_step: OnStep | None) -> Mapping[str, Any]:
        """The video when it has ended; whoever watches hears of every step."""
        show = Show(*parse_size(video["size"]))
        for news in follow(self.line, video["id"]):
            if news.video is not None:
                return news.video
            show.see(news)
            if on_step:
                on_step(Step(news.progress, 100, show.look))
        raise RemoteError(f"the server says no more of {video['id']}")

    def _save_rest(self, video_id: str, part: Path) -> None:
        """What was made of a video is in the file, or nothing where nothing was; it is not made any further."""
        line = Line(self.line.url, self.line.api_key)  # a fresh one waits less long for a server that has gone away
        left, until = line.cancel(video_id), monotonic() + STOP_SECONDS
        while left and not has_ended(left) and monotonic() < until:
            sleep(0.2)
            left = line.retrieve(video_id)[0]
        if not left or not has_ended(left):
            return
        try:
            line.download(video_id, part)
        except RemoteError as error:
            if error.status not in (400, 404):
                raise


@dataclass
class Show:
    """What is seen of a film that is made elsewhere: its last preview, grey before the first."""

    width: int
    height: int
    _picture: bytes | None = None

    def see(self, news: News) -> None:
        """A newer preview takes the last one's place."""
        self._picture = news.picture or self._picture

    def look(self) -> np.ndarray:
        """A frame (H, W, 3) uint8."""
        if self._picture is None:
            return np.full((self.height, self.width, 3), GREY, np.uint8)
        try:
            with Image.open(BytesIO(self._picture), formats=["WEBP", "PNG", "JPEG"]) as picture:
                return np.asarray(picture.convert("RGB"))
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise ClipError(f"the server sent a preview that is no picture: {error}") from None


def check_ending(path: Path) -> None:
    """Raises OutputError unless the path ends in .mp4, as servers send no other film."""
    if path.suffix.lower() != ".mp4":
        said = (
            f"{path} does not end in .mp4; a film of a server is saved as it came, marked and signed, for instance as"
        )
        raise OutputError(f"{said} {path.with_suffix('.mp4')}")


def _files_of(recipe: Recipe, clips: Sequence[Clip]) -> dict[str, File]:
    """The recipe's sources as files to send; clips as PNG, which keeps every pixel. Raises ClipError, RecipeError."""
    handed = [source for source in recipe.sources if not source.path]
    if len(handed) != len(clips):
        raise RecipeError(
            f"{len(handed)} of the recipe's sources are clips in memory, and {len(clips)} are handed over"
        )
    rest = iter(clips)
    files: dict[str, File] = {}
    for index, source in enumerate(recipe.sources):
        name, data = (Path(source.path).name, _bytes_of(source)) if source.path else ("clip.png", _as_png(next(rest)))
        files[f"sources[{index}]"] = (name, data, "application/octet-stream")
    return files


def _bytes_of(source: Source) -> bytes:
    path = Path(source.path)
    if path.is_dir():
        raise ClipError(f"{path} is a folder, which is not sent to a server; make a film of it first")
    most = read_settings().max_upload_mb
    try:
        if path.stat().st_size > most * 1e6:
            raise ClipError(f"{path} has over {most:g} MB, which KINEMA_MAX_UPLOAD_MB allows")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ClipError(f"there is no file {path}") from None
    except OSError as error:
        raise ClipError(f"{path} cannot be read: {error.strerror}") from None
    found = sha256(data).hexdigest()
    if source.sha256 not in (None, found):
        raise RecipeError(f"{path} is not what the recipe was made with (SHA-256 {found[:12]}…); bring that back")
    return data


def _as_png(clip: Clip) -> bytes:
    if clip.sound:
        raise ClipError("a clip in memory is sent without its sound; leave that out, or write the clip to a file first")
    with tempfile.TemporaryDirectory(prefix="kinema-") as folder:
        path = Path(folder) / "clip.png"
        write(iter([clip]), path)
        return path.read_bytes()


def _failure(video: Mapping[str, Any]) -> Exception:
    """Why a video ended otherwise than well, as the error that fits."""
    error = video.get("error") or {}
    said = error.get("message") or f"the server ended {video['id']} as {video['status']}, and does not say why"
    return in_kind(RemoteError(said, code=error.get("code")))


def _film(asked: Recipe, video: Mapping[str, Any], path: Path, *, named: bool) -> Film:
    """The film that lies in the file, with the recipe that it carries; of a private one, with what is known of it."""
    try:
        media = load(path)
    except ClipError as error:
        raise ClipError(
            f"the film is saved as {path}, but cannot be read here: {error}" if named else str(error)
        ) from None
    clip, told = media.clip, video.get("receipt") or {}
    known = {each.name: told[each.name] for each in fields(Receipt) if each.name in told}
    size = {"size": f"{clip.width}x{clip.height}", "width": None, "height": None, "shape": None, "upscale": None}
    recipe = recipe_of(media.about) or asked.changed(n=1, seed=video.get("seed"), **size)
    receipt = Receipt(**({"wall_s": 0.0, "energy_wh": 0.0, "co2_g": 0.0} | known))
    return Film(clip, recipe, path if named else None, receipt, tuple(told.get("notes") or ()))
