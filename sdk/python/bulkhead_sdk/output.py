"""Owns `Output`: what a call gives back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Self

from .schema import to_json


@dataclass
class Text:
    text: str


@dataclass
class Media:
    """An image or a sound; which, its type says: `image/png`, `audio/wav`."""

    data: bytes
    mime_type: str


@dataclass
class Link:
    """A pointer to something the client can read."""

    uri: str
    name: str
    mime_type: str | None = None
    description: str | None = None


@dataclass
class Embedded:
    """A resource, contents and all: text or bytes."""

    uri: str
    body: str | bytes
    mime_type: str | None = None


Content = Text | Media | Link | Embedded

_HALVES = re.compile("[\ud800-\udfff]")


@dataclass
class Output:
    """Content for the model, and the same as data where there is data."""

    contents: list[Content] = field(default_factory=list)
    structured: Any = None
    meta: dict[str, Any] | None = None

    @classmethod
    def text(cls, text: str) -> Self:
        return cls([Text(text)])

    @classmethod
    def json(cls, value: Any) -> Self:
        """Structured data, and its compact JSON as text for clients that read only content."""
        return cls.structured_with_text(value, compact(value))

    @classmethod
    def structured_with_text(cls, value: Any, text: str) -> Self:
        """Structured data beside a text that says the same better than JSON would."""
        return cls([Text(text)], to_json(value))

    @property
    def text_content(self) -> str:
        return "\n".join(one.text for one in self.contents if isinstance(one, Text))


def compact(value: Any) -> str:
    """JSON without spaces. Numbers that JSON does not have are refused."""
    return well_formed(json.dumps(to_json(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def well_formed(text: str) -> str:
    """With U+FFFD for halves of characters, which UTF-8 does not have: `json.loads` makes them of `"\\ud83d"`."""
    return _HALVES.sub("\ufffd", text)


def as_output(returned: Any) -> Output:
    """What a handler may return: a string is text, an `Output` itself, and anything else data."""
    if isinstance(returned, Output):
        return returned
    if isinstance(returned, str):
        return Output.text(returned)
    return Output() if returned is None else Output.json(returned)
