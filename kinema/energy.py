"""What a film took: seconds, watt-hours by a method that is named, grams of CO2 by a grid whose source is named.

A counter of the machine is read where there is one that may be read (RAPL of the processor, NVML of a graphics card);
else wall time times the watts that the owner declared, which is an estimate and called so. It stands alone and low so
that everybody can carry a receipt; a budget ends a film whose energy runs out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from kinema.errors import ExtraMissingError, RecipeError
from kinema.settings import Settings

ESTIMATE = "estimate: wall time x declared watts"
RAPL = "RAPL counter: processor and its memory, other programs included"
NVML = "NVML counter: graphics card"
WORLD_GRID = "IEA, Electricity 2025: the world's mean of 2024"
DECLARED_GRID = "declared by the machine's owner, source and year unnamed"
POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Receipt:
    """Seconds of wall time, watt-hours and grams of CO2, and how they were found."""

    wall_s: float
    energy_wh: float
    co2_g: float
    method: str = ESTIMATE
    grams_per_kwh: float = 0.0
    grid: str = DECLARED_GRID

    @property
    def is_estimate(self) -> bool:
        """Whether any part of it was not measured."""
        return "estimate" in self.method


class Counter(Protocol):
    """A count of joules that only grows."""

    method: str

    def joules(self) -> float:
        """Joules since the counter was made."""
        ...


class Rapl:
    """The processor's own count, per package and its memory; it wraps round, so it has to be read now and then."""

    method = RAPL

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self._last = [_microjoules(file) for file in files]
        self._ranges = [_microjoules(file.with_name("max_energy_range_uj")) for file in files]
        self._sum = 0

    @classmethod
    def find(cls, powercap: Path = POWERCAP) -> Rapl | None:
        """The counters that this process may read, None where one that is needed may not be read."""
        wanted = []
        for zone in sorted(powercap.glob("intel-rapl:*")):
            try:
                name = (zone / "name").read_text().strip()
                if name.startswith("package") or name == "dram":
                    _microjoules(zone / "energy_uj")
                    wanted.append(zone / "energy_uj")
            except (OSError, ValueError):
                return None
        return cls(tuple(wanted)) if wanted else None

    def joules(self) -> float:
        for index, file in enumerate(self._files):
            now = _microjoules(file)
            self._sum += (now - self._last[index]) % (self._ranges[index] + 1)
            self._last[index] = now
        return self._sum / 1e6


class Nvml:
    """The count that a graphics card keeps of itself, by its number; needs the package nvidia-ml-py."""

    method = NVML

    def __init__(self, card: int) -> None:
        try:
            import pynvml
        except ModuleNotFoundError:
            raise ExtraMissingError("nvidia", "measuring the energy of a graphics card") from None
        self._pynvml: Any = pynvml
        pynvml.nvmlInit()
        self._handle = pynvml.nvmlDeviceGetHandleByIndex(card)
        self._begun = pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)

    def joules(self) -> float:
        return (self._pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) - self._begun) / 1e3


class Meter:
    """Counts from the moment it is made; `cards` are the graphics cards that work for the film."""

    def __init__(self, settings: Settings, *, cards: tuple[int, ...] = (), powercap: Path = POWERCAP) -> None:
        self._settings = settings
        rapl = Rapl.find(powercap)
        self._machine: Counter | None = rapl
        self._cards: tuple[Counter, ...] = tuple(Nvml(card) for card in cards)
        self._begun = monotonic()

    def read(self) -> Receipt:
        """What was taken so far."""
        wall_s = monotonic() - self._begun
        joules = self._machine.joules() if self._machine else wall_s * self._settings.watts
        joules += sum(card.joules() for card in self._cards)
        methods = [NVML] if self._cards else []
        if self._machine:
            methods.append(self._machine.method)
        else:
            methods.append(f"the rest an {ESTIMATE}" if self._cards else ESTIMATE)
        return _receipt(wall_s, joules / 3600, "; ".join(methods), self._settings)


class Progress(Protocol):
    """So many steps of so many are done."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...


@dataclass
class Budget:
    """The most that a film may take, None for no bound; asked at every step."""

    max_wh: float | None
    meter: Meter
    _first: tuple[int, float] = field(default=(0, 0.0), init=False)
    _done: int = field(default=0, init=False)

    def check(self, step: Progress) -> None:
        """Raises RecipeError as soon as more is spent than allowed, or surely will be by the last step of this fill."""
        if self.max_wh is None:
            return
        spent = self.meter.read().energy_wh
        if step.done <= self._done or not self._done:
            self._first = (step.done, spent)
        self._done = step.done
        steps, taken = step.done - self._first[0], spent - self._first[1]
        expected = spent + taken / steps * (step.total - step.done) if steps * 2 >= step.total else spent
        if expected > self.max_wh:
            raise RecipeError(
                f"{spent:.3g} Wh were spent by step {step.done} of {step.total}, and {self.max_wh:g} Wh are allowed:"
                " the film ends here; ask for fewer seconds, fewer steps or a smaller size"
            )


def receipt(wall_s: float, *, watts: float, grams_per_kwh: float) -> Receipt:
    """The estimated receipt of a machine that drew `watts` for `wall_s` seconds."""
    energy_wh = wall_s * watts / 3600
    return Receipt(wall_s, energy_wh, energy_wh / 1000 * grams_per_kwh, ESTIMATE, grams_per_kwh)


def _receipt(wall_s: float, energy_wh: float, method: str, settings: Settings) -> Receipt:
    is_default = settings.grams_per_kwh == Settings.model_fields["grams_per_kwh"].default
    grid = settings.grid or (WORLD_GRID if is_default else DECLARED_GRID)
    return Receipt(wall_s, energy_wh, energy_wh / 1000 * settings.grams_per_kwh, method, settings.grams_per_kwh, grid)


def _microjoules(file: Path) -> int:
    return int(file.read_text())
