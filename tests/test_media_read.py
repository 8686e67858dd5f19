"""Films and pictures as others make them: read as they are meant to be seen, and what was done to them is said."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from kinema.clip import Clip
from kinema.errors import ClipError
from kinema.media import Shape, load, read, write
from kinema.media.colour import tone_mapped
from tests.media_files import FPS, clicks, coloured, corners, film, first_loud, smooth, turned

pillow_heif.register_heif_opener()


def close(made: np.ndarray, wanted: np.ndarray, levels: float = 6) -> bool:
    return made.shape == wanted.shape and np.abs(made.astype(float) - wanted).mean() < levels


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        (".mp4", "libx264", "yuv420p"),
        (".mov", "libx264", "yuv420p"),
        (".mov", "prores_ks", "yuv422p10le"),
        (".mkv", "ffv1", "yuv444p10le"),
        (".mkv", "libx264", "yuv420p"),
        (".webm", "libvpx-vp9", "yuv420p"),
        (".avi", "mjpeg", "yuvj420p"),
        (".avi", "libx264", "yuv420p"),
    ],
)
def test_every_container_is_read_frame_by_frame(tmp_path: Path, suffix: str, codec: str, pix_fmt: str):
    frames = smooth(8, height=64, width=96).frames
    media = load(film(tmp_path / f"film{suffix}", frames, codec=codec, pix_fmt=pix_fmt))
    assert (media.clip.fps, media.notes, media.clip.sound) == (FPS, (), None)
    assert all(close(made, wanted) for made, wanted in zip(media.clip.frames, frames, strict=True))


def test_odd_sizes_are_kept(tmp_path: Path):
    frames = smooth(4, height=33, width=47).frames
    for suffix, codec, pix_fmt in ((".mkv", "ffv1", "yuv444p"), (".webm", "libvpx-vp9", "yuv420p")):
        assert close(read(film(tmp_path / f"odd{suffix}", frames, codec=codec, pix_fmt=pix_fmt)).frames, frames, 5)


TURNS = {
    (0, 1, -1, 0): lambda pixels: np.rot90(pixels, -1),
    (-1, 0, 0, -1): lambda pixels: np.rot90(pixels, 2),
    (0, -1, 1, 0): lambda pixels: np.rot90(pixels, 1),
    (-1, 0, 0, 1): lambda pixels: pixels[:, ::-1],
    (1, 0, 0, -1): lambda pixels: pixels[::-1],
    (0, 1, 1, 0): lambda pixels: pixels.swapaxes(0, 1),
}


@pytest.mark.parametrize("matrix", TURNS)
def test_a_rotation_flag_turns_a_film_upright(tmp_path: Path, matrix: tuple[int, int, int, int]):
    path = turned(film(tmp_path / "film.mp4", corners()), matrix)
    media = load(path)
    assert close(media.clip.frames[0], TURNS[matrix](corners()[0]))
    assert media.notes == ("it is turned upright, as its rotation flag says",)
    shape = Shape(media.clip.width // 2, media.clip.height // 2)
    assert close(load(path, into=shape).clip.frames[0][::8, ::8], media.clip.frames[0][::16, ::16], 8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png"])
def test_an_orientation_flag_turns_a_picture_upright(tmp_path: Path, orientation: int, suffix: str):
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = corners(1)[0]
    undone = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    stored = Image.fromarray(upright)
    if orientation > 1:
        from PIL import ImageOps

        back = Image.Exif()
        back[0x0112] = undone[orientation]
        stored.info["exif"] = back.tobytes()
        stored = ImageOps.exif_transpose(stored)
    stored.save(tmp_path / f"still{suffix}", exif=exif)
    media = load(tmp_path / f"still{suffix}")
    assert close(media.clip.frames[0], upright, 4)
    assert media.notes == (("it is turned upright, as its orientation flag says",) if orientation > 1 else ())


def test_heic_is_turned_by_its_own_property_and_not_by_its_exif(tmp_path: Path):
    """As ISO/IEC 23008-12 has it; telephones write both, and turning twice would be wrong."""
    path, shown = tmp_path / "still.heic", corners(1, 64, 96)[0]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(shown).save(path, exif=exif)
    content = path.read_bytes()
    assert b"irot" not in content and close(read(path).frames[0], shown)
    turned_back = np.ascontiguousarray(np.rot90(shown))
    heif = pillow_heif.from_pillow(Image.fromarray(turned_back))
    heif[0].info["exif"] = exif.tobytes()
    heif.save(path)
    assert b"irot" in path.read_bytes() and close(read(path).frames[0], shown)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".heic", ".avif"])
@pytest.mark.parametrize(("width", "height"), [(48, 32), (1, 1), (47, 1)])
def test_a_still_is_a_clip_of_one_frame(tmp_path: Path, suffix: str, width: int, height: int):
    pixels = np.full((height, width, 3), (200, 120, 40), np.uint8)
    Image.fromarray(pixels).save(tmp_path / f"still{suffix}")
    media = load(tmp_path / f"still{suffix}")
    assert close(media.clip.frames, pixels[None], 5) and media.notes == ()


def test_png_is_read_bit_for_bit_in_every_mode(tmp_path: Path):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 65536, (8, 9), dtype=np.uint16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    media = load(tmp_path / "grey.png")
    assert np.array_equal(media.clip.frames[0], np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, -1))
    assert media.notes == ("its 16-bit greys are brought to 8 bits",)
    drawn = rng.integers(0, 256, (8, 9, 3), np.uint8)
    Image.fromarray(drawn).save(tmp_path / "drawn.png")
    assert np.array_equal(read(tmp_path / "drawn.png").frames[0], drawn)


SEE_THROUGH = np.dstack([corners(1)[0], np.full((32, 48), 128, np.uint8)])[None].repeat(4, 0)


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [(".mov", "qtrle", "argb"), (".mov", "prores_ks", "yuva444p10le"), (".webm", "libvpx-vp9", "yuva420p")],
)
def test_a_film_with_alpha_is_shown_over_black(tmp_path: Path, suffix: str, codec: str, pix_fmt: str):
    media = load(film(tmp_path / f"film{suffix}", SEE_THROUGH, codec=codec, pix_fmt=pix_fmt))
    assert close(media.clip.frames, corners() * (128 / 255))
    assert media.notes == ("its transparent parts are shown over black",)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".gif"])
def test_a_picture_with_alpha_is_shown_over_black(tmp_path: Path, suffix: str):
    pixels = SEE_THROUGH[0].copy()
    pixels[..., 3] = 0
    pixels[:16, :24, 3] = 255
    Image.fromarray(pixels).save(tmp_path / f"still{suffix}", **({"lossless": True} if suffix == ".webp" else {}))
    media = load(tmp_path / f"still{suffix}")
    wanted = np.zeros((1, 32, 48, 3), np.uint8)
    wanted[:, :16, :24] = (200, 30, 30)
    assert np.array_equal(media.clip.frames, wanted)
    assert media.notes == ("its transparent parts are shown over black",)


def test_a_variable_rate_becomes_constant_and_every_frame_keeps_its_time(tmp_path: Path):
    frames = np.stack([np.full((32, 48, 3), 20 * index, np.uint8) for index in range(12)])
    times = [0, 33, 67, 100, 300, 333, 367, 400, 700, 733, 767, 800]
    media = load(film(tmp_path / "film.mkv", frames, times=times))
    clip = media.clip
    assert media.notes == (f"its frames stay for unequal times; they are shown at a constant {clip.fps} fps",)
    for moment in np.arange(0.01, 0.8, 0.01):
        if min(abs(moment - time / 1000) for time in times) > float(1 / clip.fps):
            shown = clip.frames[int(moment * clip.fps)].mean() / 20
            assert round(shown) == sum(time / 1000 <= moment for time in times) - 1


def test_frames_left_out_of_a_constant_rate_are_held(tmp_path: Path):
    frames = smooth(6, height=32, width=48).frames
    media = load(film(tmp_path / "film.mkv", frames, times=[0, 125, 250, 500, 625, 1000]))
    assert media.clip.fps == FPS and len(media.clip) == 9
    assert [int(np.argmin(np.abs(frames.astype(int) - shown).mean((1, 2, 3)))) for shown in media.clip.frames] == [
        0, 1, 2, 2, 3, 4, 4, 4, 5
    ]  # fmt: skip


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25), Fraction(60)])
def test_broadcast_rates_survive_times_in_milliseconds(tmp_path: Path, fps: Fraction):
    frames = smooth(30, height=32, width=48).frames
    times = [round(index * 1000 / fps) for index in range(30)]
    media = load(film(tmp_path / "film.mkv", frames, times=times, fps=fps))
    assert len(media.clip) == 30 and abs(media.clip.fps - fps) < 0.04 and media.notes == ()


@pytest.mark.parametrize(("curve", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_tone_mapped_and_said(tmp_path: Path, curve: int, name: str):
    """A ramp of codes stays a ramp, reference white becomes a light grey and not white, and black stays black."""
    ramp = np.linspace(0, 1, 64)[None, :, None].repeat(16, 0).repeat(3, 2)
    frames = np.round(ramp * 65535).astype(np.uint16)[None].repeat(2, 0)
    path = film(tmp_path / "hdr.mkv", frames, codec="ffv1", pix_fmt="yuv420p10le", tune=coloured(9, 9, curve))
    media = load(path)
    assert any(f"({name}) is tone-mapped to sRGB" in note for note in media.notes)
    row = media.clip.frames[0, 8].astype(int)
    assert (np.diff(row.mean(1)) >= -0.5).all() and row[0].max() <= 1 and row[-1].min() >= 254
    assert np.ptp(row, axis=1).max() <= 2
    white = row[round(63 * {16: 0.58, 18: 0.75}[curve])].mean()  # 203 cd/m2 in each (BT.2408-7, table 1)
    assert 200 < white < 235


def test_the_tone_curve_is_straight_below_and_reaches_white_at_the_peak():
    light = np.linspace(0, 1000 / 203, 500, dtype=np.float32)[:, None].repeat(3, 1)
    mapped = tone_mapped(light)[:, 0]
    assert np.array_equal(mapped[light[:, 0] <= 0.3], light[light[:, 0] <= 0.3, 0])
    assert (np.diff(mapped) > 0).all() and abs(mapped[-1] - 1) < 1e-3
    slopes = np.diff(mapped) / np.diff(light[:, 0])
    assert (np.diff(slopes) < 1e-2).all()


def test_wide_colours_without_high_range_are_brought_to_srgb(tmp_path: Path):
    red = np.zeros((2, 16, 16, 3), np.uint8)
    red[..., 0], red[..., 1], red[..., 2] = 190, 80, 30
    media = load(film(tmp_path / "p3.mkv", red, codec="ffv1", pix_fmt="yuv444p10le", tune=coloured(1, 12, 13)))
    assert media.notes == ("its wide colours (P3) are brought to sRGB",)
    made = media.clip.frames[0, 8, 8].astype(int)
    assert made[0] > 195 and made[1] < 80 and made[2] < 30


def test_the_profile_of_a_picture_is_brought_to_srgb(tmp_path: Path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    Image.fromarray(corners(1)[0]).save(tmp_path / "odd.jpg", icc_profile=profile.tobytes())
    media = load(tmp_path / "odd.jpg")
    assert len(media.notes) == 1 and "colour" in media.notes[0]
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    Image.fromarray(corners(1)[0]).save(tmp_path / "plain.png", icc_profile=plain.tobytes())
    assert load(tmp_path / "plain.png").notes == ()


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path):
    def tune(stream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2)

    media = load(film(tmp_path / "wide.mp4", corners(), tune=tune))
    assert (media.clip.width, media.clip.height) == (96, 32)
    assert "its pixels are not square (2:1)" in media.notes[0]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("fps", [FPS, Fraction(30000, 1001)])
def test_sound_is_in_time_with_the_pictures(tmp_path: Path, suffix: str, fps: Fraction):
    clip = smooth(16, fps, 32, 48)
    at = 9 / float(fps)
    loud = Clip(clip.frames, fps, clicks(16 / fps, [at]))
    write([loud[:8], loud[8:]], tmp_path / f"film{suffix}")
    again = read(tmp_path / f"film{suffix}")
    assert again.sound is not None and len(again) == 16
    assert len(again.sound.samples) == round(16 / again.fps * again.sound.rate)
    assert abs(first_loud(again.sound) - at) < 0.005


@pytest.mark.parametrize(("rate", "channels"), [(96_000, 2), (48_000, 6)])
def test_rich_sound_is_made_simpler_and_keeps_its_time(tmp_path: Path, rate: int, channels: int):
    path, at = tmp_path / "film.mov", 1.25
    samples = clicks(Fraction(2), [at], rate).samples.repeat(channels, 1)
    layout = "stereo" if channels == 2 else "5.1"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        voice = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        for _ in range(16):
            picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(picture.reformat(format="yuv420p")))
        heard = av.AudioFrame.from_ndarray((samples * 30_000).astype(np.int16).reshape(1, -1), "s16", layout)
        heard.sample_rate = rate
        container.mux(voice.encode(heard))
        container.mux(voice.encode())
        container.mux(stream.encode())
    media = load(path)
    assert media.clip.sound is not None and media.clip.sound.samples.shape == (96_000, 2)
    assert abs(first_loud(media.clip.sound) - at) < 0.002 and len(media.notes) == 1


def test_frames_of_a_folder_come_in_the_order_of_their_numbers(tmp_path: Path):
    frames = np.stack([np.full((8, 8, 3), index * 20, np.uint8) for index in range(12)])
    for index, pixels in enumerate(frames):
        Image.fromarray(pixels).save(tmp_path / f"frame{index}.png")
    (tmp_path / "notes.txt").write_text("no frame")
    (tmp_path / ".hidden.png").write_text("no frame")
    media = load(tmp_path)
    assert np.array_equal(media.clip.frames, frames)
    assert media.notes == ("a folder has no rate; its 12 pictures are shown at 24 fps",)
    assert load(tmp_path, into=Shape(8, 8, Fraction(8))).clip.fps == 8
    Image.fromarray(frames[0, :4]).save(tmp_path / "frame20.png")
    with pytest.raises(ClipError, match=r"frame20\.png is 8x4, but frame0\.png is 8x8"):
        load(tmp_path)


def test_an_empty_folder_is_a_clip_error(tmp_path: Path):
    with pytest.raises(ClipError, match="holds no pictures"):
        load(tmp_path)


@pytest.mark.parametrize(("name", "kind"), [("film.png", "MP4 or QuickTime film"), ("film.webm", "MP4 or QuickTime")])
def test_a_name_that_lies_is_said(tmp_path: Path, name: str, kind: str):
    film(tmp_path / "film.mp4", corners()).rename(tmp_path / name)
    assert kind in load(tmp_path / name).notes[0]


def test_a_name_without_ending_says_nothing(tmp_path: Path):
    film(tmp_path / "film.mp4", corners()).rename(tmp_path / "film")
    assert load(tmp_path / "film").notes == ()


def test_a_picture_that_is_shown_by_old_viewers_is_no_frame(tmp_path: Path):
    pictures = [Image.fromarray(pixels) for pixels in smooth(4, height=8, width=8).frames]
    pictures[0].save(tmp_path / "film.png", save_all=True, append_images=pictures[1:], default_image=True, duration=100)
    assert len(load(tmp_path / "film.png").clip) == 3
