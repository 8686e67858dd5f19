"""The watermark: what it outlives, how rarely it is seen where it is not, and that it keeps out of sight."""

import random
from fractions import Fraction
from functools import cache
from itertools import product
from math import exp, sqrt

import numpy as np
import pytest

from kinema.clip import Clip
from kinema.errors import TrustError
from kinema.trust.watermark import ID_BITS, Key, Marker, pattern, read, search
from kinema.trust.watermark.attacks import PROMISED, cropped, encoded, mirrored
from kinema.trust.watermark.marker import PSNR_DB
from kinema.trust.watermark.measure import difference, psnr_db
from kinema.world.render import render
from kinema.world.sampling import sample

KEY, OTHER = Key("one", bytes(range(32))), Key("other", bytes(32))
NUMBER = 0xC0FFEE


@cache
def film(seed: int = 3, side_px: int = 256, frames: int = 32) -> Clip:
    return render(sample(random.Random(seed)), width=side_px, height=side_px, frames=frames)


@cache
def marked(seed: int = 3) -> Clip:
    return encoded(next(Marker(KEY, NUMBER).mark([film(seed)])), 18)


def drawn(shape: tuple[int, int, int], seed: int = 0) -> Clip:
    rng = np.random.default_rng(seed)
    return Clip(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), Fraction(8))


@pytest.mark.parametrize("attack", PROMISED)
def test_the_mark_and_its_id_outlive_what_is_promised(attack: str):
    reading = read(PROMISED[attack](marked()), [OTHER, KEY])
    assert (reading.verdict, reading.key, reading.number) == ("yes", "one", NUMBER)
    assert reading.false_positive_bound <= search.FALSE_POSITIVES


def test_a_reading_says_what_was_done_to_the_film():
    reading = read(mirrored(cropped(marked(), 0.0, 0.1, 0.05, 0.0)), [KEY])
    assert reading.mirrored
    assert np.allclose(reading.crop, (0.0, 0.9, 0.0, 0.95), atol=0.01)  # left and right change places in a mirror


def test_anchor_signs_are_fair_and_of_each_key_and_variant_their_own():
    size = pattern.PLANES * pattern.GRID**2
    every = [pattern.anchor(key, variant).ravel() for key in (KEY, OTHER) for variant in range(pattern.VARIANTS)]
    overlaps = np.array(every) @ np.array(every).T / size
    assert np.allclose(np.diag(overlaps), 1)
    assert np.abs(overlaps - np.eye(len(every))).max() < 5 / sqrt(size)
    assert all(abs(signs.mean()) < 5 / sqrt(size) for signs in every)


def test_agreement_of_unmarked_clips_keeps_to_the_bound():
    """chance(z) bounds the share of 4,800 (key, clip) pairs that reach z, for films as for noise."""
    cells = [
        search.cells_seen(search.canvas_of(list(clip.frames)), search.View())
        for clip in (film(3, 128, 8), film(4, 128, 8), drawn((4, 96, 96)))
    ]
    keys = [Key(str(index), index.to_bytes(32, "big")) for index in range(400)]
    z = np.array(
        [search.agreement(seen, pattern.anchor(key, variant)) for seen in cells for key in keys for variant in range(4)]
    )
    for least in (1.0, 1.5, 2.0, 2.5, 3.0):
        assert np.mean(z >= least) <= search.chance(least)
    assert 0.9 < z.std() < 1.1


def test_no_unmarked_clip_is_called_marked_and_no_crop_search_passes_its_bound():
    """For 6 (key, clip) pairs the best of all crops stays below the z of which the bound says one in a thousand."""
    clips = [film(5, 128, 8), marked(), drawn((3, 70, 90))]
    keys = [Key(str(index), index.to_bytes(32, "little")) for index in range(2)]
    for clip, key in product(clips, keys):
        canvas = search.canvas_of(list(clip.frames[:8]))
        best = search.find([canvas], [key])
        assert not best.proven and best.bound > 1e-3
    reading = read(marked(), keys)
    assert reading.verdict != "yes" and reading.number is None


def test_thresholds_spend_the_whole_budget_and_no_more():
    ways = search.TURNS, search.TURNS * search.CROPS
    spent = sum(count * search.chance(search.threshold(count)) for count in ways)
    assert spent == pytest.approx(search.FALSE_POSITIVES, rel=1e-6)


def test_the_bound_holds_where_it_is_tight():
    """Of two equal numbers, fair signs agree with both in a quarter of cases: theorem 1.1's case of equality."""
    assert 0.25 <= search.chance(sqrt(2)) < 0.2505
    assert all(search.chance(z) <= exp(-(z**2) / 2) for z in np.arange(0.1, 37, 0.1))


