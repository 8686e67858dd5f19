"""A connection of a client who may be slow on purpose: its requests' heads come in time, or it is closed.

uvicorn waits for the head of a request as long as its client likes, one byte a minute, and a few thousand such clients
leave no connection for others. What a request brings after its head is bounded in kinema/serve/doors.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from kinema.settings import read_settings


class PatientProtocol(H11Protocol):
    """uvicorn's own, whose patience with a head that does not end is as long as the settings say."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._patience_seconds = read_settings().max_silence_seconds
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A head is waited for from now on."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """The wait goes on while a head is not whole, or a body comes in that nobody reads any more."""
        super().data_received(data)
        is_late = self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete
        if self.conn.their_state is h11.IDLE or is_late:
            self._wait()
        else:
            self._rest()

    def on_response_complete(self) -> None:
        """The next head is waited for where it has begun to come already."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for."""
        self._rest()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self._waiting or self.loop.call_later(self._patience_seconds, self.transport.close)

    def _rest(self) -> None:
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None
