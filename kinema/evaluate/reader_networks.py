"""The readers' two architectures, as torch modules: only training and export need them.

Letters: B clips, T frames (32), S steps in time (groups of frames), C channels, D width, G cells a side, H W pixels.
Both networks take frames (B, T, H, W, 3) uint8 and give the logits of all factors side by side, (B, classes).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinema.evaluate.factors import CLASSES
from kinema.evaluate.views import FRAMES

WIDTHS = [len(classes) for classes in CLASSES.values()]
GRID = 8
PATCH = 4
SHARP_STEPS = (0, 5, 10, 15)
"""Of 16 steps, those whose first frame the dev reader also looks at in full size."""
ROLES = 2
QUARTERS = 4
"""Of a clip, each told apart from the others."""
TEMPORAL = QUARTERS + 1
CHANGE_GAIN = 4.0
"""Changes from frame to frame are small; this makes them as loud as the picture."""


class Answer(NamedTuple):
    """What a network says: logits of all factors, where it looked, and what it would say of the true places."""

    logits: Tensor
    attention: Tensor
    """(B, roles, S, G, G) log-probabilities over a clip's cells."""
    followed: Tensor
    """(B, S, roles, G, G) log-probabilities over the cells of every step in time."""
    told: Tensor
    """(B, roles, objects + colours) logits of things pooled at their true places; empty where these are unknown."""


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    layer = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


class Residual(nn.Module):
    """x + two convolutions; where a clip has several steps, some channels come from the step before and after.

    Temporal shift: Lin, Gan and Han 2019 (arXiv 1811.08383).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.body = nn.Sequential(conv(channels, channels), last, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor, steps: int = 1) -> Tensor:
        return F.relu(x + self.body(shifted(x, steps) if steps > 1 else x))


def shifted(x: Tensor, steps: int) -> Tensor:
    """(B * S, C, G, G) with an eighth of the channels from the step before and an eighth from the one after."""
    part = x.shape[1] // 8
    clips = x.unflatten(0, (-1, steps))
    edge = torch.zeros_like(clips[:, :1])
    before = torch.cat([edge, clips[:, :-1]], 1)[:, :, :part]
    after = torch.cat([clips[:, 1:], edge], 1)[:, :, part : 2 * part]
    return torch.cat([before, after, clips[:, :, 2 * part :]], 2).flatten(0, 1)


class Temporal(nn.Module):
    """What happens over time, (B, 5D): where the things are in every step, how they look there, and the whole; mixed.

    Actions are learnt from tracks: without them, from the whole alone, they were not learnt at all in ten core minutes.
    """

    def __init__(self, channels: int, width: int, squeezed: int = 12, grid: int = GRID) -> None:
        super().__init__()
        self.look = nn.Sequential(conv(channels, 48), nn.Conv2d(48, ROLES, 1))
        self.squeeze = nn.Sequential(nn.Conv2d(channels, squeezed, 1, bias=False), nn.BatchNorm2d(squeezed), nn.ReLU())
        self.enter = nn.Linear(squeezed * grid * grid, width)
        self.track = nn.Linear(ROLES * (channels + 2), width)
        self.level = nn.BatchNorm1d(ROLES * (channels + 2))
        self.mix = nn.ModuleList(nn.Conv1d(width, width, 3, padding=gap, dilation=gap) for gap in (1, 2, 4))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(4))
        middles = (torch.arange(grid) + 0.5) / grid - 0.5
        places = torch.stack(torch.meshgrid(middles, middles, indexing="ij")).flatten(1)
        self.register_buffer("places", places, persistent=False)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 5D) from maps (B, S, C, G, G), and where it followed the things: see Answer."""
        steps, flat = maps.shape[1], maps.flatten(0, 1)
        followed = self.look(flat).float().flatten(2).log_softmax(2)
        shares = followed.exp()
        local = torch.einsum("srn,scn->src", shares, flat.flatten(2).float())
        place = torch.einsum("srn,pn->srp", shares, self.places)
        tracks = self.track(self.level(torch.cat([local, place], 2).flatten(1)))
        x = self.enter(self.squeeze(flat).flatten(1)) + tracks
        x = F.relu(self.norms[0](x.unflatten(0, (-1, steps)).transpose(1, 2)))
        for layer, norm in zip(self.mix, self.norms[1:], strict=True):
            x = x + F.relu(norm(layer(x)))
        grid = maps.shape[-1]
        quarters = x.unflatten(2, (QUARTERS, -1)).mean(3).flatten(1)  # in order: growing differs from shrinking
        return torch.cat([quarters, x.amax(2)], 1), followed.unflatten(0, (-1, steps)).unflatten(3, (grid, grid))


