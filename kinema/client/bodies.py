"""A request's fields as JSON, or as a form where files go with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from urllib3.filepost import encode_multipart_formdata

File = tuple[str, bytes, str]
"""Its name, its bytes and its kind, such as ("dog.png", b"…", "image/png")."""


@dataclass(frozen=True)
class Body:
    """Bytes and what they are."""

    data: bytes
    kind: str

    @classmethod
    def of_json(cls, fields: Mapping[str, Any]) -> Body:
        """The fields as one JSON object."""
        return cls(json.dumps(fields, ensure_ascii=False).encode(), "application/json")

    @classmethod
    def of_form(cls, fields: Mapping[str, Any], files: Mapping[str, File] | None = None) -> Body:
        """The fields as texts, objects and lists among them as JSON, and the files after them."""
        texts = [(name, _text(value)) for name, value in fields.items()]
        data, kind = encode_multipart_formdata([*texts, *(files or {}).items()])
        return cls(data, kind)

    @classmethod
    def of(cls, fields: Mapping[str, Any], files: Mapping[str, File]) -> Body:
        """A form where there are files, else JSON."""
        return cls.of_form(fields, files) if files else cls.of_json(fields)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
