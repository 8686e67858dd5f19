"""Progress and previews as a person in a terminal sees them, and as nobody does in a pipe."""

import io
import json
import os
import pty
import select
import struct
import subprocess
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinema.backends import Step
from kinema.cli import pace, terminal
from kinema.cli.preview import half_blocks, iterm2, kitty, protocol, sixel
from kinema.cli.progress import Progress, duration
from kinema.cli.sheet import contact_sheet
from kinema.clip import Clip
from kinema.recipe import Recipe

ROOT = Path(__file__).parent.parent
PROMPT = "a red dog jumps in the snow."


def frame(height: int = 32, width: int = 48) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)


def in_terminal(
    arguments: list[str], columns: int = 80, answer: bytes = b"", environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit code and everything that `kinema` writes into a terminal of that width, which answers DA1 so."""
    import fcntl
    import termios

    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from kinema.cli import main; main({arguments!r})"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    telling = ("TMUX", "TERM_PROGRAM", "KITTY_WINDOW_ID")
    plain = {name: value for name, value in os.environ.items() if name not in telling}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs, stdout=theirs, stderr=theirs, env=plain | {"TERM": "xterm-256color"} | (environment or {}),
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while True:
        if not select.select([ours], [], [], 60)[0]:
            process.kill()
            break
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        said += part
        if b"\x1b[c" in part and answer:
            os.write(ours, answer)
    os.close(ours)
    return process.wait(), said.decode(errors="replace")


def lines(said: str) -> list[str]:
    """What stood in the terminal's last line, one after the other."""
    return [part.removeprefix("\x1b[2K") for part in said.replace("\n", "\r").split("\r") if part]


FILM = ["generate", PROMPT, "--as-is", "--seconds", "1", "--seed", "3", "-o", "a.gif"]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_a_terminal_shows_what_remains_and_is_left_tidy(tiny_model: Path, elsewhere: None, columns: int):
    code, said = in_terminal(FILM, columns)
    shown = lines(said)
    assert code == 0
    assert shown[0] == "getting ready" and any("left" in line or "done" in line or "/3" in line for line in shown)
    assert all(len(line) < columns for line in shown[:-1])
    assert said.endswith("\r\x1b[2K" + shown[-1] + "\r\n") and shown[-1].startswith("a.gif · seed 3 · ")


def test_an_old_terminal_gets_letters_that_it_has(tiny_model: Path, elsewhere: None):
    code, said = in_terminal([*FILM, "--preview"], environment={"PYTHONIOENCODING": "iso8859-5"})
    assert code == 0 and "#" in said and "a.gif - seed 3 - " in said
    assert "█" not in said and "▀" not in said


def test_a_dumb_terminal_gets_no_escapes(tiny_model: Path, elsewhere: None):
    code, said = in_terminal([*FILM, "--preview"], environment={"TERM": "dumb"})
    assert code == 0 and "\x1b" not in said and len(lines(said)) == 1


@pytest.mark.parametrize(
    ("environment", "answer", "drawn"),
    [
        ({}, b"\x1b[?62;22c", "▀"),
        ({}, b"\x1b[?62;4;22c", "\x1bPq"),
        ({"TERM": "xterm-kitty"}, b"", "\x1b_Ga=T"),
        ({"TERM_PROGRAM": "iTerm.app"}, b"", "\x1b]1337;File=inline=1"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "iTerm.app"}, b"", "▀"),
    ],
    ids=["blocks", "sixel", "kitty", "iterm2", "tmux"],
)
def test_a_preview_is_drawn_as_the_terminal_can(
    tiny_model: Path, elsewhere: None, environment: dict[str, str], answer: bytes, drawn: str
):
    code, said = in_terminal([*FILM, "--preview"], 60, answer, environment)
    assert code == 0 and drawn in said


def test_half_blocks_paint_two_pixels_in_a_cell():
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0, 0], picture[1, 0] = (255, 0, 0), (0, 0, 255)
    assert half_blocks(picture, 2, 1) == "\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[38;2;0;0;0;48;2;0;0;0m▀\x1b[0m"


def unpacked_sixels(said: str) -> np.ndarray:
    """The picture (H, W, 3) in percent that a sixel sequence says; written anew from the standard, to check ours."""
    import re

    head = re.match(r'\x1bPq"1;1;(\d+);(\d+)', said)
    assert head and said.endswith("\x1b\\")
    picture = np.full((int(head[2]), int(head[1]), 3), -1)
    colours: dict[int, tuple[int, int, int]] = {}
    x = top = chosen = 0
    for token in re.findall(r"#\d+(?:;2;\d+;\d+;\d+)?|!\d+[?-~]|[?-~]|\$|-", said[head.end() : -2]):
        if token.startswith("#"):
            number, *rest = map(int, token[1:].split(";"))
            chosen = number
            if rest:
                colours[number] = (rest[1], rest[2], rest[3])
        elif token in "$-":
            x, top = 0, top + 6 * (token == "-")
        else:
            count, letter = (int(token[1:-1]), token[-1]) if token[0] == "!" else (1, token)
            for row in range(6):
                if (ord(letter) - 63) >> row & 1:
                    picture[top + row, x : x + count] = colours[chosen]
            x += count
    return picture


