"""The Videos API's shapes and ours, in both directions, and nothing else: no network, no files, no database.

    read_form            multipart fields with their brackets as the object that JSON would have been    forms.py
    read_create, …       a request's object as an Ask: a Recipe, and what its sources are                asks.py
    video, page, …       what is answered, events and errors among it                                    objects.py

It stands low so that a server and a client of it speak from the same page (shared by serve/ and by whoever calls one).
"""

from kinema.wire.asks import (
    Ask,
    Character,
    Complaint,
    Medium,
    Upload,
    read_character,
    read_create,
    read_edit,
    read_extend,
    read_remix,
    read_report,
    read_upload,
)
from kinema.wire.forms import read_form
from kinema.wire.objects import (
    Told,
    WireError,
    envelope,
    envelope_of,
    event,
    kind_of,
    no_room,
    page,
    poll_after_ms,
    seconds_text,
    video,
)

__all__ = [
    "Ask",
    "Character",
    "Complaint",
    "Medium",
    "Told",
    "Upload",
    "WireError",
    "envelope",
    "envelope_of",
    "event",
    "kind_of",
    "no_room",
    "page",
    "poll_after_ms",
    "read_character",
    "read_create",
    "read_edit",
    "read_extend",
    "read_form",
    "read_remix",
    "read_report",
    "read_upload",
    "seconds_text",
    "video",
]
