"""Questions about errors, repeated requests, models, webhooks, deletion, and what Kinema has beyond Sora."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import openai
from openai.types import Video

from kinema.conformance.visit import AbsentError, Check, UntriedError, Visit, envelope, expect

HOOK_SECONDS = 20.0
LONGEST_PROMPT = 32_000


def _wrong(visit: Visit, name: str, value: Any) -> str:
    """A request with one field wrong is refused with 400, and the error names the field."""
    wishes = visit.wishes | {name: value}
    if value is None:
        del wishes[name]
    error = visit.refused(lambda: visit.client.post("/videos", body=wishes, cast_to=Video), 400)
    expect(error["param"] == name, f"param is {error['param']!r}, not {name!r}")
    return str(error["message"])[:80]


def _model(visit: Visit) -> str:
    wishes = visit.wishes | {"model": f"no-such-model-{secrets.token_hex(3)}"}
    error = visit.refused(lambda: visit.client.videos.create(**wishes), 400, 404)
    expect(bool(error["code"]), "the error has no code")
    return f"{error['code']}"


def _stranger(visit: Visit, ask: Callable[[str], Any]) -> str:
    visit.refused(lambda: ask(f"video_{secrets.token_hex(12)}"), 404)
    return ""


def _unknown_id(visit: Visit) -> str:
    for ask in (visit.client.videos.retrieve, visit.client.videos.download_content, visit.client.videos.delete):
        _stranger(visit, ask)
    return "retrieve, content, delete"


def _wrong_key(visit: Visit) -> str:
    with visit.client_with(f"sk-wrong-{secrets.token_hex(8)}") as client:
        try:
            client.videos.list(limit=1)
        except openai.AuthenticationError as error:
            return str(envelope(error)["code"] or "")
    raise UntriedError("the server asks for no key")


def _one_key(visit: Visit) -> str:
    headers = {"Idempotency-Key": secrets.token_hex(12)}
    first, second = (visit.kept(visit.client.videos.create(**visit.wishes, extra_headers=headers)) for _ in range(2))
    if first.id != second.id:
        raise AbsentError("two requests with one Idempotency-Key made two films")
    other = visit.wishes | {"prompt": "a blue boat"}
    visit.refused(lambda: visit.client.videos.create(**other, extra_headers=headers), 409)
    return "and another request with it is 409"


def _models(visit: Visit) -> str:
    names = [model.id for model in visit.client.models.list()]
    expect(bool(names), "the list is empty")
    expect(visit.client.models.retrieve(names[0]).id == names[0], "the one that is asked for is another")
    return ", ".join(names[:4])


def _provenance(visit: Visit) -> str:
    film = visit.told.get("film")
    if not film:
        raise UntriedError("there is no film to send")
    check = visit.client.content_provenance_checks.create(file=("film.mp4", film, "video/mp4"))
    expect(bool(check.results), "no witness speaks")
    return ", ".join(f"{each.type} {each.outcome}" for each in check.results)


def _cancel(visit: Visit) -> str:
    video = visit.kept(visit.client.videos.create(**visit.wishes))
    stopped = visit.client.post(f"/videos/{video.id}/cancel", cast_to=Video)
    if stopped.status == "completed":
        raise UntriedError("the film was whole before it could be stopped; try a longer one")
    expect(stopped.status == "cancelled", f"it is {stopped.status}")
    return ""


def _events(visit: Visit) -> str:
    told = visit.client.get(f"/videos/{visit.film().id}/events", cast_to=str)
    kinds = [line.removeprefix("event: ") for line in told.splitlines() if line.startswith("event: ")]
    expect(kinds[-1:] == ["completed"], f"the last event is {kinds[-1:] or 'none'}")
    return ", ".join(dict.fromkeys(kinds))


class Ear:
    """Listens on this machine for what a webhook is sent."""

    def __init__(self) -> None:
        heard: Queue[tuple[bytes, dict[str, str]]] = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                heard.put((body, dict(self.headers)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.heard = heard
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def hears(self, video_id: str) -> tuple[bytes, dict[str, str]]:
        """Body and headers of what is told of that video; others of the same key are passed over."""
        until = monotonic() + HOOK_SECONDS
        while (left := until - monotonic()) > 0:
            try:
                body, headers = self.heard.get(timeout=left)
            except Empty:
                break
            if json.loads(body)["data"]["id"] == video_id:
                return body, headers
        raise UntriedError(f"nothing of the film came within {HOOK_SECONDS:g} s")

    def close(self) -> None:
        """Nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()


def _hook(visit: Visit) -> str:
    """A webhook is made before a film ends and heard after it; one machine is needed for both to be reached."""
    host = urlsplit(visit.url).hostname or ""
    if host != "localhost" and not _is_loopback(host):
        raise UntriedError("the server is elsewhere, and could not reach this machine")
    ear = Ear()
    try:
        try:
            hook = visit.client.webhooks.create(name="conformance", url=ear.url, event_types=["video.completed"])
        except openai.BadRequestError as error:
            raise UntriedError(f"it does not speak to this machine: {envelope(error)['message']}"[:160]) from None
        try:
            video = visit.completed(visit.client.videos.create(**visit.wishes))
            body, headers = ear.hears(video.id)
        finally:
            visit.client.webhooks.delete(hook.id)
    finally:
        ear.close()
    visit.client.webhooks.verify_signature(body, headers, secret=hook.signing_secret)
    event = json.loads(body)
    expect(event.get("type") == "video.completed" and event.get("object") == "event", f"the event is {event}")
    return "signed as Standard Webhooks are"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _delete(visit: Visit) -> str:
    video = visit.film()
    gone = visit.client.videos.delete(video.id)
    visit.made.remove(video.id)
    visit.first = None
    expect(gone.id == video.id, f"id is {gone.id!r}")
    expect(gone.deleted is True and gone.object == "video.deleted", f"it answers {gone.object!r}, {gone.deleted!r}")
    visit.refused(lambda: visit.client.videos.retrieve(video.id), 404)
    return ""


CHECKS = (
    Check("errors", "no prompt", partial(_wrong, name="prompt", value=None), needed=True),
    Check("errors", "a prompt that is too long", partial(_wrong, name="prompt", value="a " * LONGEST_PROMPT)),
    Check("errors", "a size that is none", partial(_wrong, name="size", value="large"), needed=True),
    Check("errors", "seconds that are none", partial(_wrong, name="seconds", value="long"), needed=True),
    Check("errors", "a model that is unknown", _model, needed=True),
    Check("errors", "an id that is unknown", _unknown_id, needed=True),
    Check("errors", "a key that is wrong", _wrong_key),
    Check("repeated", "one Idempotency-Key, one film", _one_key, quick=False, films=2),
    Check("models", "list and retrieve", _models),
    Check("beyond Sora", "provenance checks", _provenance),
    Check("beyond Sora", "events", _events),
    Check("beyond Sora", "cancel", _cancel, quick=False, films=1),
    Check("webhooks", "told when a film is completed", _hook, quick=False, films=1),
    Check("delete", "a film, which is gone then", _delete, needed=True),
)
