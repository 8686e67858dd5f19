"""The processor: which numbers the networks are run in and on how many threads, from its flags and the settings.

Never from a timing, so that a film made twice on one machine is made with the same numbers twice.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from kinema.settings import Settings

BF16_FLAGS = ("amx_bf16", "avx512_bf16")


@dataclass(frozen=True)
class Numerics:
    """What the networks are run in, on how many threads, and why."""

    precision: str
    threads: int
    why: str


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The instruction sets of the processor; empty where the system has no such list."""
    if not cpuinfo.is_file():
        return frozenset()
    lines = (line for line in cpuinfo.read_text(errors="replace").splitlines() if line.startswith("flags"))
    return frozenset(next(lines, "flags:").partition(":")[2].split())


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def numerics(settings: Settings, flags: frozenset[str]) -> Numerics:
    """bf16 where the processor multiplies it by itself, else f32; all cores; unless the settings say otherwise."""
    threads = settings.threads or cores()
    if settings.precision != "auto":
        return Numerics(settings.precision, threads, "KINEMA_PRECISION says so")
    able = [flag for flag in BF16_FLAGS if flag in flags]
    if able:
        return Numerics("bf16", threads, f"the processor has {' and '.join(able)}")
    return Numerics("f32", threads, f"the processor has none of {', '.join(BF16_FLAGS)}")
