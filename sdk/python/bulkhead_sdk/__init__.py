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
from .http import Base, Response, path
from .output import Content, Embedded, Link, Media, Output, Text
from .paging import Key
from .schema import Length, Misfit, Pattern, Range
from .service import Completing, Completion, Egress, Entry, Manifest, Message, Page, Part, Service


def sleep(seconds: float) -> None:
    """Waits. In a test it moves the test's clock."""
    _host().sleep(seconds)


__all__ = [
    "Answer", "Ask", "Base", "Call", "Completing", "Completion", "Content", "Denied", "Egress", "Embedded", "Entry",
    "Failed", "InputKind", "InvalidArguments", "Key", "Length", "Link", "Manifest", "Media", "Message", "Misfit",
    "NotFound", "Output", "Page", "Part", "Pattern", "Question", "Range", "RateLimited", "Reply", "Response",
    "Service", "ServiceError", "Text", "Unavailable", "UpstreamError", "http", "path", "sleep",
]
