"""Networks compiled for this processor, kept under KINEMA_HOME/cache: the next start then takes half as long.

What was kept is taken for the same graph, weights, options, runtime and processor alone, and only where its hash still
holds, so that a damaged file costs a second and never another film.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import blake2b, sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.settings import read_settings

if TYPE_CHECKING:
    from openvino import CompiledModel, Core, Model

DIGEST_BYTES = 32
KEPT_OF_A_NAME = 4
"""Older ones of one name are removed: of other networks, settings or runtimes."""


def compiled(
    core: Core, name: str, digest: str, read: Callable[[], Model], options: Mapping[str, object]
) -> CompiledModel:
    """The network compiled for the processor, as it was kept or anew; digest tells its graph and weights from others.

    A network that is compiled for several shapes has a name for each, so that they do not push one another out.

    Raises RuntimeError, OpenVINO's, where it cannot be compiled. Where nothing can be kept, nothing is.
    """
    path = _place(core, name, digest, options)
    kept = _taken(path)
    if kept is not None:
        try:
            return core.import_model(BytesIO(kept), "CPU", dict(options))
        except RuntimeError:
            path.unlink(missing_ok=True)
    made = core.compile_model(read(), "CPU", dict(options))
    _keep(path, name, made.export_model().getvalue())
    return made


def _place(core: Core, name: str, digest: str, options: Mapping[str, object]) -> Path:
    """The file for just this network, these options, this runtime and this processor."""
    import openvino

    processor = [str(core.get_property("CPU", each)) for each in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    told = json.dumps(
        [digest, sorted((key, str(value)) for key, value in options.items()), openvino.__version__, processor]
    )
    return read_settings().home / "cache" / f"{name}-{sha256(told.encode()).hexdigest()[:16]}.network"


def _taken(path: Path) -> bytes | None:
    """What was kept, or None where nothing was or it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, blob = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    return blob if blake2b(blob, digest_size=DIGEST_BYTES).digest() == digest else None


def _keep(path: Path, name: str, blob: bytes) -> None:
    """Written whole or not at all; a full or locked disk costs the next start a second and nothing else."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(blake2b(blob, digest_size=DIGEST_BYTES).digest() + blob)
        part.replace(path)
        of_name = sorted(path.parent.glob(f"{name}-????????????????.network"), key=lambda each: each.stat().st_mtime)
        for older in of_name[:-KEPT_OF_A_NAME]:
            older.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            part.unlink()
