"""Laws of the rectified flow: where it begins and ends, what its loss counts, and when its times fall."""

import torch

from kinema.model.flow import LEAST_TIME, draw_times, noised, velocity_loss


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_flow_begins_at_the_latent_and_ends_at_the_noise() -> None:
    x, noise = drawn(2, 5, 3, seed=0), drawn(2, 5, 3, seed=1)
    assert torch.equal(noised(x, noise, torch.zeros(2)), x)
    assert torch.equal(noised(x, noise, torch.ones(2)), noise)


def test_the_flow_is_straight_and_its_velocity_is_noise_less_latent() -> None:
    x, noise, t = drawn(3, 5, 3, seed=0), drawn(3, 5, 3, seed=1), torch.tensor([0.2, 0.5, 0.9])
    x_t = noised(x, noise, t)
    torch.testing.assert_close((x_t - x) / t[:, None, None], noise - x)


def test_the_loss_is_the_squared_velocity_error_of_the_predicted_latent() -> None:
    x, guess, noise = (drawn(2, 5, 3, seed=seed) for seed in (0, 1, 2))
    t = torch.tensor([0.3, 0.8])
    x_t = noised(x, noise, t)
    error = (x_t - guess) / t[:, None, None] - (noise - x)
    torch.testing.assert_close(velocity_loss(guess, x, t), error.square().mean((1, 2)))


def test_below_the_least_time_the_weight_of_an_error_stays_finite() -> None:
    x, guess = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    assert velocity_loss(guess, x, torch.zeros(1)).item() == velocity_loss(guess, x, torch.tensor([LEAST_TIME])).item()


def test_known_tokens_do_not_count() -> None:
    x, guess, t = drawn(2, 6, 3, seed=0), drawn(2, 6, 3, seed=1), torch.tensor([0.3, 0.8])
    unknown = torch.ones(2, 6)
    unknown[:, :2] = 0
    wrong = guess.clone()
    wrong[:, :2] += 100
    loss = velocity_loss(guess, x, t, unknown)
    assert torch.equal(loss, velocity_loss(wrong, x, t, unknown))
    torch.testing.assert_close(loss, velocity_loss(guess[:, 2:], x[:, 2:], t))


def test_times_are_logit_normal_around_their_mean() -> None:
    t = draw_times(20_000, 0.4, torch.Generator().manual_seed(0))
    assert t.min() > 0 and t.max() < 1
    logits = torch.logit(t)
    # Six standard errors of 20,000 draws.
    assert abs(logits.mean() - 0.4) < 6 / 20_000**0.5
    assert abs(logits.std() - 1) < 6 / (2 * 20_000) ** 0.5
