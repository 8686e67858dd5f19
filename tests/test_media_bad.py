"""Files that break, lie, or are too much: each is a ClipError that says what to do, in bounded memory and time."""

import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from kinema.clip import Clip
from kinema.errors import ClipError
from kinema.media import Limits, Shape, load, write
from tests.media_files import FPS, clicks, film, smooth

LIMITS = Limits(file_mb=10, side_px=2048, seconds=60, frames=500, clip_mb=50, decode_seconds=20)
SMALL = smooth(8, height=32, width=48).frames


def refused(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(ClipError) as raised:
        load(path, limits)
    said = str(raised.value)
    assert said.startswith(str(path)) or str(path) in said
    assert "\n" not in said
    return said


@pytest.mark.parametrize("name", ["film.mp4", "film.webm", "film.gif", "film.png", "film.txt", "film"])
@pytest.mark.parametrize("content", [b"", b"no film at all", bytes(range(256)) * 9, b"#EXTM3U\nfile:///etc/passwd\n"])
def test_what_is_no_media_names_what_is(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    said = refused(tmp_path / name)
    assert "known are .mp4" in said and ("it is empty" in said) == (content == b"")


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".webp", ".png"])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9, 0.99])
def test_a_truncated_film_is_refused_or_its_end_is_said(tmp_path: Path, suffix: str, share: float):
    path = tmp_path / f"film{suffix}"
    write([Clip(SMALL, FPS)], path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    try:
        media = load(path, LIMITS)
    except ClipError as error:
        assert str(path) in str(error)
    else:
        assert len(media.clip) == 8 or any("cut off" in note for note in media.notes)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_an_encrypted_film_is_named_as_such(tmp_path: Path, suffix: str):
    key = "00112233445566778899aabbccddeeff"
    options = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": key, "encryption_kid": key}
    path = film(tmp_path / f"film{suffix}", SMALL, options=options) if suffix == ".mp4" else None
    if path is None:
        path = film(tmp_path / "film.mp4", SMALL, options=options).rename(tmp_path / "film.mov")
    assert "is encrypted" in refused(path)


def test_a_film_without_frames_and_one_without_pictures(tmp_path: Path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        voice = container.add_stream("aac", rate=16_000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), "flt", "mono")
        silence.sample_rate = 16_000
        container.mux(voice.encode(silence))
        container.mux(voice.encode())
    assert "holds no pictures" in refused(tmp_path / "sound.mp4")
    for suffix in (".mp4", ".mkv"):
        with av.open(str(tmp_path / f"none{suffix}"), "w") as container:
            stream = container.add_stream("libx264", rate=8)
            stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
            container.start_encoding()
        assert "none" in refused(tmp_path / f"none{suffix}")


def test_a_film_of_one_pixel_is_read(tmp_path: Path):
    media = load(film(tmp_path / "dot.mkv", SMALL[:, :1, :1], codec="ffv1", pix_fmt="yuv444p"), LIMITS)
    assert media.clip.frames.shape == (8, 1, 1, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp"])
def test_twenty_thousand_pixels_are_too_wide(tmp_path: Path, suffix: str):
    Image.new("RGB", (20_000, 4)).save(tmp_path / f"wide{suffix}")
    said = refused(tmp_path / f"wide{suffix}")
    assert "is 20000x4; sides of at most 2048 pixels are read" in said and "KINEMA_MAX_FILE_SIDE_PX" in said


def test_a_film_that_is_too_wide(tmp_path: Path):
    path = film(tmp_path / "wide.mkv", np.zeros((2, 4, 20_000, 3), np.uint8), codec="ffv1", pix_fmt="yuv444p")
    assert "is 20000x4; sides of at most 2048 pixels" in refused(path)


def test_a_picture_whose_header_promises_more_pixels_than_memory(tmp_path: Path):
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "bomb.png").write_bytes(content + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")))
    assert "more pixels than any picture that is read" in refused(tmp_path / "bomb.png")


def test_an_animation_that_unpacks_into_too_much_stops_on_the_way(tmp_path: Path):
    pictures = [Image.new("P", (1000, 1000), index % 2) for index in range(24)]
    pictures[0].save(tmp_path / "bomb.gif", save_all=True, append_images=pictures[1:], duration=20)
    assert (tmp_path / "bomb.gif").stat().st_size < 1_000_000
    said = refused(tmp_path / "bomb.gif")
    assert "takes 51 MB as 17 frames" in said and "KINEMA_MAX_CLIP_MB" in said
    assert load(tmp_path / "bomb.gif", LIMITS, into=Shape(16, 16)).clip.width == 16


def test_one_frame_that_stays_for_an_hour(tmp_path: Path):
    pictures = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    pictures[0].save(tmp_path / "hour.png", save_all=True, append_images=pictures[1:], duration=[3_600_000, 20])
    assert "is longer than 60 seconds" in refused(tmp_path / "hour.png")


def test_an_hour_long_film_is_refused_before_it_is_decoded(tmp_path: Path):
    times = [index * 6000 for index in range(600)]
    path = film(tmp_path / "hour.mkv", SMALL[:1].repeat(600, 0), codec="ffv1", times=times)
    said = refused(path, replace(LIMITS, frames=10_000))
    assert "is longer than 60 seconds, the most that is read" in said and "KINEMA_MAX_FILE_SECONDS" in said
    said = refused(path, replace(LIMITS, seconds=10_000))
    assert "has more than 500 frames" in said and "KINEMA_MAX_FILE_FRAMES" in said
    said = refused(path, replace(LIMITS, frames=10_000, seconds=10_000, decode_seconds=0))
    assert "takes longer than 0 seconds to read" in said and "KINEMA_MAX_DECODE_SECONDS" in said


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path):
    path = film(tmp_path / "film.mp4", SMALL)
    said = refused(path, replace(LIMITS, file_mb=0.001))
    assert "MB; at most 0.001 are read" in said and "KINEMA_MAX_FILE_MB" in said


def test_a_clip_beyond_its_memory_is_read_smaller(tmp_path: Path):
    path = film(tmp_path / "film.mp4", SMALL)
    tight = replace(LIMITS, clip_mb=0.01)
    assert "takes 0 MB as 8 frames of 48x32; at most 0.01 are read, so read it smaller" in refused(path, tight)
    assert load(path, tight, into=Shape(12, 8)).clip.frames.shape == (8, 8, 12, 3)


def test_a_header_that_lies_about_its_size_changes_nothing(tmp_path: Path):
    path = film(tmp_path / "film.mp4", SMALL)
    truth = load(path, LIMITS).clip.frames
    content = bytearray(path.read_bytes())
    coded, shown = content.index(b"avc1", content.index(b"stsd")) + 4 + 24, content.index(b"tkhd") + 4 + 76
    for lie in (16, 20_000):
        content[coded : coded + 4] = struct.pack(">HH", lie, lie)
        content[shown : shown + 8] = struct.pack(">II", 0, 0)
        path.write_bytes(content)
        assert np.array_equal(load(path, LIMITS).clip.frames, truth)


def test_a_header_that_promises_a_longer_film_is_said(tmp_path: Path):
    path = film(tmp_path / "film.mp4", SMALL)
    content = bytearray(path.read_bytes())
    at = content.index(b"mdhd") + 4 + 12
    ticks = struct.unpack(">I", content[at : at + 4])[0]
    content[at + 4 : at + 8] = struct.pack(">I", ticks * 3600)
    at = content.index(b"tkhd") + 4 + 20
    content[at : at + 4] = struct.pack(">I", 3_600_000)
    path.write_bytes(content)
    media = load(path, LIMITS)
    assert len(media.clip) == 8
    assert media.notes == () or "its header says that it lasts" in media.notes[0]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("files")
    clip = Clip(SMALL, FPS, clicks(Fraction(1), [0.5]))
    for suffix in (".mp4", ".webm", ".gif", ".webp", ".png"):
        write([clip], folder / f"film{suffix}", about="a film")
    film(folder / "film.mkv", SMALL)
    film(folder / "film.avi", SMALL, codec="mpeg4")
    for suffix in (".jpg", ".bmp", ".heic", ".avif"):
        Image.fromarray(SMALL[0]).save(folder / f"film{suffix}")
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


KINDS = [".mp4", ".webm", ".mkv", ".avi", ".gif", ".webp", ".png", ".jpg", ".bmp", ".heic", ".avif"]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(KINDS), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12), st.floats(0, 1)
)
@example(".mp4", [], 0.5)
def test_whatever_is_damaged_is_a_clip_or_a_clip_error(
    tmp_path: Path, files: dict[str, bytes], suffix: str, damage: list[tuple[int, int]], share: float
):
    content = bytearray(files[suffix])
    for at, value in damage:
        content[at % len(content)] = value
    path = tmp_path / f"film{suffix}"
    path.write_bytes(content[: max(1, int(len(content) * min(1, share * 2)))])
    try:
        assert load(path, LIMITS).clip.frames.ndim == 4
    except ClipError as error:
        assert str(path) in str(error)
