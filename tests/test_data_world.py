"""Laws of rendered runs: a clip depends on (seed, index) alone, a resumed run equals an uninterrupted one."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinema.data import world
from kinema.data.manifest import verify
from kinema.data.shards import read_shard, read_shards, shards_in
from kinema.data.workers import Order, render_shards
from kinema.data.world import Run
from kinema.errors import DataError
from kinema.world.captions import canonical
from kinema.world.splits import split_of

RUN = Run(seed=3, width=32, height=32, frames=4)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "shards"
    render_shards(Order(folder, RUN, count=7, per_shard=3))
    return folder


def test_a_clip_depends_on_seed_and_index_alone() -> None:
    first = [world.draw(RUN, index) for index in range(5)]
    random.seed(99)
    assert [world.draw(RUN, index) for index in reversed(range(5))] == first[::-1]
    assert world.draw(replace(RUN, width=64, frames=32), 2) == first[2]
    assert len({drawn.scene for drawn in first}) == 5
    assert world.draw(replace(RUN, seed=4), 2) != first[2]
    record, clip = world.render(RUN, 2)
    again, same = world.render(RUN, 2)
    assert record == again and np.array_equal(clip.frames, same.frames)


def test_scenes_are_of_the_training_split_visible_and_told_canonically_first() -> None:
    for index in range(30):
        drawn = world.draw(RUN, index)
        assert split_of(drawn.scene) == "train" and world.visible(drawn.scene)
        assert drawn.captions[0] == canonical(drawn.scene) and len(drawn.captions) == 4


def test_workers_change_nothing(rendered: Path, tmp_path: Path) -> None:
    render_shards(Order(tmp_path, RUN, count=7, per_shard=3), workers=2)
    assert files(tmp_path) == files(rendered)


def test_a_resumed_run_equals_an_uninterrupted_one_and_keeps_what_was_finished(rendered: Path, tmp_path: Path) -> None:
    shutil.copytree(rendered, tmp_path, dirs_exist_ok=True)
    for lost in ("shard-000001.tar", "manifest.json", "manifest.jsonl.gz"):
        (tmp_path / lost).unlink()
    (tmp_path / ".shard-000001.tar.123.part").write_bytes(b"half a shard")
    kept = (tmp_path / "shard-000000.tar").stat().st_mtime_ns
    told: list[tuple[int, int]] = []
    render_shards(Order(tmp_path, RUN, count=7, per_shard=3), on_clips=lambda done, total: told.append((done, total)))
    assert files(tmp_path) == files(rendered)
    assert (tmp_path / "shard-000000.tar").stat().st_mtime_ns == kept
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_an_interrupt_leaves_finished_shards_and_nothing_half_written(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_shards(Order(tmp_path, RUN, count=7, per_shard=3), on_clips=interrupt)
    assert sorted(files(tmp_path)) == ["run.json", "shard-000000.tar"]
    assert len(list(read_shard(tmp_path / "shard-000000.tar", verify=True))) == 3


def test_recipes_pixels_and_films_are_the_same_clips(rendered: Path, tmp_path: Path) -> None:
    for form in ("npz", "mp4"):
        render_shards(Order(tmp_path / form, RUN, count=2, form=form))
        assert verify(tmp_path / form).clips == 2
    pixels = list(read_shards(shards_in(tmp_path / "npz")))
    films = list(read_shards(shards_in(tmp_path / "mp4")))
    recipes = list(read_shards(shards_in(rendered)))
    for pixel, film, recipe in zip(pixels, films, recipes[:2], strict=True):
        assert pixel.record == recipe.record and film.record.captions == recipe.record.captions
        assert np.array_equal(pixel.clip().frames, recipe.clip().frames)
        apart = np.abs(film.clip().frames.astype(int) - pixel.clip().frames)
        assert apart.mean() < 8


def test_a_folder_of_another_run_or_another_world_is_refused(rendered: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a run with seed 3, not 4"):
        render_shards(Order(rendered, replace(RUN, seed=4), count=7, per_shard=3))
    with pytest.raises(DataError, match="a run with count 7, not 8"):
        render_shards(Order(rendered, RUN, count=8, per_shard=3))
    shutil.copytree(rendered, tmp_path, dirs_exist_ok=True)
    fields = json.loads((rendered / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**fields, "first": "0" * 64}))
    with pytest.raises(DataError, match="another version of the world"):
        render_shards(Order(tmp_path, RUN, count=7, per_shard=3))
    (tmp_path / "run.json").unlink()
    with pytest.raises(DataError, match="no run of the world"):
        render_shards(Order(tmp_path, RUN, count=7, per_shard=3))


def test_orders_that_make_no_shard_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'avi' is not one of recipe, npz, mp4"):
        Order(tmp_path, RUN, count=1, form="avi")
    with pytest.raises(DataError, match="0 clips"):
        Order(tmp_path, RUN, count=0)
    with pytest.raises(DataError, match="frames 0"):
        Run(frames=0)
