"""The second thread of a worker: it keeps the job's lease alive, tells how far it is, and hears whether to stop.

A film stops at its next step, as by Ctrl-C; where no step comes within a second (frames are being upscaled, say) the
main thread is interrupted in the same way.
"""

from __future__ import annotations

import _thread
import base64
import logging
import secrets
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic
from typing import Literal

import numpy as np
from PIL import Image
from sqlalchemy.exc import SQLAlchemyError

from kinema.backends import Step
from kinema.serve import leases
from kinema.serve.jobs import Job
from kinema.serve.store import Store
from kinema.settings import read_settings
from kinema.trust.watermark import ID_BITS, SMALLEST_PX, KeyRing, Marker

BEAT_SECONDS, PATIENCE_SECONDS, PREVIEW_SECONDS = 0.4, 1.0, 2.0
Why = Literal["", "cancelled", "lost", "drained"]
_log = logging.getLogger("kinema.worker")


class Watch:
    """Watches over one job while its film is made; `why` says for what reason it was stopped, if it was."""

    def __init__(self, store: Store, job: Job, part: Path) -> None:
        self.why: Why = ""
        self.drain_at: float | None = None
        self._store, self._job, self._part = store, job, part
        self._progress, self._told, self._growing = 0, 0, ""
        self._previewed, self._stopped_at = monotonic(), 0.0
        self._preview_id = secrets.randbits(ID_BITS)
        self._is_watched = False
        self._over, self._lock, self._main_is_busy = Event(), Lock(), False
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._main_is_busy = True
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()
        self._over.set()
        self._thread.join()

    def rest(self) -> None:
        """From now on the main thread is not interrupted: what it does is short and has to be whole."""
        with self._lock:
            self._main_is_busy = False

    def on_step(self, step: Step) -> None:
        """A step is done. Raises KeyboardInterrupt where the film is to stop."""
        if self.why:
            self.rest()
            raise KeyboardInterrupt
        self._progress = max(self._progress, min(99, 100 * step.done // step.total))
        due = self._is_watched and monotonic() - self._previewed > PREVIEW_SECONDS
        if due and step.done < step.total:
            self._previewed = monotonic()
            picture = picture_of(marked(step.look(), self._preview_id), step)
            with suppress(SQLAlchemyError):  # the other thread says so; a film does not end for want of a preview
                leases.show(self._store, self._job, picture)

    def _run(self) -> None:
        alive = monotonic()
        while not self._over.wait(BEAT_SECONDS):
            try:
                self._beat()
                alive = monotonic()
            except SQLAlchemyError as error:
                _log.warning("the database does not answer: %s", type(error).__name__)
                if monotonic() - alive > 3600:
                    self._stop("lost")
            self._insist()

    def _beat(self) -> None:
        progress = self._progress if self._progress != self._told else None
        growing = str(self._part) if not self._growing and self._part.exists() and self._part.stat().st_size else None
        heard = leases.beat(self._store, self._job, progress, growing)
        self._told, self._growing = progress or self._told, growing or self._growing
        self._is_watched = heard is not None and heard.is_watched
        if heard is None:
            self._stop("lost")
        elif heard.stop:
            self._stop("cancelled")
        elif self.drain_at is not None and monotonic() > self.drain_at:
            self._stop("drained")

    def _stop(self, why: Why) -> None:
        if not self.why:
            self.why, self._stopped_at = why, monotonic()

    def _insist(self) -> None:
        if not self.why or monotonic() - self._stopped_at < PATIENCE_SECONDS:
            return
        with self._lock:
            if self._main_is_busy:
                self._main_is_busy = False
                _thread.interrupt_main()


def marked(pixels: np.ndarray, number: int) -> np.ndarray:
    """A frame (H, W, 3) uint8 that leaves before its film does, marked as one of this machine, where films are."""
    if not read_settings().watermark or min(pixels.shape[:2]) < SMALLEST_PX:
        return pixels
    return Marker(KeyRing().current(), number).mark_frame(pixels, 0, Fraction(1))


def picture_of(pixels: np.ndarray, step: Step) -> dict[str, object]:
    """A frame (H, W, 3) uint8 as the data of a preview event: a WebP in base64."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=70)
    picture = base64.b64encode(file.getvalue()).decode()
    return {"progress": min(99, 100 * step.done // step.total), "image_url": f"data:image/webp;base64,{picture}"}
