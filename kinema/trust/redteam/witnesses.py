"""Attacks on 'was this made here?': a film of this machine is changed until no witness knows it, if that can be done.

A stopped attack is one after which at least one witness still says yes. Films that were made elsewhere are the fair
attempts, those too that were taken further here: a yes about one of them is a false claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kinema.clip import Clip
from kinema.data.record import sha256_of_frames
from kinema.trust.credentials import Provenance, sign
from kinema.trust.detect import detect
from kinema.trust.redteam.attempt import Attempt, Tick
from kinema.trust.redteam.marks import STRANGER
from kinema.trust.redteam.workshop import DIGEST, NUMBER, RECIPE, own_home
from kinema.trust.registry import remember
from kinema.trust.watermark import KeyRing, Marker
from kinema.trust.watermark.attacks import BEYOND, PROMISED
from kinema.trust.watermark.attacks import Attack as Change
from kinema.trust.watermark.measure import pocket

TARGET = "detector"
SEED = 7_801
CHANGES: dict[str, Change] = {
    name: change for name, change in (PROMISED | BEYOND | STRANGER).items() if "CRF 18" not in name
}
QUICK = ("mirrored + CRF 28",)


def attack(tick: Tick, *, films: int, sides_px: tuple[int, ...], names: tuple[str, ...]) -> Iterator[Attempt]:
    """Films of each size as the engine leaves them, each changed and written anew without what it said."""
    for side in sides_px:
        clips = pocket(side, 4.0, 2 * films, SEED + side)
        group = f"{side}x{side}, 4 s"
        for at, (clip, stranger) in enumerate(zip(clips[:films], clips[films:], strict=True)):
            with own_home() as folder:
                subject = f"{group}, film {at}"
                film = _made(folder / "film.mp4", clip)
                yield _tried(tick, group, "untouched", film, subject)
                shown = Clip.read(film)
                for name in names:
                    changed = CHANGES[name](shown).write(folder / "changed.mp4")
                    yield _tried(tick, group, name, changed, subject)
                other = stranger.write(folder / "other.mp4")
                yield _tried(tick, group, "made elsewhere", other, subject, is_bad=False)
                further = Clip.join([stranger, clip])
                remember(further, further.write(folder / "further.mp4"), DIGEST, NUMBER, given=[stranger])
                yield _tried(tick, group, "made elsewhere, extended here", other, subject, is_bad=False)


def _made(path: Path, clip: Clip) -> Path:
    """The film as the engine leaves it: marked, signed, remembered."""
    Clip.join(Marker(KeyRing().current(), NUMBER).mark([clip])).write(path)
    sign(path, Provenance(RECIPE, sha256_of_frames(clip.frames)))
    remember(clip, path, DIGEST, NUMBER)
    return path


def _tried(
    tick: Tick, group: str, attack: str, film: Path, subject: str, *, is_bad: bool = True
) -> Attempt:  # fmt: skip
    known = any(witness.answer == "yes" for witness in detect(film).witnesses.values())
    tick(TARGET)
    return Attempt(TARGET, attack, group, "", is_bad, known, subject)
