"""Owns lists as a model reads them: cut into pages, with a cursor to the next, and in the view that is wanted.

A cursor is a place in a list, bound to the tool and its other arguments. One that comes back with other arguments is
refused, because its place would mean nothing there. The digest guards against mistakes, not malice.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from .errors import InvalidArguments
from .fields import Fields
from .output import compact

T = TypeVar("T")
U = TypeVar("U")

#: The argument `cursor`, whose default is None.
Cursor = Annotated[str | None, "`next_cursor` of the previous answer."]

#: How much of each item is wanted: what tells items apart, or all of it.
View = Literal["summary", "full"]


class Key:
    """What a call has in common with the call for its next page: the tool, and all arguments but `limit` and `cursor`."""

    def __init__(self, tool: str, arguments: Any):
        digest = 0xCBF29CE484222325
        for byte in f"{tool}\0{compact(arguments)}".encode():
            digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        self._digest = digest.to_bytes(8, "big")

    def cursor(self, place: str) -> str:
        """A cursor to a place: an offset, or the upstream's own word for its next page."""
        return base64.urlsafe_b64encode(self._digest + place.encode()).rstrip(b"=").decode()

    def place(self, cursor: str) -> str:
        """The place of a cursor."""
        try:
            bytes_ = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            place = bytes_[8:].decode()
        except (binascii.Error, ValueError):
            raise _not_a_cursor() from None
        if len(bytes_) < 8:
            raise _not_a_cursor()
        if bytes_[:8] != self._digest:
            raise InvalidArguments(
                "cursor",
                "belongs to a call with other arguments: repeat that call's arguments, or leave `cursor` out",
            )
        return place


def _not_a_cursor() -> InvalidArguments:
    return InvalidArguments("cursor", "is not a cursor: pass `next_cursor` of the previous answer, unchanged")


@dataclass(frozen=True)
class ListPage(Generic[T]):
    """One page of a list."""

    #: How many there are in all.
    total: int
    items: list[T]
    #: The cursor to the next page; None on the last.
    next: str | None = None

    @classmethod
    def cut(cls, found: Sequence[T], limit: int, cursor: str | None, key: Key) -> ListPage[T]:
        """Cuts the wanted page out of the whole list."""
        place = "0" if cursor is None else key.place(cursor)
        if not re.fullmatch("[0-9]{1,15}", place):
            raise _not_a_cursor()
        offset = int(place)
        items = list(found[offset:offset + max(1, limit)])
        reached = offset + len(items)
        more = reached < len(found) and items
        return cls(len(found), items, key.cursor(str(reached)) if more else None)

    def map(self, shape: Callable[[T], U]) -> ListPage[U]:
        """Shapes what is on the page; what is not, is never shaped."""
        return ListPage(self.total, [shape(item) for item in self.items], self.next)

    def as_dict(self, name: str) -> dict[str, Any]:
        """For the answer: `total`, `shown`, `next_cursor`, and the items under `name`."""
        following = {} if self.next is None else {"next_cursor": self.next}
        return {"total": self.total, "shown": len(self.items), **following, name: self.items}

    def shown(
        self, name: str, summary: Callable[[T], Any], *, view: View | None = None, fields: Fields | None = None
    ) -> dict[str, Any]:
        """The same, with what is wanted of each item: the fields that are named, or else all of it or its summary.

        Fields that nothing on the page has, misspelt ones usually, are told as `unknown_fields`.
        """
        if not fields:
            return (self if view == "full" else self.map(summary)).as_dict(name)
        unknown = fields.missing(self.items)
        return self.map(fields.of).as_dict(name) | ({"unknown_fields": unknown} if unknown else {})
