"""Writing: films that can be watched while they grow, take their name only when whole, and say how they were made."""

import os
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.clip import Clip, Sound
from kinema.errors import ClipError, OutputError
from kinema.media import PICTURES, VIDEO, load, read, read_about, whole_file, write, write_video
from tests.media_files import FPS, boxes, clicks, smooth

SUFFIXES = VIDEO + PICTURES
ABOUT = '{"prompt": "ein Bär läuft; 猫 <&>", "seed": 7}'


def sounding(frames: int = 24) -> Clip:
    return Clip(smooth(frames, height=32, width=48).frames, FPS, clicks(frames / FPS, [0.5]))


def segments(clip: Clip, each: int = 8) -> Iterator[Clip]:
    for begin in range(0, len(clip), each):
        yield clip[begin : begin + each]


@given(st.integers(1, 12), st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_png_keeps_every_pixel_and_every_frame(tmp_path_factory, frames: int, height: int, width: int, seed: int):
    drawn = np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), np.uint8)
    path = tmp_path_factory.mktemp("png") / "film.png"
    write([Clip(drawn, FPS)], path)
    again = read(path)
    assert np.array_equal(again.frames, drawn)
    assert frames == 1 or again.fps == FPS


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("frames", [1, 9])
def test_a_film_tells_how_it_was_made(tmp_path: Path, suffix: str, frames: int):
    path = sounding(frames).write(tmp_path / f"film{suffix}", about=ABOUT)
    assert read_about(path) == ABOUT == load(path).about
    longest = "x" * 65_536
    sounding(frames).write(path, about=longest)
    assert read_about(path) == longest
    with pytest.raises(OutputError, match="65537 bytes about a film are too many"):
        sounding(frames).write(path, about=longest + "x")
    assert read_about(path) == longest


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_film_that_says_nothing_and_what_is_no_film(tmp_path: Path, suffix: str):
    assert read_about(sounding().write(tmp_path / f"film{suffix}")) is None
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(ClipError, match="cannot be read as a film or picture"):
        read_about(tmp_path / "text.mp4")
    with pytest.raises(ClipError, match="there is no file"):
        read_about(tmp_path / "none.mp4")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_clips_make_equal_bytes_however_they_come(tmp_path: Path, suffix: str):
    write([sounding()], tmp_path / f"a{suffix}", about=ABOUT)
    write([sounding()], tmp_path / f"b{suffix}", about=ABOUT)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    write(segments(sounding()), tmp_path / f"c{suffix}", about=ABOUT)
    assert np.array_equal(read(tmp_path / f"c{suffix}").frames, read(tmp_path / f"a{suffix}").frames)


def test_an_mp4_can_be_watched_while_it_grows(tmp_path: Path):
    """When the second second is asked for, the first is on disk as a film of its own."""
    clip, path = sounding(), tmp_path / "film.part.mp4"
    seen: list[int] = []

    def growing() -> Iterator[Clip]:
        for part in segments(clip[:16], 1):
            yield part
            (tmp_path / "copy.mp4").write_bytes(path.read_bytes())
            seen.append(len(read(tmp_path / "copy.mp4")) if b"moof" in path.read_bytes() else 0)

    with whole_file(tmp_path / "film.mp4") as part:
        write(growing(), part)
    assert seen[7] == 0 and seen[9] == 8
    assert boxes((tmp_path / "copy.mp4").read_bytes())[:3] == ["ftyp", "moov", "moof"]
    whole = read(tmp_path / "film.mp4")
    assert np.array_equal(read(tmp_path / "copy.mp4").frames, whole.frames[:8])


def test_a_whole_mp4_has_its_index_in_front_and_the_same_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, grown = tmp_path / "film.mp4", tmp_path / "grown.mp4"
    lay_anew = write_video._lay_anew

    def keep_grown(part: Path) -> None:
        grown.write_bytes(part.read_bytes())
        lay_anew(part)

    monkeypatch.setattr(write_video, "_lay_anew", keep_grown)
    write(segments(sounding()), path, about=ABOUT)
    names = boxes(path.read_bytes())
    assert "moof" not in names and names.index("moov") < names.index("mdat")
    packets = []
    for each in (grown, path):
        with av.open(str(each)) as container:
            packets.append([bytes(packet) for packet in container.demux() if packet.size])
    assert sorted(packets[0]) == sorted(packets[1])
    assert sorted(tmp_path.iterdir()) == [path, grown]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_came_before_a_stop_is_a_valid_film(tmp_path: Path, suffix: str):
    clip, path = sounding(), tmp_path / f"film{suffix}"

    def stopped() -> Iterator[Clip]:
        yield clip[:8]
        yield clip[8:11]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole_file(path) as part:
        try:
            write(stopped(), part, about=ABOUT)
        except KeyboardInterrupt:
            part.keep()
            raise
    kept = tmp_path / f"film.part{suffix}"
    assert list(tmp_path.iterdir()) == [kept]
    media = load(kept)
    assert len(media.clip) == 11 and media.about == ABOUT and media.notes == ()
    if suffix in VIDEO:
        assert (
            media.clip.sound is not None
            and abs(media.clip.sound.samples.shape[0] / media.clip.sound.rate - 11 / 8) < 1e-4
        )


