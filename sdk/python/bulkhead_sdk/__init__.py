"""Write a Bulkhead integration in Python. Owns what authors import; see README.md."""

from . import http
from ._host import host as _host
from .ask import Answer, Ask, InputKind, Question, Reply
from .call import Call
from .errors import (
    Denied,
    Failed,
    InvalidArguments,
    NotFound,
    RateLimited,
    ServiceError,
    Unavailable,
    UpstreamError,
)
from .fields import Fields
from .http import Base, Response, path
from .output import Content, Embedded, Link, Media, Output, Text
from .paging import Cursor, Key, ListPage, View
from .schema import Length, Misfit, Pattern, Range, Readable
from .service import Completing, Completion, Egress, Entry, Manifest, Message, Page, Part, Service
from .span import Span, parse_span, words
from .when import When, Window, rfc3339, unix_seconds


def sleep(seconds: float) -> None:
    """Waits. In a test it moves the test's clock."""
    _host().sleep(seconds)


__all__ = [
    "Answer", "Ask", "Base", "Call", "Completing", "Completion", "Content", "Cursor", "Denied", "Egress",
    "Embedded", "Entry", "Failed", "Fields", "InputKind", "InvalidArguments", "Key", "Length", "Link", "ListPage",
    "Manifest", "Media", "Message", "Misfit", "NotFound", "Output", "Page", "Part", "Pattern", "Question", "Range",
    "RateLimited", "Readable", "Reply", "Response", "Service", "ServiceError", "Span", "Text", "Unavailable",
    "UpstreamError", "View", "When", "Window", "http", "parse_span", "path", "rfc3339", "sleep", "unix_seconds",
    "words",
]
