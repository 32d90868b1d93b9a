"""Owns JSON Schemas of Python types (draft 2020-12), and reading values as those types.

In `Annotated[int, "At most so many.", Range(1, 100)]` a string is the description, the rest are bounds.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

from ._nearest import unknown_key


@dataclass(frozen=True)
class Range:
    """Bounds of a number."""

    min: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class Length:
    """Bounds of how long a string or a list is."""

    min: int | None = None
    max: int | None = None


@dataclass(frozen=True)
class Pattern:
    """A regular expression that a string matches."""

    pattern: str


class Misfit(Exception):
    """A value that does not fit, and where."""

    def __init__(self, path: str, message: str):
        super().__init__(message)
        self.path = path
        self.message = message


class Readable:
    """A type of its own: what JSON an argument of it takes, and what it makes of that."""

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Raises a `ValueError` in words for the caller, or a `Misfit`."""
        raise NotImplementedError

    def to_json(self) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class Field:
    """A member of an object."""

    type: Any
    required: bool
    default: Any = None


_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean"}
_SAID = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def fields(of: Any) -> dict[str, Field] | None:
    """The members of a dataclass or a TypedDict."""
    if dataclasses.is_dataclass(of):
        hints = typing.get_type_hints(of, include_extras=True)
        found = {}
        for field in dataclasses.fields(of):
            default = field.default
            if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
                default = field.default_factory()
            required = default is dataclasses.MISSING
            found[field.name] = Field(hints[field.name], required, None if required else default)
        return found
    if typing.is_typeddict(of):
        hints = typing.get_type_hints(of)
        return {name: Field(hint, name in of.__required_keys__) for name, hint in hints.items()}
    return None


def object_schema(members: dict[str, Field], closed: bool) -> dict[str, Any]:
    """The schema of an object; a closed one takes no other keys."""
    properties = {}
    for name, field in members.items():
        properties[name] = schema(field.type if field.required else _without_none(field.type), closed=False)
        if not field.required and field.default is not None:
            properties[name]["default"] = to_json(field.default)
    result: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [name for name, field in members.items() if field.required]:
        result["required"] = required
    if closed:
        result["additionalProperties"] = False
    return result


def schema(of: Any, closed: bool = False) -> dict[str, Any]:
    """The JSON Schema of a type."""
    origin, args = get_origin(of), get_args(of)
    if origin is Annotated:
        result = schema(args[0], closed)
        for note in args[1:]:
            result |= _bounds(note, result)
        return result
    if _is_readable(of):
        return of.json_schema()
    if of in _SIMPLE:
        return {"type": _SIMPLE[of]}
    if of is Any:
        return {}
    if of is None or of is types.NoneType:
        return {"type": "null"}
    if origin is Literal:
        return _enumerated(list(args))
    if isinstance(of, type) and issubclass(of, enum.Enum):
        return _enumerated([member.value for member in of])
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema(arg) for arg in args]}
    if origin is list or of is list:
        return {"type": "array", "items": schema(args[0])} if args else {"type": "array"}
    if origin is dict or of is dict:
        return {"type": "object", "additionalProperties": schema(args[1])} if args else {"type": "object"}
    if (members := fields(of)) is not None:
        return object_schema(members, closed)
    raise TypeError(f"there is no JSON Schema for {of!r}; use str, int, float, bool, list, dict, Literal, an Enum, "
                    "a dataclass, a TypedDict, or unions of them")


def _enumerated(values: list[Any]) -> dict[str, Any]:
    kinds = {_SIMPLE.get(type(value)) for value in values}
    result: dict[str, Any] = {"enum": values}
    if len(kinds) == 1 and None not in kinds:
        result["type"] = kinds.pop()
    return result


def _bounds(note: Any, on: dict[str, Any]) -> dict[str, Any]:
    if isinstance(note, str):
        return {"description": note}
    if isinstance(note, Pattern):
        return {"pattern": note.pattern}
    if isinstance(note, Range):
        named = {"minimum": note.min, "maximum": note.max}
    elif isinstance(note, Length):
        unit = "Items" if on.get("type") == "array" else "Length"
        named = {f"min{unit}": note.min, f"max{unit}": note.max}
    else:
        return {}
    return {key: value for key, value in named.items() if value is not None}


