"""Owns lengths of time as a model writes them: `1h30m` or a number of seconds, and back.

Use `Span` as the type of an argument; the function gets a `Span`, which has `seconds`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Self

from .schema import Readable

#: Prometheus's units, longest first, in milliseconds. A duration has each at most once and in this order.
_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_FORMS = "a duration (`15s`, `1h30m`) or a number of seconds"
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_DURATION = re.compile("".join(f"(?:({_NUMBER}){unit})?" for unit in _UNITS))


def parse_span(text: str) -> float:
    """Seconds in `1h30m`, or in a text that is a number of them; the error says what a duration looks like."""
    if re.fullmatch(_NUMBER, text):
        return float(text)
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"`{text}` is not a duration: expected {_FORMS}")
    return sum(float(count or 0) * unit for count, unit in zip(found.groups(), _UNITS.values())) / 1000


@dataclass(frozen=True)
class Span(Readable):
    """A length of time greater than zero."""

    seconds: float

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        return {"type": ["string", "number"]}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"expected {_FORMS}")
        try:
            seconds = parse_span(value.strip()) if isinstance(value, str) else float(value)
        except OverflowError:
            raise ValueError("is too large for a duration") from None
        if not math.isfinite(seconds) or seconds < 0.001:
            raise ValueError("a duration must be at least one millisecond")
        return cls(seconds)

    def to_json(self) -> float:
        return self.seconds


def words(seconds: float) -> str:
    """Seconds for a reader: `1h30m`."""
    left, text = round(seconds * 1000), ""
    for name, unit in list(_UNITS.items())[2:]:
        count, left = divmod(left, unit)
        text += f"{count}{name}" if count else ""
    return text or "0s"
