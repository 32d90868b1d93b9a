"""Owns what an upstream's status means to the caller. The words are those of the other SDKs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import Denied, Failed, NotFound, RateLimited, ServiceError, Unavailable, UpstreamError

#: Enough of an upstream's words to act on, not so much that a page of HTML fills the context.
EXCERPT = 300
#: Where APIs put their message: `error`, `message`, `error.message`, `errors[0]`, `detail`, …
PLACES = ("message", "error", "error_description", "errors", "detail", "reason", "title", "msg")


def error_of(status: int, headers: Mapping[str, str], text: str) -> ServiceError:
    """The error a status stands for, in the upstream's words."""
    said = _words(text)

    def say(what: str) -> str:
        return f"{what}: {said}" if said else what

    if status in (404, 410):
        return NotFound(say(f"the upstream has no such thing ({status})"))
    if status == 401:
        return Denied(say(
            "the upstream wants a credential or refused the one it got (401); the operator sets it for this service"
        ))
    if status == 403:
        return Denied(say(
            "the upstream forbids this (403); the permissions of the service's credential are the operator's to mend"
        ))
    if status == 429:
        return RateLimited(say("the upstream limits the rate of requests (429)"), _retry_after(headers))
    if 502 <= status <= 504:
        return Unavailable(say(f"the upstream is unavailable ({status})"), _retry_after(headers))
    if status == 409:
        following = "what is there has changed, or is there already: read it again first"
    else:
        following = "a retry may help" if status >= 500 else "the same request would fail again"
    return UpstreamError(status, f"{said or 'no message'} ({following})")


def unexpected(error: Exception, text: str) -> Failed:
    """The error of an answer that is no JSON."""
    return Failed(
        f"the upstream's answer is not what was expected: {error}; it begins with: {_shortened(text, 120)}"
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds; dates are rare there and not worth a parser."""
    text = headers.get("retry-after", "").strip()
    return min(int(text), 86_400) if text.isascii() and text.isdigit() else None


def _words(text: str) -> str:
    try:
        message = _message_of(json.loads(text))
    except ValueError:
        message = None
    return _shortened(message if message is not None else text, EXCERPT)


def _message_of(body: Any) -> str | None:
    if isinstance(body, str):
        return body if body.strip() else None
    if isinstance(body, list):
        return _message_of(body[0]) if body else None
    if isinstance(body, dict):
        return next((found for place in PLACES if (found := _message_of(body.get(place))) is not None), None)
    return None


def _shortened(text: str, most: int) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return f"{line[:most]}…" if len(line) > most else line
