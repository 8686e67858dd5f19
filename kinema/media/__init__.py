"""Media files in and out of clips, through PyAV and Pillow. No shell is called and nothing but the file is opened.

    load, read            any film or picture as a Clip, bounded in memory and time     read*.py, colour.py, timing.py
    fit, Shape            a clip in another size and at another rate                    fit.py
    write                 mp4, webm, gif, webp, png; encoded as the clips come          write*.py
    whole_file            the place of a film that takes its name only when whole       place.py
    read_about            what a film says of its own making                            about.py

It stands apart from clip.py so that a Clip costs no codec to import.
"""

from kinema.media.about import read_about
from kinema.media.fit import Held, Into, Shape, fit
from kinema.media.limits import Limits
from kinema.media.place import PICTURES, VIDEO, Part, check_place, check_suffix, whole_file
from kinema.media.read import Media, load, read
from kinema.media.write import write

__all__ = [
    "PICTURES",
    "VIDEO",
    "Held",
    "Into",
    "Limits",
    "Media",
    "Part",
    "Shape",
    "check_place",
    "check_suffix",
    "fit",
    "load",
    "read",
    "read_about",
    "whole_file",
    "write",
]