def test_sixels_say_the_picture():
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:20, :20], picture[20:, 20:] = (255, 0, 0), (0, 0, 255)
    seen = unpacked_sixels(sixel(picture, 4, 2))
    assert seen.shape == (40, 40, 3) and seen.min() == 0
    assert np.array_equal(seen, np.round(picture / 255 * 100))


def test_kitty_and_iterm2_carry_the_frame_whole():
    import base64
    import re

    picture = frame(128, 128)
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty(picture, 40, 20))
    assert all(len(data) <= 4096 for _, data in parts)
    assert [head[-3:] for head, _ in parts] == ["m=1"] * (len(parts) - 1) + ["m=0"]
    inline = iterm2(picture, 40, 20).rpartition(":")[2].removesuffix("\a")
    for data in ("".join(data for _, data in parts), inline):
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            assert np.array_equal(np.asarray(image), picture)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"KITTY_WINDOW_ID": "1", "TMUX": "/tmp/tmux"}, "blocks"),
        ({"TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "screen.xterm-kitty"}, "blocks"),
    ],
)
def test_terminals_are_known_by_their_variables(environment: dict[str, str], named: str):
    assert protocol(environment) == named


def stepped(progress: Progress, done: int, total: int) -> None:
    progress.step(Step(done, total, lambda: frame()))


def test_what_was_expected_gives_way_to_what_is_measured(monkeypatch: pytest.MonkeyPatch):
    clock = [100.0]
    monkeypatch.setattr("kinema.cli.progress.monotonic", lambda: clock[0])
    progress = Progress(expected_s=40.0, shown=False)
    assert progress.left_s() == 40.0
    clock[0] += 10
    assert progress.left_s() == 30.0
    for done in range(1, 11):
        stepped(progress, done, 100)
        clock[0] += 2
    clock[0] -= 2
    assert progress.left_s() == pytest.approx(180.0) and progress.measured_s == pytest.approx(200.0)
    clock[0] += 1
    assert progress.left_s() == pytest.approx(179.0)
    stepped(progress, 1, 50)
    assert progress.left_s() == 11.0, "the first step of another fill measures nothing yet"


def test_without_any_hint_nothing_is_promised():
    progress = Progress(shown=False)
    assert progress.left_s() is None and "left" not in progress.line(80)


@pytest.mark.parametrize("wide", [80, 40, 20, 10, 3])
def test_the_line_fits(wide: int):
    progress = Progress("film 12 of 64", expected_s=12345.0, shown=False)
    assert 0 < len(progress.line(wide)) <= wide
    stepped(progress, 17, 12_000)
    assert 0 < len(progress.line(wide)) <= wide


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (8, "8 s"), (59.4, "59 s"), (59.9, "1 min"), (123, "2 min 5 s"), (3599, "1 h"), (3900, "1 h 5 min")],
)
def test_durations_are_said_as_exactly_as_an_estimate_is(seconds: float, said: str):
    assert duration(seconds) == said


def settled(**parts: object) -> Recipe:
    shape = {"made_frames": 32, "width": 128, "height": 128, "steps": 16, "guidance": 3}
    return Recipe.model_validate({"prompt": PROMPT, "model": "native", "configuration": "a", **shape, **parts})


def test_the_past_tells_how_long_it_takes(tiny_model: Path):
    first = pace.expected_seconds(settled())
    assert first is not None and 0 < first < 1
    pace.remember(settled(), 8.0)
    assert pace.expected_seconds(settled()) == pytest.approx(8.0)
    assert pace.expected_seconds(settled(made_frames=64, steps=8)) == pytest.approx(8.0)
    assert pace.expected_seconds(settled(guidance=1)) == pytest.approx(4.0)
    assert pace.expected_seconds(settled(configuration="b")) == first
    pace.remember(settled(), 4.0)
    assert pace.expected_seconds(settled()) == pytest.approx(6.0)


@pytest.mark.parametrize("text", ["", "[]", '{"generate native a": "soon"}', "{"])
def test_a_spoilt_memory_is_none(tiny_model: Path, text: str):
    path = Path(os.environ["KINEMA_HOME"]) / "pace.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert pace.expected_seconds(settled()) is not None
    pace.remember(settled(), 8.0)
    assert set(json.loads(path.read_text())) == {"generate native a"}


def test_a_sheet_holds_the_first_and_the_last_frame():
    frames = np.stack([np.full((64, 64, 3), value, np.uint8) for value in range(0, 250, 10)])
    sheet = np.asarray(contact_sheet(Clip(frames, Fraction(8)), "a long title " * 40))
    assert sheet[40, 20].tolist() == [0, 0, 0] and sheet[-60, -60].tolist() == [240, 240, 240]


@pytest.mark.parametrize("shape", [(1, 16, 16), (2, 1, 300), (3, 300, 2)])
def test_a_sheet_of_any_shape(shape: tuple[int, int, int]):
    assert contact_sheet(Clip(np.zeros((*shape, 3), np.uint8), Fraction(1, 3))).width > 256


def test_letters_that_an_encoding_lacks_are_said_plainly(monkeypatch: pytest.MonkeyPatch):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.speak_plainly()
    terminal.echo_json({"prompt": "ein grüner Drache"})
    stream.write("a.mp4 · 2×2 · “猫”")  # noqa: RUF001
    stream.flush()
    said = stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    first, _, second = said.partition("\n")
    assert json.loads(first) == {"prompt": "ein grüner Drache"} and second == 'a.mp4 - 2x2 - "?"'
