r"""Owns which fields of an object are wanted, as dotted paths: `metadata.name`, `spec.containers.image`.

A list on the way is gone through. A dot that is part of a name is written `\.`:
`metadata.labels.app\.kubernetes\.io/name`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from .schema import Length, Readable, read, schema, to_json

_PATHS = Annotated[list[str], Length(max=20)]
_NOTHING = object()


class Fields(Readable):
    """Some fields of objects. Use it as the type of an argument: `Annotated[Fields | None, "Only these: `labels.job`."]`."""

    def __init__(self, paths: Sequence[str]):
        self._paths = [(path, _names(path)) for path in paths]

    def __len__(self) -> int:
        """How many are named. If none is, all are wanted."""
        return len(self._paths)

    def of(self, value: Any) -> Any:
        """The object with these fields alone; all of it if none is named. What is not there is left out."""
        value = to_json(value)
        if not self:
            return value
        out: Any = {}
        for _, names in self._paths:
            found = _pick(value, names)
            if found is not _NOTHING:
                out = _merged(out, found)
        return out

    def missing(self, values: Sequence[Any]) -> list[str]:
        """The paths that none of these objects has: a misspelt one, usually."""
        values = [to_json(value) for value in values]
        in_none = (path for path, names in self._paths if all(_pick(value, names) is _NOTHING for value in values))
        return list(in_none) if values else []

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        return schema(_PATHS)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        return cls(read(_PATHS, value))

    def to_json(self) -> list[str]:
        return [path for path, _ in self._paths]


def _names(path: str) -> list[str]:
    names, letters = [""], iter(path)
    for letter in letters:
        if letter == ".":
            names.append("")
        else:
            names[-1] += next(letters, "") if letter == "\\" else letter
    return names


def _pick(value: Any, names: list[str]) -> Any:
    """What is at the path, still inside the objects and lists on its way."""
    if not names:
        return value
    if isinstance(value, list):
        picked = [_pick(item, names) for item in value]
        if value and all(item is _NOTHING for item in picked):
            return _NOTHING
        # An empty object keeps the place of an item that has no such field, so that paths merge item by item.
        return [{} if item is _NOTHING else item for item in picked]
    if not isinstance(value, dict) or names[0] not in value:
        return _NOTHING
    found = _pick(value[names[0]], names[1:])
    return _NOTHING if found is _NOTHING else {names[0]: found}


def _merged(into: Any, found: Any) -> Any:
    """What was picked before, with this beside it."""
    if isinstance(into, dict) and isinstance(found, dict):
        both = {name: _merged(into[name], value) if name in into else value for name, value in found.items()}
        return {**into, **both}
    if isinstance(into, list) and isinstance(found, list) and len(into) == len(found):
        return [_merged(one, other) for one, other in zip(into, found)]
    return found
