"""Under which terms clips may be kept: SPDX names, checked when a clip enters and again when it is read.

It stands alone because a wrong licence is the one mistake in a data set that no later step can mend.
"""

import difflib
import re

from kinema.errors import DataError

LICENCES = (
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC-PDDC",
    "CC0-1.0",
    "GPL-3.0-or-later",
    "MIT",
    "OGL-UK-3.0",
    "PDDL-1.0",
    "Unlicense",
)
_OWN = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
_JOINED = re.compile(r" (?:AND|OR) ")


def check_licence(licence: str) -> str:
    """The licence as given, once every part of it is an SPDX name known here or a LicenseRef. Raises DataError."""
    for part in _JOINED.split(licence):
        if part in LICENCES or _OWN.fullmatch(part):
            continue
        if not part.strip():
            raise DataError("a clip has no licence; give an SPDX name such as CC0-1.0, or LicenseRef-own for your own")
        spelt_alike = {name.lower(): name for name in LICENCES}
        near = difflib.get_close_matches(part.lower(), spelt_alike, n=1, cutoff=0.0)[0]
        raise DataError(
            f"licence {part!r} is not known; the nearest is {spelt_alike[near]}, and footage of your own is "
            f"LicenseRef-own (known: {', '.join(LICENCES)})"
        )
    return licence
