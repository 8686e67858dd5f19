"""Was this made here? Four witnesses, heard apart, each with its evidence and with how often it errs.

They are never added up: credentials can be stripped and a fingerprint can be shared, so a person is told what each one
says. 'Here' is whatever holds this machine's keys and registry.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from kinema.clip import Clip
from kinema.errors import CheckpointError, TrustError
from kinema.media import read as read_clip
from kinema.settings import read_settings
from kinema.trust import watermark, witness
from kinema.trust.registry import Registry, sha256_of_file
from kinema.trust.verify import verify
from kinema.trust.watermark.search import FALSE_POSITIVES

Answer = Literal["yes", "no", "cannot tell"]
NETWORKS = Path(__file__).parents[1] / "weights" / "nano"
FORGED = 2.0**-112
"""The chance to guess a signature of the weakest key that may sign (RSA with 2048 bits)."""
SAME_BYTES = 2.0**-128
"""The chance that two files have one SHA-256."""
ALIKE = 0.019
"""How often a piece of one film may match another. Of 200 pieces of pocket films, each held against 199 others, none
did (`python -m kinema.trust.fingerprint_measure`); this is the upper end of the 95 % interval.
"""


@dataclass(frozen=True)
class Witness:
    """What one witness says. `error_rate` is how often a 'yes' is wrong, by `error_basis`; None where it has none."""

    answer: Answer
    evidence: str
    error_rate: float | None
    error_basis: str


@dataclass(frozen=True)
class Testimony:
    """What the four witnesses say of a file."""

    path: Path
    credentials: Witness
    watermark: Witness
    fingerprint: Witness
    classifier: Witness

    @property
    def witnesses(self) -> dict[str, Witness]:
        return {name: getattr(self, name) for name in ("credentials", "watermark", "fingerprint", "classifier")}

    @property
    def sentence(self) -> str:
        """What follows from it, as a person reads it."""
        said = {answer: [name for name, each in self.witnesses.items() if each.answer == answer] for answer in _ANSWERS}
        name, yes, no = self.path.name, _named(said["yes"]), _named(said["no"])
        if said["yes"] and not self._sure:
            alike = f"{name} looks and moves like a film of this machine, by its {yes} alone"
            sole = f"{name} looks like films of this machine's model, wherever they were made, by its classifier alone"
            return f"Probably made here: {alike if self.fingerprint.answer == 'yes' else sole}."
        if yes and no:
            return f"Made here: {name} is of this machine, by its {yes}, though its {no} cannot show it."
        if yes:
            return f"Made here: {name} is of this machine, by its {yes}."
        if no:
            return f"Nothing says that {name} was made here: its {no} would have shown most films of this machine."
        return f"Cannot tell whether {name} was made here: no witness can say."

    @property
    def _sure(self) -> bool:
        """Whether a witness says yes that hardly ever errs; likeness and the classifier do."""
        alike = self.fingerprint.error_rate == ALIKE
        return "yes" in (self.credentials.answer, self.watermark.answer) or (
            self.fingerprint.answer == "yes" and not alike
        )

    def to_fields(self) -> dict[str, Any]:
        """The JSON object, a key for each witness."""
        each = {name: asdict(witness) for name, witness in self.witnesses.items()}
        return {"path": str(self.path), "sentence": self.sentence, **each}


_ANSWERS: tuple[Answer, ...] = ("yes", "no", "cannot tell")


def detect(path: Path) -> Testimony:
    """What each witness says of a film or picture. Raises ClipError where the file holds none.

    Keys or a registry that cannot be read make their witness say 'cannot tell' with the reason.
    """
    clip = read_clip(path)
    return Testimony(path, _credentials(path), _watermark(clip), _fingerprint(path, clip), _classifier(clip))


def _credentials(path: Path) -> Witness:
    """Yes only where they are trusted and name Kinema as the maker: whatever else they say, anybody can say."""
    basis = "forging them takes the signer's key; this is the chance to guess a signature (RSA-2048, the weakest)"
    try:
        verdict = verify(path)
    except TrustError as error:
        return Witness("cannot tell", str(error), None, basis)
    if not verdict.is_trusted:
        return Witness("cannot tell", verdict.sentence, None, basis)
    if verdict.maker.split(" ")[0] == "Kinema" and verdict.part("film"):
        return Witness("yes", f"{verdict.sentence} Made with {verdict.maker}.", FORGED, basis)
    made = f"{verdict.sentence} It was made with {verdict.maker or 'something unnamed'}, not with Kinema"
    if verdict.ingredients:
        return Witness("cannot tell", f"{made}; what it was made from may have been.", None, basis)
    return Witness("no", f"{made}.", None, basis)


def _watermark(clip: Clip) -> Witness:
    """What the mark says; ids of the registry are tried first, since fewer ids make a worn one readable."""
    basis = "proven for every film without a mark, kinema/trust/watermark/search.py"
    try:
        keys = watermark.KeyRing().all()
    except TrustError as error:
        return Witness("cannot tell", str(error), None, basis)
    note = ""
    try:
        registry = Registry()
        numbers = registry.numbers()
        reading = watermark.read(clip, keys, numbers or None)
        if reading.verdict == "yes" and reading.number is None and numbers:
            reading = watermark.read(clip, keys)
        known = registry.numbered(reading.number) if reading.number is not None else None
        if known:
            note = f"; that of the film {known.recipe[:12]} made {known.made}"
    except TrustError:
        reading = watermark.read(clip, keys)
        note = "; the registry, which knows the ids, cannot be read"
    rate = FALSE_POSITIVES if reading.verdict == "yes" else None
    return Witness(reading.verdict, reading.evidence + note, rate, basis)


def _fingerprint(path: Path, clip: Clip) -> Witness:
    """Whether the registry knows the file's very bytes, or a film that it is a piece of."""
    basis = (
        "a bound that takes 128 bits as independent; python -m kinema.trust.fingerprint_measure prints how films err"
    )
    try:
        registry = Registry()
        whole = registry.find_file(sha256_of_file(path)) if path.is_file() else None
        if whole:
            said = f"the very file of the film {whole.recipe[:12]} made {whole.made}"
            return Witness("yes", said, SAME_BYTES, "SHA-256 of the file's bytes")
        finding = registry.search(clip)
    except TrustError as error:
        return Witness("cannot tell", str(error), None, basis)
    return Witness(finding.verdict, finding.evidence, ALIKE if finding.match else None, basis)


