"""Laws of what is looked at and read: which frames, which patches are lines, what letters say, where faces are."""

import math
from fractions import Fraction
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont, ImageOps

from kinema.errors import CheckpointError
from kinema.trust.review import letters
from kinema.trust.review.faces import Face, decode, faces
from kinema.trust.review.framing import framed
from kinema.trust.review.letters import read_lines
from kinema.trust.review.networks import CARD, FOLDER, Networks, networks
from kinema.trust.review.pack import metadata
from kinema.trust.review.sampling import Sampler

PORTRAIT = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
"""Rear Admiral Grace Hopper, United States Navy; in the public domain."""


def drawn(text: str, *, px: int = 18, turned: int = 0) -> Image.Image:
    image = Image.new("RGB", (128, 128), (40, 90, 60))
    ImageDraw.Draw(image).text((8, 50), text, font=ImageFont.load_default(px), fill=(255, 255, 255))
    return image.rotate(turned)


def portrait(side: int = 256) -> np.ndarray:
    with Image.open(PORTRAIT) as image:
        return np.asarray(image.convert("RGB").resize((side, side * 600 // 512)))


@given(
    frames=st.integers(1, 60),
    fps=st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(8), Fraction(30000, 1001)]),
    cuts=st.sets(st.integers(0, 59), max_size=4),
    every=st.booleans(),
    segment=st.integers(1, 60),
)
@settings(max_examples=60, deadline=None)
def test_a_frame_a_second_and_every_cut_are_looked_at_however_the_film_comes(
    frames: int, fps: Fraction, cuts: set[int], every: bool, segment: int
):
    cuts = {cut for cut in cuts if cut < frames}
    level = np.cumsum([index in cuts for index in range(frames)]) % 2 * 200
    film = np.broadcast_to(level[:, None, None, None], (frames, 16, 20, 3)).astype(np.uint8)
    sampler = Sampler(fps, every=every)
    starts = range(0, frames, segment)
    chosen = [start + index for start in starts for index in sampler.chosen(film[start : start + segment])]
    assert chosen == sorted(set(chosen)) and chosen[0] == 0
    assert cuts <= set(chosen)
    assert all(later - earlier <= max(1, fps) for earlier, later in zip(chosen, [*chosen[1:], frames], strict=True))
    assert not every or chosen == list(range(frames))
    assert every or len(chosen) <= len(cuts) + math.ceil(frames / max(1, int(fps)))


def test_a_frame_that_flashes_up_is_looked_at():
    film = np.zeros((40, 32, 32, 3), np.uint8)
    film[13] = 255
    assert Sampler(Fraction(24)).chosen(film) == [0, 13, 14, 38]


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.7))
@settings(max_examples=40, deadline=None)
def test_patches_are_what_touches(seed: int, share: float):
    written = np.random.default_rng(seed).random((9, 13)) < share
    expected, left = [], {(int(row), int(column)) for row, column in np.argwhere(written)}
    while left:
        patch, edge = set(), {left.pop()}
        while edge:
            patch |= edge
            near = {(r + dr, c + dc) for r, c in edge for dr in (-1, 0, 1) for dc in (-1, 0, 1)}
            edge = near & left
            left -= edge
        expected.append(patch)
    found = [set(zip(rows.tolist(), columns.tolist(), strict=True)) for rows, columns in letters._patches(written)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))


def test_a_line_in_the_map_of_probabilities_is_boxed_where_it_lies():
    sure = np.zeros((256, 256), np.float32)
    sure[100:120, 30:200] = 0.99
    sure[10:40, 10:40] = 0.99  # as wide as high: a window
    sure[200:230, 30:200] = 0.5  # not sure enough
    laid = framed(np.zeros((128, 128, 3), np.uint8), 256)
    (corners,) = letters.boxes_in(sure, laid)
    more = 170 * 20 * 1.6 / (2 * 190)
    assert np.allclose(corners[0], (30 - more, 100 - more)) and np.allclose(corners[2], (200 + more, 120 + more))


def test_a_line_is_spelt_by_its_surest_letters_without_blanks_and_repetitions():
    said = np.full((7, 4), 0.01)
    for step, letter in enumerate((1, 1, 0, 1, 2, 3, 0)):
        said[step, letter] = 0.9
    assert letters.decode(said, "\0ab ") == letters.Line("aab", pytest.approx(0.9))
    assert letters.decode(said[2:3], "\0ab ") == letters.Line("", 0.0)


