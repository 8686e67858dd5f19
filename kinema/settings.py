"""What the environment may set: one class, every variable begins with KINEMA_.

It stands alone and lowest, so that every layer reads limits and places from here and no layer reads the environment.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from kinema.errors import SettingsError


class Settings(BaseSettings):
    """Places, limits and the machine's declared properties, as the environment has them at this moment."""

    model_config = SettingsConfigDict(env_prefix="KINEMA_", frozen=True)

    home: Path = Field(default_factory=lambda: user_data_path("kinema"), description="everything that Kinema keeps")
    weights: Path | None = Field(None, description="a folder of native networks to use instead of the embedded one")
    precision: Literal["auto", "bf16", "f32"] = Field("auto", description="numbers that the networks are run in")
    threads: int | None = Field(None, ge=1, le=1024, description="threads of a network; all cores where unset")
    watts: float = Field(30.0, gt=0, description="what the machine draws while it works, as declared by its owner")
    grams_per_kwh: float = Field(445.0, ge=0, description="CO2 of the electricity; the world's mean in 2024 (IEA)")
    grid: str | None = Field(None, description="where grams_per_kwh comes from and of which year, where it is set")
    watermark: bool = Field(True, description="films are marked invisibly")
    credentials: bool = Field(True, description="films are signed with Content Credentials")
    registry: bool = Field(True, description="films are remembered by fingerprints, so that pieces of them are known")
    certificate: Path | None = Field(None, description="certificates (PEM) to sign films with; else this machine's own")
    certificate_key: Path | None = Field(None, description="the private key (PEM) of that certificate")
    anchors: Path | None = Field(None, description="certificates (PEM) whose films are trusted beside this machine's")
    timestamp_url: str | None = Field(
        None, pattern=r"^https?://[^\s/]+\S*$", description="address of a time authority (RFC 3161) that stamps films"
    )
    timestamp_anchors: Path | None = Field(None, description="certificates (PEM) of time authorities that are believed")
    max_seconds: float = Field(60.0, gt=0, description="the longest film")
    max_side_px: int = Field(512, ge=16, description="the largest width or height that a model makes")
    max_film_side_px: int = Field(2048, ge=16, description="the largest width or height of a film as it is written")
    max_fps: int = Field(60, ge=1, description="the highest rate")
    max_steps: int = Field(200, ge=1, description="the most steps of the solver")
    max_films: int = Field(64, ge=1, description="the most films of one request")
    max_file_mb: float = Field(4096, gt=0, description="the largest media file that is read, in millions of bytes")
    max_file_side_px: int = Field(8192, ge=1, description="the largest width or height of a media file that is read")
    max_file_seconds: float = Field(600, gt=0, description="the longest media file that is read")
    max_file_frames: int = Field(36_000, ge=1, description="the most frames of a media file that is read")
    max_clip_mb: float = Field(2048, gt=0, description="the memory of one clip that is read, in millions of bytes")
    max_decode_seconds: float = Field(120, gt=0, description="the longest time that reading a media file may take")
    database: str | None = Field(None, description="SQL database of a server, by URL; else SQLite under KINEMA_HOME")
    films: str | None = Field(None, description="where a server keeps films, an fsspec URL; else under KINEMA_HOME")
    aliases: dict[str, str] = Field(
        {"sora-2": "native", "sora-2-pro": "native"}, description="names that a server's models go by too, as JSON"
    )
    keep_days: float = Field(30, gt=0, le=36_500, description="how long a server keeps a film")
    max_upload_mb: float = Field(512, gt=0, description="the largest request that a server takes, in millions of bytes")
    max_request_seconds: float = Field(600, gt=0, description="the longest time that sending a request may take")
    max_silence_seconds: float = Field(
        30, gt=0, description="the longest time that nothing may come in the middle of a request, and its head may take"
    )
    fetch: bool = Field(False, description="a server fetches pictures from http and https addresses")
    private_addresses: bool = Field(
        False, description="a server speaks to private addresses too, for such and webhooks"
    )
    lease_seconds: float = Field(
        15, ge=1, description="after so long without a sign of life a worker's job is given on"
    )
    drain_seconds: float = Field(60, ge=0, description="how long a worker that is to stop may go on with its film")
    api_key: str | None = Field(None, repr=False, description="the key that the server of --server is shown")
    remote: str | None = Field(None, description="address of the server that the backend 'remote' has films made by")
    remote_key: str | None = Field(None, repr=False, description="the key that this server is shown")
    remote_model: str | None = Field(None, description="the model of that server, by its name there; else its own")
    remote_size: str = Field(
        "1280x720", pattern="^[1-9][0-9]{1,3}x[1-9][0-9]{1,3}$", description="the size that it makes by itself"
    )
    review: Literal["off", "sampled", "all"] = Field(
        "sampled", description="which frames of films and uploads are looked at: one a second and every cut, or all"
    )
    review_heads: Path | None = Field(None, description="your own heads for the frame review ('kinema review train')")
    max_review_seconds: float = Field(300, gt=0, description="the longest time that looking at one film may take")
    policy_review: Literal["allow", "refuse"] = Field(
        "allow", description="what is done where the policy asks for review"
    )
    appeal: str = Field(
        "to appeal, run 'kinema report' with the prompt or write to whoever runs this installation",
        min_length=1,
        max_length=300,
        description="how a refusal is appealed, in words that a person reads",
    )


def read_settings() -> Settings:
    """The settings as the environment has them now. Raises SettingsError naming the variable."""
    return _settings(tuple(os.environ.items()))


@lru_cache(maxsize=8)
def _settings(environment: tuple[tuple[str, str], ...]) -> Settings:
    """The settings of this environment, which is that of now: to read them takes 7 ms, and a film asks 26 times."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        meaning = Settings.model_fields[name].description
        said = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        raise SettingsError(
            f"KINEMA_{name.upper()} is {first['input']!r} ({meaning}): {said}; mend or unset it"
        ) from None
    except UnreadableError:
        found = os.environ.get("KINEMA_ALIASES", "")
        said = f"KINEMA_ALIASES is {found!r}, which is no JSON; mend or unset it: "
        raise SettingsError(said + 'it looks like {"sora-2": "native"}') from None
