"""A visit to a server: the official client, the films that are asked for, and what was found."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Literal

import openai
from openai.types import Video

from kinema import media
from kinema.client import base_url, has_ended
from kinema.clip import Clip
from kinema.errors import RemoteError

NO_KEY = "none"
REQUEST_SECONDS, POLL_SECONDS = 120.0, 0.2
Verdict = Literal["holds", "does not", "not offered", "not tried"]
KEYS = (
    *("id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at", "prompt", "size"),
    *("seconds", "remixed_from_video_id", "error"),
)
"""All that a video object has, null where it is empty."""


class BrokenError(Exception):
    """The server does otherwise than the contract says."""


class AbsentError(Exception):
    """The server does not offer it."""


class UntriedError(Exception):
    """It could not be tried."""


@dataclass(frozen=True)
class Row:
    """What was asked, whether a server has to do it, and what was found."""

    group: str
    what: str
    needed: bool
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True)
class Check:
    """One question; `films` are the most that it makes, `ask` returns what is worth saying where it holds.

    `needed` where code for Sora cannot do without it; `quick` where it is asked on a short visit too.
    """

    group: str
    what: str
    ask: Callable[[Visit], str]
    needed: bool = False
    quick: bool = True
    films: int = 0


@dataclass
class Visit:
    """The client at a server; `first` and `second` are films that were made, for questions about films."""

    url: str
    api_key: str
    model: str | None = None
    seconds: str = "4"
    size: str = "720x1280"
    patience_s: float = 900.0
    first: Video | None = None
    second: Video | None = None
    told: dict[str, Any] = field(default_factory=dict)
    """What one question leaves for another: headers, bytes, a webhook."""
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.url = base_url(self.url)
        self.deadline = monotonic() + REQUEST_SECONDS
        self.client = self.client_with(self.api_key)

    def client_with(self, api_key: str) -> openai.OpenAI:
        """The official client with its own habits; it asks for nothing any more when its time is over."""
        bounded = openai.DefaultHttpxClient(event_hooks={"request": [self._in_time]})
        return openai.OpenAI(base_url=self.url, api_key=api_key, timeout=REQUEST_SECONDS, http_client=bounded)

    def _in_time(self, request: object) -> None:
        if monotonic() > self.deadline:
            raise TimeoutError

    def greet(self) -> None:
        """The server is there and lets us in. Raises RemoteError where it does not."""
        try:
            with unwarned():
                self.client.videos.list(limit=1)
        except openai.AuthenticationError as error:
            self.client.close()
            said = "does not know this key" if self.api_key != NO_KEY else "asks for a key"
            raise RemoteError(
                f"{self.url} {said}: {error.message}; give one with --api-key or KINEMA_API_KEY"
            ) from None
        except openai.APIConnectionError as error:
            self.client.close()
            raise RemoteError(f"{self.url} cannot be reached: {error.__cause__ or error}") from None
        except openai.OpenAIError:
            return  # whatever else is wrong has a row of its own

    def created(self) -> dict[str, Any]:
        """The first answer to a request for a film, as it came."""
        self.begun(self.first)
        return dict(self.told["created"])

    @property
    def wishes(self) -> dict[str, Any]:
        """What every film is asked for with."""
        said: dict[str, Any] = {"prompt": "a red dog jumps in the snow", "seconds": self.seconds, "size": self.size}
        return said | ({"model": self.model} if self.model else {})

    @property
    def area(self) -> tuple[int, int]:
        """Width and height of the films."""
        width, _, height = self.size.partition("x")
        return int(width), int(height)

    def film(self) -> Video:
        """The first film, whole. Raises UntriedError where there is none."""
        first = self.begun(self.first)
        if first.status != "completed":
            raise UntriedError("there is no film to try it on")
        return first

    def begun(self, video: Video | None) -> Video:
        """A film that was asked for. Raises UntriedError where the server did not take the request."""
        if video is None:
            raise UntriedError("no film could be asked for")
        return video

    def kept(self, video: Video) -> Video:
        """The video, which is deleted when the visit is over."""
        if not isinstance(video.id, str) or not video.id:
            raise BrokenError("the video has no id")
        if video.id not in self.made:
            self.made.append(video.id)
        return video

    def ended(self, video: Video, watch: Callable[[Video], None] | None = None) -> Video:
        """The video when it is completed. Raises BrokenError where it ends otherwise, or not in time."""
        until = monotonic() + self.patience_s
        while not has_ended({"status": video.status}):
            if monotonic() > until:
                raise BrokenError(f"it has not ended within {self.patience_s:g} s")
            sleep(POLL_SECONDS)
            video = self.client.videos.retrieve(video.id)
            if watch:
                watch(video)
        if video.status != "completed":
            said = video.error.message if video.error else "it does not say why"
            raise BrokenError(f"it ended as {video.status}: {said}")
        return video

    def completed(self, video: Video) -> Video:
        """The same, of a video that was just asked for."""
        return self.ended(self.kept(video))

    def clip_of(self, video: Video) -> Clip:
        """Its frames, from the bytes that the client downloads. Raises ClipError where they are no film."""
        return self.decoded(self.client.videos.download_content(video.id).read())

    def decoded(self, film: bytes) -> Clip:
        """The frames of a film's bytes."""
        with tempfile.TemporaryDirectory(prefix="kinema-") as folder:
            path = Path(folder) / "film.mp4"
            path.write_bytes(film)
            return media.load(path).clip

    def refused(self, ask: Callable[[], Any], *statuses: int) -> dict[str, Any]:
        """The error in the envelope of a request that has to be refused. Raises BrokenError where it is not."""
        try:
            answer = ask()
        except openai.APIStatusError as error:
            if error.status_code not in statuses:
                raise BrokenError(f"the answer is {error.status_code}, not {' or '.join(map(str, statuses))}") from None
            return envelope(error)
        if isinstance(answer, Video):
            self.kept(answer)
        raise BrokenError("it is not refused")


@contextmanager
def unwarned() -> Iterator[None]:
    """The client does not say at every call that Sora's API is deprecated: it is what we came for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The Sora API", DeprecationWarning)
        yield


def envelope(error: openai.APIStatusError) -> dict[str, Any]:
    """What is inside an error's envelope. Raises BrokenError where it is not one."""
    try:
        inner = error.response.json()["error"]
        lacks = [name for name in ("message", "type", "param", "code") if name not in inner]
    except (ValueError, KeyError, TypeError):
        raise BrokenError(f'the {error.status_code} has no {{"error": …}} around it') from None
    if lacks or not inner["message"]:
        raise BrokenError(f"the error lacks its {', '.join(lacks) or 'message'}")
    return inner


def expect(condition: bool, otherwise: str) -> None:
    """Raises BrokenError, which says what is found instead, unless the condition is true."""
    if not condition:
        raise BrokenError(otherwise)