@pytest.mark.parametrize("turned", [0, 45, 90, 180, 270])
def test_writing_is_read_at_any_angle(turned: int):
    assert "hello world" in [line.words for line in read_lines(np.asarray(drawn("hello world", turned=turned)))]


def test_writing_is_read_mirrored_and_in_several_lines():
    assert "hello world" in [line.words for line in read_lines(np.asarray(ImageOps.mirror(drawn("hello world"))))]
    two = {line.words for line in read_lines(np.asarray(drawn("hello world\nsecond line")))}
    assert two == {"hello world", "second line"}


def test_nothing_is_read_where_nothing_is_written():
    noise = np.random.default_rng(1).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    for frame in (np.zeros((2, 500, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8), noise):
        assert read_lines(frame) == []


@given(st.lists(st.tuples(st.integers(10, 200), st.integers(10, 200), st.integers(20, 90)), min_size=1, max_size=1))
@settings(max_examples=20, deadline=None)
def test_boxes_are_decoded_out_of_the_cell_that_is_sure(where: list[tuple[int, int, int]]):
    results: dict[str, np.ndarray] = {}
    for stride in (8, 16, 32):
        cells = (256 // stride) ** 2
        results |= {f"cls_{stride}": np.zeros((cells, 1)), f"obj_{stride}": np.ones((cells, 1))}
        results[f"bbox_{stride}"] = np.zeros((cells, 4))
    ((across, down, size),) = where
    cell = down // 16 * 16 + across // 16
    results["cls_16"][cell] = 0.81
    results["bbox_16"][cell] = [across % 16 / 16, down % 16 / 16, np.log(size / 16), np.log(size / 8)]
    ((box, score),) = decode(results, 256, 0.85)
    assert score == pytest.approx(0.9)
    assert np.allclose(box, [across - size / 2, down - size, size, 2 * size])


def test_a_face_is_found_whichever_way_the_picture_is_turned():
    upright = faces(portrait())
    assert len(upright) == 1 and upright[0].score > 0.9
    face = upright[0]
    assert 60 < face.left < face.left + face.width < 200 and 30 < face.top < face.top + face.height < 190
    (turned,) = faces(np.ascontiguousarray(np.rot90(portrait())))
    assert turned == Face(
        pytest.approx(face.top, abs=1),
        pytest.approx(256 - face.left - face.width, abs=1),
        pytest.approx(face.height, abs=1),
        pytest.approx(face.width, abs=1),
        pytest.approx(face.score, abs=0.01),
    )


def test_a_face_that_fills_the_picture_is_found():
    face = faces(portrait())[0]
    close = portrait()[
        round(face.top) : round(face.top + face.height), round(face.left) : round(face.left + face.width)
    ]
    assert faces(close)


def test_what_shows_nobody_has_no_face():
    assert faces(np.asarray(drawn("hello world"))) == []
    assert faces(np.zeros((1, 1, 3), np.uint8)) == []


def test_an_altered_or_missing_network_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        Networks(tmp_path)
    (tmp_path / CARD).write_bytes((FOLDER / CARD).read_bytes() + b" ")
    with pytest.raises(CheckpointError, match="has the hash"):
        Networks(tmp_path)
    for name in (CARD, "faces.xml", "faces.bin"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    numbers = bytearray((FOLDER / "faces.bin").read_bytes())
    numbers[1000] ^= 1
    (tmp_path / "faces.bin").write_bytes(numbers)
    with pytest.raises(CheckpointError, match=r"faces\.bin has the hash .* install Kinema again"):
        Networks(tmp_path).run("faces", np.zeros((1, 3, 64, 64), np.float32))


def test_every_class_of_letters_has_a_character():
    (found,) = networks().run("letters", np.zeros((1, 3, 48, 160), np.float32)).values()
    assert len(networks().characters) == found.shape[2]


def test_what_an_onnx_file_says_of_itself_is_read():
    def field(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    entry = field(1, b"character") + field(2, "a\nb\né".encode())
    data = bytes([1 << 3, 8]) + field(2, b"maker") + bytes([14 << 3 | 2]) + bytes([len(entry)]) + entry
    assert metadata(data) == {"character": "a\nb\né"}