def test_nothing_is_kept_of_a_film_that_never_began(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "film.mp4") as part:
        part.keep()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_part_stands_beside_its_film_and_touches_no_other(tmp_path: Path):
    foreign = tmp_path / "film.part.mp4"
    foreign.write_text("mine")
    (tmp_path / "film.mp4").write_text("the last one")
    with whole_file(tmp_path / "film.mp4") as part:
        assert part.name == "film.part-2.mp4"
        assert (tmp_path / "film.mp4").read_text() == "the last one"
        with whole_file(tmp_path / "film.mp4") as other:
            assert other.name == "film.part-3.mp4"
            other.write_text("the other run")
        part.write_text("this run")
    assert foreign.read_text() == "mine" and (tmp_path / "film.mp4").read_text() == "this run"
    assert len(list(tmp_path.iterdir())) == 2


def test_runs_that_write_the_same_film_at_once_do_not_harm_each_other(tmp_path: Path):
    clips = [Clip(np.full((8, 16, 16, 3), level, np.uint8), FPS) for level in (40, 90, 140, 190)]
    barrier = threading.Barrier(len(clips))
    wrong: list[BaseException] = []

    def run(clip: Clip) -> None:
        try:
            with whole_file(tmp_path / "film.mp4") as part:
                barrier.wait(20)
                write(segments(clip, 4), part)
        except (OSError, OutputError) as error:
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(clip,)) for clip in clips]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    shown = read(tmp_path / "film.mp4").frames
    assert len(shown) == 8 and min(abs(shown.mean() - clip.frames.mean()) for clip in clips) < 2


def test_a_long_name_still_gets_a_part(tmp_path: Path):
    path = tmp_path / f"{'ä' * 120}.mp4"
    assert len(read(sounding(8).write(path))) == 8
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_film_has_the_permissions_of_any_new_file(tmp_path: Path):
    (tmp_path / "plain").write_text("")
    for suffix in SUFFIXES:
        path = sounding(2).write(tmp_path / f"film{suffix}")
        assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("suffix", VIDEO)
@pytest.mark.parametrize("rate", [8000, 44100, 48000, 11025])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_of_any_rate_is_written(tmp_path: Path, suffix: str, rate: int, channels: int):
    tone = np.sin(np.arange(rate) * 2 * np.pi * 440 / rate)[:, None].repeat(channels, 1).astype(np.float32) * 0.5
    clip = Clip(smooth(8, height=16, width=16).frames, FPS, Sound(tone, rate))
    sound = read(clip.write(tmp_path / f"film{suffix}")).sound
    assert sound is not None and sound.samples.shape == (sound.rate, channels)
    heard = np.abs(np.fft.rfft(sound.samples[:, 0]))
    assert abs(int(heard.argmax()) - 440) <= 1
    assert abs(np.square(sound.samples[sound.rate // 4 : -sound.rate // 4]).mean() - 0.125) < 0.02


def test_silence_fills_in_for_a_clip_without_sound(tmp_path: Path):
    clip = sounding(16)
    write([clip[:8], Clip(clip.frames[8:], FPS)], tmp_path / "film.mp4")
    sound = read(tmp_path / "film.mp4").sound
    assert sound is not None and np.abs(sound.samples[sound.rate + 2000 :]).max() < 0.01


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (smooth(4, height=32, width=64), "a clip of 64x32 at 8 fps does not go on from one of 48x32 at 8 fps"),
        (smooth(4, Fraction(9), 32, 48), "at 9 fps does not go on"),
        (sounding(4), r"the film began without sound; sound of \(16000, 1\) cannot follow"),
    ],
)
def test_clips_that_do_not_go_on_are_refused(tmp_path: Path, second: Clip, says: str):
    with pytest.raises(OutputError, match=says):
        write([smooth(4, height=32, width=48), second], tmp_path / "film.mp4")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_clips_make_no_film(tmp_path: Path, suffix: str):
    with pytest.raises(OutputError, match="there are no clips to write"):
        write([], tmp_path / f"film{suffix}")
