"""Networks compiled for this processor, kept under KINEMA_HOME/cache: the next start then takes half as long.

What was kept is taken for the same graph, weights, options, runtime and processor alone, and only where its hash still
holds, so that a damaged file costs a second and never another film.

Several processes, and several versions of Kinema, may share the folder. Each notes when it took a file, and what nobody
took for a month goes, OpenVINO's own blobs of earlier versions too. A file is read whole before it is used, so one that
goes meanwhile takes nothing away from whoever has it, and costs the next who wants it a second.
"""

from __future__ import annotations

import json
import os
import time
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
"""Those not taken for the longest time are removed: of other networks, settings or runtimes."""
DAY = 86_400.0
UNUSED_DAYS = 30
"""What was not taken for so long is removed, by whoever looks first, once a day."""
_OURS = {".network", ".part", ".blob"}


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
    _note_use(path)
    digest, blob = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    return blob if blake2b(blob, digest_size=DIGEST_BYTES).digest() == digest else None


def _note_use(path: Path) -> None:
    """The file bears the day of its last use; on its first use of a day what nobody uses any more goes."""
    with suppress(OSError):  # another process may have removed it, or the folder may be for reading only
        if time.time() - path.stat().st_mtime > DAY:
            os.utime(path)
            _forget_unused(path.parent)


def _forget_unused(folder: Path) -> None:
    """Removes what nobody took for UNUSED_DAYS, of what is kept here; a file that cannot be removed stays."""
    for file in folder.iterdir():
        with suppress(OSError):
            if file.suffix in _OURS and time.time() - file.stat().st_mtime > UNUSED_DAYS * DAY:
                file.unlink()


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
        _forget_unused(path.parent)
    except OSError:
        with suppress(OSError):
            part.unlink()
