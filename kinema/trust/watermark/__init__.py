"""The watermark: an invisible, keyed mark in every frame that carries the film's id and outlives re-encoding.

    marked = Marker(KeyRing().current(), 0x00C0DE).mark(segments)      # before encoding
    reading = read(clip, KeyRing().all())                              # of any film, whatever was done to it

A secret pattern of small lightness and colour changes is laid over a grid of 40 x 40 cells that is stretched over the
frame, whatever its size, so that scaling moves nothing. `pattern` draws it from the key, `marker` lays it, `reader`
says what it found, `search` finds it and proves how rarely it can find one that is not there, `keys` keeps the secrets,
`attacks` and `measure` print what it survives.
"""

from kinema.trust.watermark.keys import Key, KeyRing
from kinema.trust.watermark.marker import SMALLEST_PX, Marker
from kinema.trust.watermark.pattern import ID_BITS
from kinema.trust.watermark.reader import Reading, read

__all__ = ["ID_BITS", "METHOD", "SMALLEST_PX", "Key", "KeyRing", "Marker", "Reading", "read"]

METHOD = "org.kinema.watermark.1"
"""The name of this mark in Content Credentials."""
