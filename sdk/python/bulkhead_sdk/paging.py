"""Owns cursors: places in a list, bound to the tool and its other arguments.

One that comes back with other arguments is refused, because its place would mean nothing there. The digest guards
against mistakes, not malice.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from .errors import InvalidArguments
from .output import compact


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