def _classifier(clip: Clip) -> Witness:
    """How probably the networks that are here made the pictures, and how often its yes was wrong in training."""
    try:
        weights = witness.Weights.load()
        network = witness.network_hash(read_settings().weights or NETWORKS)
    except CheckpointError as error:
        return Witness("cannot tell", str(error), None, "it cannot be asked")
    basis = f"{weights.basis}; kinema/evaluate/witness.py measures it"
    if network != weights.network:
        said = "it learned from other networks than those that are here; python -m kinema.evaluate.witness trains it"
        return Witness("cannot tell", said, None, basis)
    if not witness.is_readable(clip):
        least = f"{witness.FEWEST_FRAMES} frames of {witness.SMALLEST_PX}x{witness.SMALLEST_PX}"
        return Witness("cannot tell", f"the film is shorter or smaller than {least}", None, basis)
    answer, probability, distance = witness.verdict(weights, witness.traces(clip))
    said = f"the embedded model made it with a probability of {probability:.2f}"
    far = f", but it is unlike the films that this was learned from ({distance:.1f} of {weights.limit:.1f} deviations)"
    unlike = distance > weights.limit and probability >= witness.YES
    return Witness(answer, said + (far if unlike else ""), weights.wrong if answer == "yes" else None, basis)


def _named(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else "".join(names)