class Things(nn.Module):
    """Finds the first and the second thing among cells, and says what each is and how coloured."""

    def __init__(self, channels: int, extra: int, steps: int, grid: int = GRID) -> None:
        super().__init__()
        self.where = nn.Parameter(torch.zeros(steps, channels, grid, grid))
        self.extra = nn.Conv2d(extra, channels, 1)
        self.look = nn.Sequential(conv(channels, channels), nn.Conv2d(channels, ROLES, 1))
        self.tell = nn.Sequential(nn.Linear(channels, 2 * channels), nn.ReLU())
        self.say = nn.Linear(2 * channels, WIDTHS[0] + WIDTHS[1])
        self.pooled = 2 * channels

    def told_at(self, maps: Tensor, shares: Tensor) -> Tensor:
        """Logits (B, roles, objects + colours) of maps (B, S, C, G, G) pooled by shares (B, roles, S * G * G)."""
        cells = maps.transpose(2, 1).flatten(2).float()
        return self.say(self.tell(torch.einsum("brn,bcn->brc", shares, cells)))

    def forward(self, maps: Tensor, moves: Tensor, truth: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits (B, roles, ·) by its own attention, features (B, roles, D), log attention, logits at the true places.

        maps (B, S, C, G, G) what is there, moves (B, S, E, G, G) how it moves, truth (B, roles, S, G, G) or None.
        """
        batch, steps = maps.shape[:2]
        seen = F.relu(maps + self.extra(moves.flatten(0, 1)).unflatten(0, (batch, steps)) + self.where)
        scores = self.look(seen.flatten(0, 1)).unflatten(0, (batch, steps)).transpose(1, 2).float()
        attention = scores.flatten(2).log_softmax(2)
        cells = maps.transpose(2, 1).flatten(2).float()
        features = self.tell(torch.einsum("brn,bcn->brc", attention.exp(), cells))
        told = self.say(features)
        if truth is None:
            return told, features, attention.view_as(scores), told[:, :0]
        shares = truth.flatten(2) / truth.flatten(2).sum(2, keepdim=True).clamp(min=1)
        return told, features, attention.view_as(scores), self.told_at(maps, shares)


class Heads(nn.Module):
    """All factors' logits, in the order of FACTORS, from things (B, roles, D), the picture (B, P) and time (B, Q)."""

    def __init__(self, things: int, picture: int, time_width: int) -> None:
        super().__init__()
        whole = picture + time_width
        self.level = nn.BatchNorm1d(whole + ROLES * things)  # its parts are of unlike loudness
        self.drop = nn.Dropout(0.1)
        self.scenery = nn.Linear(whole, len(CLASSES["place"]) + len(CLASSES["time"]) + len(CLASSES["weather"]))
        self.count = nn.Linear(whole, len(CLASSES["count"]))
        self.happens = nn.Sequential(nn.Linear(whole + ROLES * things, 144), nn.ReLU())
        self.action = nn.Linear(144, len(CLASSES["action"]) + len(CLASSES["direction"]))
        self.camera = nn.Linear(time_width, len(CLASSES["camera"]))

    def forward(self, told: Tensor, features: Tensor, picture: Tensor, over_time: Tensor) -> Tensor:
        everything = self.drop(self.level(torch.cat([picture, over_time, features.flatten(1)], 1)))
        whole = everything[:, : picture.shape[1] + over_time.shape[1]]
        scenery = self.scenery(whole)
        happens = self.action(self.happens(everything))
        objects = WIDTHS[0]
        return torch.cat(
            [
                told[:, 0],
                self.count(whole),
                told[:, 1, :objects],
                told[:, 1, objects:],
                scenery,
                happens,
                self.camera(whole[:, picture.shape[1] :]),
            ],
            1,
        )


def pixels(frames: Tensor) -> Tensor:
    """Frames (B, T, H, W, 3) uint8 as (B, T, 3, H, W) in [-1, 1]."""
    return frames.permute(0, 1, 4, 2, 3).float() / 127.5 - 1


class TwoStreams(nn.Module):
    """The dev reader: four sharp frames say what is there, sixteen pairs of half-size frames say what happens."""

    steps, grid = len(SHARP_STEPS), GRID
    portrait_frames, portrait_steps = 1, 1

    def __init__(self) -> None:
        super().__init__()
        self.sharp = nn.Sequential(
            conv(3 * PATCH**2, 64), conv(64, 96, 2), Residual(96), conv(96, 112, 2), Residual(112)
        )
        self.moving = nn.Sequential(conv(6 * PATCH**2, 48), Residual(48), conv(48, 64, 2), Residual(64))
        self.things = Things(112, 64, len(SHARP_STEPS))
        self.temporal = Temporal(64, 128)
        self.heads = Heads(self.things.pooled, 2 * 112, TEMPORAL * 128)

    @staticmethod
    def groups(where: Tensor) -> Tensor:
        """(B, T, ...) as the steps that things are looked for in, (B, S, ...)."""
        return where[:, [2 * step for step in SHARP_STEPS]]

    @staticmethod
    def paces(where: Tensor) -> Tensor:
        """(B, T, ...) as the steps in time, (B, S, ...)."""
        return where[:, 1::2]

    @staticmethod
    def changes(clip: Tensor) -> Tensor:
        """Every second frame (B, T, 3, h, w), its change in brightness since 1/8, 1/4, 1 s: (B, T/2, 6, h, w)."""
        now, gray = clip[:, 1::2], clip.mean(2, keepdim=True)
        bright = gray[:, 1::2]
        since = [bright - gray[:, 0::2]]
        for steps in (1, 4):
            since.append(bright - torch.cat([bright[:, :1].expand(-1, steps, -1, -1, -1), bright[:, :-steps]], 1))
        return torch.cat([now, *(CHANGE_GAIN * change for change in since)], 2)

    def maps_of(self, frames: Tensor) -> Tensor:
        """What the cells of frames (B, S, 3, H, W) in [-1, 1] hold, (B, S, C, G, G)."""
        sharp = F.pixel_unshuffle(frames.flatten(0, 1), PATCH).contiguous(memory_format=torch.channels_last)
        return self.sharp(sharp).unflatten(0, (frames.shape[0], -1))

    def forward(self, frames: Tensor, truth: Tensor | None = None) -> Answer:
        clip = pixels(frames)
        batch = clip.shape[0]
        maps = self.maps_of(self.groups(clip))
        small = F.avg_pool2d(clip.flatten(0, 1), 2).unflatten(0, (batch, FRAMES))
        moving = F.pixel_unshuffle(self.changes(small).flatten(0, 1), PATCH)
        moves = self.moving(moving.contiguous(memory_format=torch.channels_last)).unflatten(0, (batch, -1))
        over_time, followed = self.temporal(moves)
        told, features, attention, taught = self.things(maps, moves[:, list(SHARP_STEPS)], truth)
        picture = torch.cat([maps.mean((1, 3, 4)), maps.amax((1, 3, 4))], 1)
        return Answer(self.heads(told, features, picture, over_time), attention, followed, taught)


class Folded(nn.Module):
    """The sealed reader: one tower over eight steps of four frames, folded into channels, shifted between steps."""

    steps, grid = 8, 6
    portrait_frames, portrait_steps = 4, 1

    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.ModuleList(
            (conv(12 * PATCH**2, 72), Residual(72), conv(72, 104, 2), Residual(104), conv(104, 112, 2), Residual(112))
        )
        self.things = Things(112, 112, self.steps, self.grid)
        self.temporal = Temporal(112, 128, grid=self.grid)
        self.heads = Heads(self.things.pooled, 112, TEMPORAL * 128)

    @staticmethod
    def groups(where: Tensor) -> Tensor:
        """(B, T, ...) as means over the steps of four frames, (B, S, ...)."""
        return where.unflatten(1, (8, 4)).mean(2)

    paces = groups

    def maps_of(self, frames: Tensor) -> Tensor:
        """What the cells of frames (B, T, 3, H, W) in [-1, 1] hold, (B, S, C, G, G)."""
        side = frames.shape[-1] * 3 // 4
        small = F.interpolate(frames.flatten(0, 1), size=(side, side), mode="bilinear", align_corners=False)
        steps = small.unflatten(0, (-1, 4))
        folded = torch.cat([steps[:, :1], CHANGE_GAIN * (steps[:, 1:] - steps[:, :-1])], 1).flatten(1, 2)
        folded = F.pixel_unshuffle(folded, PATCH).contiguous(memory_format=torch.channels_last)
        count = frames.shape[1] // 4
        for layer in self.tower:
            folded = layer(folded, count) if isinstance(layer, Residual) else layer(folded)
        return folded.unflatten(0, (frames.shape[0], count))

    def forward(self, frames: Tensor, truth: Tensor | None = None) -> Answer:
        maps = self.maps_of(pixels(frames))
        told, features, attention, taught = self.things(maps, maps, truth)
        over_time, followed = self.temporal(maps)
        logits = self.heads(told, features, maps.mean((1, 3, 4)), over_time)
        return Answer(logits, attention, followed, taught)
