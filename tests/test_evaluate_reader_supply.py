"""Laws of a reader's lessons: a stock holds what would be rendered, a mirror exchanges what it must."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kinema.errors import TrainingError
from kinema.evaluate.factors import CLASSES, FACTORS
from kinema.evaluate.reader_supply import Rendered, Stock, Stocked, Taught, fill, mirrored, toned

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    made = Stock(tmp_path_factory.mktemp("stock"), "dev", places=2)
    fill(made, 3, 4, workers=1)
    return made


def test_a_stock_holds_the_lessons_that_would_be_rendered(stock: Stock) -> None:
    held, faces = stock.arrays("r")
    supply = Rendered("dev", places=2)
    for number in range(3):
        taught = supply.lessons(number, 1)
        assert np.array_equal(held["frames"][number], taught.frames[0])
        assert np.array_equal(held["labels"][number], taught.labels[0])
        assert np.array_equal(held["where"][number], taught.where[0])
    assert np.array_equal(faces["frames"][2], supply.portraits(2, 1).frames[0])
    assert held["done"].all() and faces["done"].all()


def test_lessons_from_a_stock_leave_out_the_quiz_and_are_mirrored_half_the_time(stock: Stock) -> None:
    supply = Stocked(stock, CPU, quiz_clips=2)
    quiz, taught = supply.quiz(), supply.lessons(0, 4)
    held = stock.arrays("r")[0]
    assert np.array_equal(quiz.frames.numpy(), held["frames"][:2])
    last = torch.from_numpy(held["where"][2].astype(np.float32))
    assert torch.equal(taught.where[3], last)
    assert torch.equal(taught.where[0], last.flip(3))
    assert supply.portraits(0, 5).frames.shape == (5, 1, 80, 80, 3)


def test_what_is_not_done_is_not_taught(stock: Stock, tmp_path: Path) -> None:
    begun = Stock(tmp_path, "dev")
    kinds = begun.arrays("w+", 4, 4)
    for kind in kinds:
        kind["done"][1:3] = 1
        kind["labels"][1:3] = 7
    supply = Stocked(begun, CPU, quiz_clips=1)
    assert (supply.quiz().labels == 7).all()
    assert (supply.lessons(0, 2).labels == 7).all()
    kinds[0]["done"][3], kinds[0]["labels"][3] = 1, 9
    supply = Stocked(begun, CPU, quiz_clips=1)
    assert any((supply.lessons(step, 2).labels == 9).any() for step in range(12))


def test_a_mirror_exchanges_left_and_right_and_nothing_else() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros(3, len(FACTORS), dtype=torch.int64)
    direction, camera = FACTORS.index("direction"), FACTORS.index("camera")
    pans = CLASSES["camera"].index("pans_left")
    labels[1, direction], labels[2, direction], labels[1, camera] = 1, -1, pans
    frames = torch.randint(0, 255, (3, 32, 8, 8, 3), generator=generator, dtype=torch.uint8)
    taught = Taught(frames, labels, torch.rand(3, 32, 2, 4, 4, generator=generator))
    turned = mirrored(taught)
    assert turned.labels[:, direction].tolist() == [1, 0, -1]
    assert turned.labels[:, camera].tolist() == [0, CLASSES["camera"].index("pans_right"), 0]
    assert torch.equal(turned.frames[..., 0, :], taught.frames[..., -1, :])
    for before, after in zip(taught, mirrored(turned), strict=True):
        assert torch.equal(before, after)


def test_toned_frames_stay_near() -> None:
    frames = torch.full((4, 2, 8, 8, 3), 128, dtype=torch.uint8)
    after = toned(frames, torch.Generator().manual_seed(0)).float()
    assert (after - 128).abs().mean() < 12
    assert after.std() > 0


def test_a_stock_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="reader_supply"):
        Stock(tmp_path, "sealed").arrays("r")
