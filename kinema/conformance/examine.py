"""All questions, one after the other, and what was found; the films that were made for them are deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import monotonic

import openai
from openai.types import Video

from kinema.conformance import around, deriving, making
from kinema.conformance.visit import AbsentError, BrokenError, Check, Row, UntriedError, Verdict, Visit, unwarned
from kinema.errors import ClipError

CHECKS: tuple[Check, ...] = (*making.CHECKS, *deriving.CHECKS, *around.CHECKS)
NOT_OFFERED = (404, 405, 501)
MOST_CHARS = 160


def chosen(quick: bool) -> tuple[Check, ...]:
    """The questions of a visit."""
    return tuple(check for check in CHECKS if check.quick or not quick)


def films_of(checks: Sequence[Check]) -> int:
    """The most films that are made for these questions by a server that refuses what it has to refuse."""
    return sum(check.films for check in checks)


def holds(rows: Sequence[Row]) -> bool:
    """Whether a server does all that code for Sora cannot do without."""
    return all(row.verdict == "holds" for row in rows if row.needed)


def examine(visit: Visit, checks: Sequence[Check], told: Callable[[Check], None] | None = None) -> Iterator[Row]:
    """A row for each question, as it is answered; `told` hears of each before it is asked."""
    with unwarned():
        try:
            for check in checks:
                if told:
                    told(check)
                yield _row(visit, check)
        finally:
            _tidy(visit)


def _row(visit: Visit, check: Check) -> Row:
    visit.deadline = monotonic() + visit.patience_s
    verdict, why = _found(visit, check)
    return Row(check.group, check.what, check.needed, verdict, " ".join(why.split())[:MOST_CHARS])


def _found(visit: Visit, check: Check) -> tuple[Verdict, str]:
    try:
        return "holds", check.ask(visit)
    except BrokenError as broken:
        return "does not", str(broken)
    except AbsentError as absent:
        return "not offered", str(absent)
    except UntriedError as untried:
        return "not tried", str(untried)
    except openai.APIStatusError as error:
        verdict: Verdict = "not offered" if error.status_code in NOT_OFFERED else "does not"
        return verdict, f"{error.status_code}: {_message(error)}"
    except TimeoutError:
        return "does not", "it takes too long"
    except openai.APIConnectionError as error:
        return "does not", f"the connection breaks: {error.__cause__ or error}"
    except openai.OpenAIError as error:
        return "does not", str(error)
    except ClipError as error:
        return "does not", f"what came is no film: {error}"
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # an answer of another shape than the client's
        return "does not", f"the answer cannot be used: {type(error).__name__}: {error}"


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    return str(body.get("message", body)) if isinstance(body, dict) else error.message


def _tidy(visit: Visit) -> None:
    """No film of the visit is left on the server, where it lets them be deleted."""
    visit.deadline = monotonic() + visit.patience_s
    for id in visit.made:
        try:
            _gone(visit, id)
        except (openai.OpenAIError, TimeoutError):
            continue  # what cannot be deleted has its own row in the table
    visit.client.close()


def _gone(visit: Visit, id: str) -> None:
    """The film is deleted, and stopped before where it is still being made."""
    try:
        visit.client.videos.delete(id)
    except openai.BadRequestError:
        visit.client.post(f"/videos/{id}/cancel", cast_to=Video)
        visit.client.videos.delete(id)