def test_every_crop_that_the_search_can_end_at_is_counted():
    eighths = range(search.EIGHTHS + 1)
    spans = sum(search.View(top=top, height=height).possible for top, height in product(eighths, eighths))
    assert spans**2 == search.CROPS


def test_no_is_said_of_films_that_would_show_a_mark_and_of_no_others():
    assert read(film(), [KEY]).verdict == "no"
    assert read(film(3, 256, 4), [KEY]).verdict == "cannot tell"
    assert read(film(3, 128), [KEY]).verdict == "cannot tell"
    assert read(drawn((24, 256, 256)), [KEY]).verdict == "cannot tell"


@pytest.mark.parametrize("clip", [film(), film(3, 128, 8), drawn((2, 130, 98))], ids=["film", "small", "noise"])
def test_the_mark_keeps_out_of_sight(clip: Clip):
    changed = next(Marker(KEY, NUMBER).mark([clip]))
    for before, after in zip(clip.frames, changed.frames, strict=True):
        error = np.mean((before.astype(float) - after) ** 2)
        assert 10 * np.log10(255**2 / error) >= PSNR_DB - 0.2 >= 38
    assert np.abs(clip.frames.astype(int) - changed.frames).max() <= 24


def test_a_film_marked_in_pieces_is_the_film_marked_whole():
    clip = Clip(np.repeat(film(3, 96, 8).frames, 10, axis=0), Fraction(8))  # past the moment when the variant changes
    whole = next(Marker(KEY, NUMBER).mark([clip]))
    pieces = Clip.join(Marker(KEY, NUMBER).mark([clip[:1], clip[1:30], clip[30:]]))
    assert np.array_equal(whole.frames, pieces.frames)
    assert not np.array_equal(whole.frames[0], whole.frames[-1])


def test_every_stretch_of_a_long_film_bears_the_mark():
    clip = Clip(np.concatenate([film().frames, film(4).frames] * 3), Fraction(8))  # 24 seconds: three variants
    changed = next(Marker(KEY, NUMBER).mark([clip]))
    for piece in (changed, changed[20:70], changed[100:140], changed[160:]):
        assert read(piece, [KEY]).number == NUMBER


def test_marking_leaves_sound_and_rate():
    clip = film(3, 96, 8)
    changed = next(Marker(KEY, NUMBER).mark([clip]))
    assert (changed.fps, changed.sound, changed.frames.dtype) == (clip.fps, clip.sound, np.uint8)


@pytest.mark.parametrize("number", [0, 1, 2, 4095, 4096, NUMBER, (1 << ID_BITS) - 1])
def test_every_id_is_decoded_from_its_word_under_noise(number: int):
    word = pattern.word(KEY, number)
    assert set(np.unique(word)) == {-1.0, 1.0}
    noise = np.random.default_rng(number).normal(0, 4, len(word))  # a z of 11
    assert pattern.decode(KEY, word + noise) == number


def test_words_are_as_unlike_as_random_ones():
    numbers = np.random.default_rng(0).integers(0, 1 << ID_BITS, 200)
    words = np.array([pattern.word(KEY, int(number)) for number in np.unique(numbers)])
    overlaps = words @ words.T / pattern.CODE - np.eye(len(words))
    assert np.abs(overlaps).max() < 6 / sqrt(pattern.CODE)


def test_a_registry_names_only_ids_it_knows():
    assert read(marked(), [KEY], ids=[1, NUMBER, 5]).number == NUMBER
    stranger = read(marked(), [KEY], ids=[1, 2, 3])
    assert (stranger.verdict, stranger.number) == ("yes", None)
    assert read(marked(), [KEY], ids=[]).number is None


def test_what_cannot_be_marked_or_read_is_refused():
    with pytest.raises(TrustError, match="0 to 16777215"):
        Marker(KEY, 1 << ID_BITS)
    with pytest.raises(TrustError, match="48x64 is too small"):
        next(Marker(KEY, 1).mark([drawn((1, 64, 48))]))
    with pytest.raises(TrustError, match="without a key"):
        read(film(), [])
    with pytest.raises(TrustError, match="32"):
        Key("short", b"abc")


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 2, 900), (3, 40, 40)])
def test_the_strangest_clips_are_read(shape: tuple[int, int, int]):
    assert read(drawn(shape), [KEY]).verdict == "cannot tell"
    assert read(Clip(np.zeros((*shape, 3), np.uint8), Fraction(8)), [KEY]).verdict == "cannot tell"


def test_the_difference_is_shown_beside_the_frames():
    clip = film(3, 96, 8)
    changed = next(Marker(KEY, NUMBER).mark([clip]))
    picture = np.asarray(difference(clip, changed, 5))
    assert picture.shape == (96, 3 * 96, 3)
    assert np.array_equal(picture[:, :96], clip.frames[5]) and np.array_equal(picture[:, 96:192], changed.frames[5])
    assert psnr_db(clip, changed) >= 38
