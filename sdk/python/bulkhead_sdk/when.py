"""Owns moments as a model writes them: RFC 3339, unix seconds, or relative to now; and the window a question is about.

Use `When` as the type of an argument.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from .errors import InvalidArguments
from .schema import Readable
from .span import parse_span

if TYPE_CHECKING:
    from .call import Call

_FORMS = "RFC 3339 (`2026-01-31T12:00:00Z`), unix seconds, or relative (`now`, `-1h`, `now-15m`)"

#: Unix seconds from here on (the year 5138) were surely milliseconds.
_LATEST = 1e11
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_RELATIVE = re.compile(r"(now)?\s*(?:([+-])\s*(.*))?", re.DOTALL)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_SECOND = (datetime.min.replace(tzinfo=UTC) - _EPOCH).total_seconds()


@dataclass(frozen=True)
class When(Readable):
    """A moment, absolute (unix seconds) or relative to the time of the call (seconds after it)."""

    seconds: float
    relative: bool = False

    @classmethod
    def parse(cls, value: str | float) -> Self:
        """Reads one of the accepted forms; raises a `ValueError` that says which those are."""
        text = value.strip() if isinstance(value, str) else repr(value)
        if not isinstance(value, str) or _NUMBER.fullmatch(text):
            seconds = float(text)
            if abs(seconds) < _LATEST:
                return cls(seconds)
            raise ValueError(f"{text} is out of range for unix seconds (milliseconds? divide by 1000)")
        found = _RELATIVE.fullmatch(text)
        if found and (found[1] or found[2]):
            offset = 0.0 if found[2] is None else parse_span(found[3]) * (-1 if found[2] == "-" else 1)
            if abs(offset) < _LATEST:
                return cls(offset, relative=True)
            raise ValueError(f"`{text}` is out of range for a time")
        at = _instant(text)
        if at is None:
            raise ValueError(f"`{text}` is not a time: expected {_FORMS}")
        return cls(at)

    def resolve(self, now: datetime) -> datetime:
        """The moment in UTC, for a call that was made then: `since.resolve(call.now)`."""
        seconds = (now - _EPOCH).total_seconds() + self.seconds if self.relative else self.seconds
        return _EPOCH + timedelta(seconds=max(seconds, _EARLIEST_SECOND))

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        return {"type": ["string", "number"]}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"expected {_FORMS}")
        return cls.parse(value)

    def to_json(self) -> str | float:
        """For the digest in cursors: a relative time stays relative, so the next page is still of the same list."""
        return f"now{self.seconds:+.15g}" if self.relative else self.seconds


def _instant(text: str) -> float | None:
    """RFC 3339 as unix seconds; none if it is not."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        midnight = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
    offset = (int(found[9] or 0) * 60 + int(found[10] or 0)) * (-1 if found[8] == "-" else 1)
    of_day = hour * 3600 + (minute - offset) * 60 + second
    return (midnight - _EPOCH).total_seconds() + of_day + float(f"0.{found[7] or 0}")


def rfc3339(moment: datetime) -> str:
    """A moment for a reader: RFC 3339 in UTC, with milliseconds only where there are any."""
    millis = round((moment - _EPOCH) / timedelta(milliseconds=1))
    at = _EPOCH + timedelta(milliseconds=millis)
    fraction = f".{millis % 1000:03}" if millis % 1000 else ""
    return f"{at.year:04}-{at:%m-%dT%H:%M:%S}{fraction}Z"


def unix_seconds(moment: datetime) -> str:
    """A moment for an upstream's parameter: unix seconds, to the millisecond."""
    return f"{(moment - _EPOCH).total_seconds():.3f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Window:
    """From `start` until just before `end`."""

    start: datetime
    end: datetime

    @classmethod
    def resolve(cls, start: When | None, end: When | None, default: float, call: Call) -> Self:
        """What the caller means by its arguments `start` and `end`: until now, so many seconds long, if it does not say."""
        now = call.now
        until = now if end is None else end.resolve(now)
        begin = When(-default, relative=True).resolve(until) if start is None else start.resolve(now)
        if begin >= until:
            raise InvalidArguments("start", f"{rfc3339(begin)} is not before `end`, {rfc3339(until)}")
        return cls(begin, until)

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()

    def before(self) -> Self:
        """The window of the same length right before it."""
        return type(self)(When(-self.seconds, relative=True).resolve(self.start), self.start)

    def told(self) -> dict[str, str]:
        """For a reader: `start` and `end` in RFC 3339."""
        return {"start": rfc3339(self.start), "end": rfc3339(self.end)}
