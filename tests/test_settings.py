"""What the environment may set, and what it is told when it sets nonsense."""

from pathlib import Path

import pytest

from kinema.errors import SettingsError
from kinema.settings import Settings, read_settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KINEMA_THREADS", "none"),
        ("KINEMA_THREADS", "0"),
        ("KINEMA_PRECISION", "f8"),
        ("KINEMA_WATTS", "-1"),
        ("KINEMA_MAX_SECONDS", "0"),
        ("KINEMA_MAX_SIDE_PX", "tall"),
        ("KINEMA_MAX_FPS", ""),
        ("KINEMA_ALIASES", "sora-2"),
    ],
)
def test_nonsense_names_the_variable_and_the_value(variable: str, value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as raised:
        read_settings()
    assert str(raised.value).startswith(f"{variable} is {value!r}")


def test_home_follows_the_environment_and_else_xdg(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINEMA_HOME", "/somewhere")
    assert read_settings().home == Path("/somewhere")
    monkeypatch.delenv("KINEMA_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert read_settings().home.name == "kinema"


def test_every_setting_is_described():
    assert all(field.description for field in Settings.model_fields.values())
