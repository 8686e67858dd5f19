"""Every error that a person can meet, in one tree.

    KinemaError                    exit code 1
    ├── UsageError                 exit code 2: the request itself is wrong; another request would work
    │   ├── PromptError            the sentence is empty, too long or unreadable
    │   ├── SizeError              a width or height off the grid or beyond the limits
    │   ├── DurationError          seconds, frames or rate of no use or beyond the limits
    │   ├── RecipeError            any other part of a request
    │   └── SettingsError          an environment variable that cannot be understood
    ├── ClipError                  frames or a media file that cannot be read
    ├── OutputError                a film that cannot be written
    ├── CheckpointError            weights that are missing, truncated, foreign or altered
    ├── BackendError               a backend that cannot do what is asked of it
    ├── RefusedError               exit code 3: what the policy or a review does not allow
    ├── TrustError                 a mark, a credential or a registry that cannot be made or read
    ├── ExtraMissingError          a part of Kinema that is not installed
    ├── WorldError                 a scene of the pocket world that does not exist
    ├── DataError                  shards or a manifest that do not hold what they say
    ├── TrainingError              a training run that cannot start, go on or resume
    ├── EvaluationError            an evaluation that cannot be made
    ├── ServeError                 a server that cannot start, or what it keeps that cannot be used
    └── RemoteError                a server elsewhere that cannot be reached, or what it answers

A message is one line: what was wrong, the value, what is allowed, and the nearest fix.
"""


class KinemaError(Exception):
    """Something a person can put right; the message says how."""

    exit_code = 1


class UsageError(KinemaError):
    """The request itself is wrong; `part` is the name of the part that is, where it is known."""

    exit_code = 2

    def __init__(self, message: str, *, part: str | None = None) -> None:
        super().__init__(message)
        self.part = part


class PromptError(UsageError):
    """The prompt is empty, too long or unreadable."""


class SizeError(UsageError):
    """A width or height is off the grid or beyond the limits."""


class DurationError(UsageError):
    """Seconds, frames or frames per second are of no use or beyond the limits."""


class RecipeError(UsageError):
    """A part of the request other than prompt, size and duration is wrong."""


class SettingsError(UsageError):
    """An environment variable holds a value that Kinema cannot use."""


class ClipError(KinemaError):
    """Frames do not make a clip, or a file holds no readable media."""


class OutputError(KinemaError):
    """A film cannot be written where or as it was asked for."""


class CheckpointError(KinemaError):
    """Weights are missing, truncated, altered or not Kinema's."""


class BackendError(KinemaError):
    """A backend cannot do what is asked of it."""


class RefusedError(KinemaError):
    """A prompt, an upload or a film is not allowed; the message says why and how to appeal."""

    exit_code = 3

    def __init__(self, message: str, category: str) -> None:
        super().__init__(message)
        self.category = category


class TrustError(KinemaError):
    """A mark, a credential, a key or the registry cannot be made or read."""


class ExtraMissingError(KinemaError):
    """A part of Kinema is needed that is not installed."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs the extra '{extra}': pip install 'kinema[{extra}]'")
        self.extra = extra


class WorldError(KinemaError):
    """A scene, object, place or word is not in the pocket world."""


class DataError(KinemaError):
    """Shards or their manifest do not hold what they say."""


class TrainingError(KinemaError):
    """A training run cannot start, go on or resume."""


class EvaluationError(KinemaError):
    """An evaluation cannot be made."""


class ServeError(KinemaError):
    """A server cannot start, or what it keeps cannot be used."""


class RemoteError(KinemaError):
    """A server elsewhere cannot be reached, or answers with an error, whose status, code and parameter are kept."""

    def __init__(self, message: str, *, status: int = 0, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param
