"""Requests of the Videos API as recipes: theirs, and whole recipes for every task.

A source is never a path of the server: it is a film of the asker, an upload or a data: URL, and stays so here; the
recipe names the places 1, 2, … of these in `media`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from kinema.errors import PromptError, RecipeError
from kinema.how import HOWS
from kinema.recipe import Recipe, Source

NOT_OURS = {"sources", "configuration", "made_frames", "made_fps"}
"""Parts of a recipe that a request does not say in this way."""
EXTRAS = {"input_reference", "characters", "max_energy_wh", "private", "strength", "direction", "mask", "video"}
MAX_NAME_CHARS, MAX_CHARACTERS, MAX_FILMS, MAX_CONSENT_CHARS = 80, 2, 16, 300
PURPOSES = ("vision", "user_data", "assistants")
"""What the official client may say a file is for, as far as films and pictures are."""
FILE_SECONDS = (3600, 30 * 86_400)
"""The shortest and the longest time after which a file may be asked to expire."""
_REFERENCES = ("id", "file_id", "image_url", "url")


@dataclass(frozen=True)
class Medium:
    """A film or picture that a request brings: an upload (whatever the server's form reader made of it), or a name.

    `id` is that of a film of the asker, `file` that of a file that was uploaded before.
    """

    upload: Any = None
    id: str | None = None
    file: str | None = None
    url: str | None = None
    param: str = "sources"


@dataclass(frozen=True)
class Ask:
    """What a request asks for: a recipe whose sources' paths are the places, from 1 on, of its media.

    `model` is what was asked for by name, whatever it stands for; `characters` are their ids.
    """

    recipe: Recipe
    media: tuple[Medium, ...] = ()
    model: str | None = None
    max_energy_wh: float | None = None
    private: bool = False
    remixed_from: str | None = None
    characters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Character:
    """A name and the clip of whom it names, and who agreed to a real face in it."""

    name: str
    clip: Medium
    consent: str = ""


@dataclass(frozen=True)
class Upload:
    """A film or picture that is to be kept under an id; it expires after so many seconds where it says so."""

    medium: Medium
    purpose: str
    seconds: int | None = None
    consent: str = ""


@dataclass(frozen=True)
class Complaint:
    """What is reported, a prompt or a film, and why."""

    prompt: str = ""
    film: Medium | None = None
    why: str = ""


def read_create(fields: Mapping[str, Any]) -> Ask:
    """POST /videos: theirs, or a whole recipe. Raises the KinemaError that fits what is wrong."""
    told = {name: value for name, value in fields.items() if value is not None}
    media = [_medium(each, "sources") for each in _list(told.pop("sources", []), "sources")]
    for name, task in (("input_reference", "animate"), ("video", None)):
        if name in told:
            media.insert(0, _medium(told.pop(name), name))
            if task:
                told.setdefault("task", task)
    if "mask" in told:
        media.append(_medium(told.pop("mask"), "mask"))
    _check_prompt(told, needed=not media and told.get("task") != "storyboard")
    return _asked(told, media)


def read_edit(fields: Mapping[str, Any]) -> Ask:
    """POST /videos/edits: the film made anew from itself; `strength` is ours."""
    return _of_video(fields, "remix")


def read_extend(fields: Mapping[str, Any]) -> Ask:
    """POST /videos/extensions: so many seconds more; `direction` is ours."""
    if fields.get("seconds") is None:
        raise RecipeError(
            "the request lacks its seconds: how much longer the film becomes, such as '4'", part="seconds"
        )
    return _of_video(fields, "extend")


def read_remix(fields: Mapping[str, Any], video_id: str) -> Ask:
    """POST /videos/{id}/remix."""
    if "video" in fields:
        raise RecipeError("a remix is of the film in its address; leave out video", part="video")
    return _of_video({**fields, "video": {"id": video_id}}, "remix")


def read_character(fields: Mapping[str, Any]) -> Character:
    """POST /videos/characters."""
    strange = set(fields) - {"name", "video", "consent"}
    if strange:
        first = sorted(strange)[0][:40]
        raise RecipeError(f"a character has no part '{first}'; it has name, video and consent", part=first)
    name = fields.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise RecipeError(f"name should be a text of 1 to {MAX_NAME_CHARS} characters", part="name")
    if fields.get("video") is None:
        raise RecipeError("the request lacks its video: a short clip of the character", part="video")
    return Character(name.strip(), _medium(fields["video"], "video"), _consent(fields))


def read_upload(fields: Mapping[str, Any]) -> Upload:
    """POST /files, as the official client's files.create sends it; `consent` is ours."""
    told = {name: value for name, value in fields.items() if value is not None}
    strange = set(told) - {"file", "purpose", "expires_after", "consent"}
    if strange:
        first, said = sorted(strange)[0][:40], "it has file, purpose, expires_after and consent"
        raise RecipeError(f"a file has no part '{first}'; {said}", part=first)
    if "file" not in told:
        raise RecipeError("the request lacks its file: a film or picture", part="file")
    medium = _medium(told["file"], "file")
    if medium.id or medium.file:
        raise RecipeError(
            "file is here already; bring a new one, or name this one by its id where a film starts from it",
            part="file",
        )
    purpose = told.get("purpose")
    if purpose not in PURPOSES:
        said = (
            "the request lacks its purpose" if purpose is None else f"purpose {str(purpose)[:40]!r} is of no use here"
        )
        said += f"; files are films and pictures to start from: {' or '.join(PURPOSES)}"
        raise RecipeError(said, part="purpose")
    return Upload(medium, str(purpose), _expiry(told.get("expires_after")), _consent(told))


def read_report(fields: Mapping[str, Any]) -> Complaint:
    """POST /reports: about a prompt, or about a film by its id or as a file."""
    told = {name: value for name, value in fields.items() if value is not None}
    strange = set(told) - {"prompt", "video", "why"}
    if strange:
        first = sorted(strange)[0][:40]
        raise RecipeError(f"a report has no part '{first}'; it has prompt or video, and why", part=first)
    if ("prompt" in told) == ("video" in told):
        said = "both" if "video" in told else "neither"
        raise RecipeError(f"a report is of a prompt or of a video, and this one names {said}", part="video")
    for name in ("prompt", "why"):
        if not _is_text(told.get(name, "")):
            raise RecipeError(f"{name} should be a text", part=name)
    film = _medium(told["video"], "video") if "video" in told else None
    if film and film.file:
        raise RecipeError("a report is of a film: name it by its id, or bring it as a file", part="video")
    return Complaint(told.get("prompt", ""), film, told.get("why", ""))


def _expiry(value: Any) -> int | None:
    """The seconds of {"anchor": "created_at", "seconds": 3600}, as the client gives them."""
    if value is None:
        return None
    seconds = value.get("seconds") if isinstance(value, Mapping) else None
    shortest, longest = FILE_SECONDS
    whole = int(seconds) if isinstance(seconds, int | str) and re.fullmatch(r"[0-9]{1,9}", str(seconds)) else 0
    if not isinstance(value, Mapping) or value.get("anchor") != "created_at" or not shortest <= whole <= longest:
        raise RecipeError(
            f'expires_after should be {{"anchor": "created_at", "seconds": …}} with {shortest} to {longest} seconds',
            part="expires_after",
        )
    return whole


def _consent(fields: Mapping[str, Any]) -> str:
    consent = fields.get("consent") or ""
    if not isinstance(consent, str) or len(consent) > MAX_CONSENT_CHARS:
        said = f"consent should be a text of at most {MAX_CONSENT_CHARS} characters: who agreed, and how"
        raise RecipeError(said, part="consent")
    return consent


def _of_video(fields: Mapping[str, Any], task: str) -> Ask:
    told = {name: value for name, value in fields.items() if value is not None}
    wrong = next((name for name in ("sources", "input_reference") if name in told), None)
    if wrong or told.get("task", task) != task:
        said = f"this address makes a {task} of one video; POST /videos takes whole recipes"
        raise RecipeError(said, part=wrong or "task")
    if "video" not in told:
        raise RecipeError(
            'the request lacks its video: a file, or the id of one of yours as {"id": "video_…"}', part="video"
        )
    medium = _medium(told.pop("video"), "video")
    _check_prompt(told, needed=True)
    return _asked(told | {"task": task}, [medium], remixed_from=medium.id)


def _asked(told: dict[str, Any], media: list[Medium], remixed_from: str | None = None) -> Ask:
    known = (set(Recipe.model_fields) - NOT_OURS) | EXTRAS
    strange = sorted(set(told) - known)
    if strange:
        said = f"a request has no part '{strange[0][:40]}'; it has {', '.join(sorted(known | {'sources'}))}"
        raise RecipeError(said, part=strange[0][:40])
    characters = tuple(_character(each) for each in _list(told.pop("characters", []), "characters"))
    if len(characters) > MAX_CHARACTERS:
        said = f"{len(characters)} characters are too many; at most {MAX_CHARACTERS} are taken"
        raise RecipeError(said, part="characters")
    energy = _positive(told.pop("max_energy_wh", None), "max_energy_wh")
    private = _flag(told.pop("private", False), "private")
    model = told.pop("model", None)
    if model is not None and (not isinstance(model, str) or not 0 < len(model) <= 100 or not model.isprintable()):
        raise RecipeError("model should be the name of one, such as sora-2; GET /v1/models lists them", part="model")
    if not isinstance(told.get("task", ""), str):
        raise RecipeError("task should be the name of one, such as generate", part="task")
    _gather_how(told)
    sources = tuple(Source(path=str(place)) for place in range(1, len(media) + 1))
    recipe = Recipe.model_validate(told | {"sources": sources})
    if recipe.n > MAX_FILMS:
        raise RecipeError(f"{recipe.n} films are too many; at most {MAX_FILMS} are made of one request", part="n")
    if recipe.task == "remix" and remixed_from is None and media:
        remixed_from = media[0].id
    return Ask(recipe, tuple(media), model, energy, private, remixed_from, characters)


def _gather_how(told: dict[str, Any]) -> None:
    """strength and direction, said beside the prompt, belong to the task's own options."""
    for name in ("strength", "direction"):
        if name not in told:
            continue
        task = told.get("task")
        if not isinstance(task, str) or task not in HOWS or name not in HOWS[task].model_fields:
            raise RecipeError(f"{task or 'generate'} has no {name}; leave it out", part=name)
        how = told.setdefault("how", {})
        if not isinstance(how, dict) or name in how:
            raise RecipeError(f"{name} is said twice, by itself and in how; say it once", part=name)
        how[name] = told.pop(name)


def _check_prompt(told: Mapping[str, Any], *, needed: bool) -> None:
    prompt = told.get("prompt", "")
    if not isinstance(prompt, str):
        raise PromptError(f"prompt {str(prompt)[:40]!r} should be a text")
    if needed and not prompt.strip():
        raise PromptError("the request lacks its prompt; say what should be seen, such as 'a red ball bounces'")


def _medium(value: Any, param: str) -> Medium:
    """What a request means by a file, an object or a text. Raises RecipeError."""
    no_use = f"{param} should be a file, or an object with one of {', '.join(_REFERENCES)}"
    if isinstance(value, str):
        if value.startswith(("data:", "http:", "https:")):
            return Medium(url=value, param=param)
        raise RecipeError(no_use, part=param)
    if not isinstance(value, Mapping):
        if hasattr(value, "read"):
            return Medium(upload=value, param=param)
        raise RecipeError(no_use, part=param)
    given = [name for name in value if value[name] is not None]
    if len(given) != 1 or given[0] not in _REFERENCES:
        said = ", ".join(map(str, given))[:60] or "nothing"
        raise RecipeError(f"{param} should hold exactly one of {', '.join(_REFERENCES)}; it holds {said}", part=param)
    name = given[0]
    reference = value[name]
    if not reference or not _is_text(reference):
        raise RecipeError(f"{param}.{name} should be a text", part=param)
    if name == "file_id":
        return Medium(file=reference, param=param)
    return Medium(id=reference, param=param) if name == "id" else Medium(url=reference, param=param)


def _is_text(value: Any) -> TypeGuard[str]:
    """Whether it is a text of whole letters: JSON can say half of one, which no database takes and no answer holds."""
    return isinstance(value, str) and not re.search(r"[\ud800-\udfff]", value)


def _character(value: Any) -> str:
    if not isinstance(value, Mapping) or set(value) != {"id"} or not isinstance(value["id"], str):
        raise RecipeError('a character is given as {"id": "char_…"}', part="characters")
    return value["id"]


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise RecipeError(f"{name} should be a list", part=name)
    return value


def _positive(value: Any, name: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < 1e9:
        raise RecipeError(f"{name} {str(value)[:40]!r} should be a number above 0", part=name)
    return number


def _flag(value: Any, name: str) -> bool:
    if value in (True, "true", "True", "1"):
        return True
    if value in (False, "false", "False", "0"):
        return False
    raise RecipeError(f"{name} {str(value)[:40]!r} should be true or false", part=name)