def _without_none(of: Any) -> Any:
    """An argument that need not be there is left out, so null need not be told of."""
    origin, args = get_origin(of), get_args(of)
    if origin is Annotated:
        return Annotated[(_without_none(args[0]), *args[1:])]
    if origin not in (Union, types.UnionType):
        return of
    return Union[tuple(arg for arg in args if arg is not types.NoneType)]


def read(of: Any, value: Any, path: str = "") -> Any:
    """The value as the type has it; raises `Misfit`. Keys that an object does not know are refused at the root."""
    origin, args = get_origin(of), get_args(of)
    if origin is Annotated:
        result = read(args[0], value, path)
        for note in args[1:]:
            _check(note, result, path)
        return result
    if _is_readable(of):
        try:
            return of.from_json(value)
        except Misfit as misfit:
            raise Misfit(f"{path}{misfit.path}", misfit.message) from None
        except ValueError as error:
            raise Misfit(path, str(error)) from None
    if of in _SAID:
        fits = isinstance(value, of) or of is float and isinstance(value, int)
        if not fits or of is not bool and isinstance(value, bool):
            if of is int and isinstance(value, float) and value.is_integer():
                return int(value)
            raise Misfit(path, f"expected {_SAID[of]}")
        return value
    if of is Any:
        return value
    if of is None or of is types.NoneType:
        if value is not None:
            raise Misfit(path, "expected null")
        return None
    if origin is Literal:
        if value not in args:
            raise Misfit(path, f"expected one of {', '.join(map(str, args))}")
        return value
    if isinstance(of, type) and issubclass(of, enum.Enum):
        try:
            return of(value)
        except ValueError:
            raise Misfit(path, f"expected one of {', '.join(str(one.value) for one in of)}") from None
    if origin in (Union, types.UnionType):
        return _read_one(args, value, path)
    if origin is list or of is list:
        if not isinstance(value, list):
            raise Misfit(path, "expected a list")
        return [read(args[0] if args else Any, item, f"{path}[{i}]") for i, item in enumerate(value)]
    if not isinstance(value, dict):
        raise Misfit(path, "expected an object")
    if origin is dict or of is dict:
        return {key: read(args[1] if args else Any, item, _below(path, key)) for key, item in value.items()}
    members = fields(of) or {}
    found = read_members(members, value, path)
    return of(**found)


def read_members(members: dict[str, Field], value: Any, path: str = "") -> dict[str, Any]:
    """The members of an object that are there. Those it does not know are refused at the root, and passed over below."""
    if not isinstance(value, dict):
        raise Misfit(path, "expected an object")
    if path == "":
        for key in value:
            if key not in members:
                raise Misfit(path, unknown_key(key, list(members)))
    found = {}
    for name, field in members.items():
        if name in value:
            found[name] = read(field.type, value[name], _below(path, name))
        elif field.required:
            raise Misfit(path, f"missing field `{name}`")
    return found


def _is_readable(of: Any) -> bool:
    return isinstance(of, type) and issubclass(of, Readable)


def _read_one(choices: tuple[Any, ...], value: Any, path: str) -> Any:
    misfits = []
    for choice in choices:
        try:
            return read(choice, value, path)
        except Misfit as misfit:
            misfits.append(misfit)
    # The deepest one is of the choice that was meant.
    raise max(misfits, key=lambda misfit: len(misfit.path))


def _check(note: Any, value: Any, path: str) -> None:
    if isinstance(note, Range) and value is not None:
        low, high, what = note.min, note.max, value
    elif isinstance(note, Length) and value is not None:
        low, high, what = note.min, note.max, len(value)
    else:
        return
    if low is not None and what < low or high is not None and what > high:
        bounds = " and ".join(([f"at least {low}"] if low is not None else []) + ([f"at most {high}"] if high is not None else []))
        raise Misfit(path, f"expected {bounds}" + (" of length" if isinstance(note, Length) else ""))


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def to_json(value: Any) -> Any:
    """Dataclasses and enums as what JSON has; members that are None, and need not be there, are left out."""
    if isinstance(value, Readable):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = fields(type(value)) or {}
        pairs = ((name, getattr(value, name)) for name in members)
        return {name: to_json(item) for name, item in pairs if item is not None or members[name].required}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value
