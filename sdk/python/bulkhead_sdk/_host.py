"""Owns the seam to whatever runs the service: the sandbox (`guest`) or a test (`testing`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from urllib.parse import SplitResult

Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]


@dataclass
class Outgoing:
    """A request, ready to be sent, and how many seconds it may take."""

    method: str
    url: SplitResult
    headers: list[tuple[str, str]]
    body: bytes
    limit: int
    time: float


@dataclass
class Incoming:
    """A response, read whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Failure:
    """Why a request got no answer."""

    why: Literal["denied", "address-denied", "unreachable", "timeout", "too-large", "other"]
    message: str = ""


class Host(Protocol):
    """What a service is given."""

    def progress(self, done: float, total: float | None, message: str | None) -> None: ...
    def log(self, level: Level, message: str, data: str | None) -> None: ...
    def cancelled(self) -> bool: ...
    def now(self) -> float:
        """A monotonic clock, in seconds."""
        ...

    def wall(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...
    def send(self, requests: list[Outgoing]) -> list[Incoming | Failure]:
        """Sends requests together and waits for all."""
        ...


@dataclass
class State:
    """The host, and what requests need of the call they are sent for: none is at hand where one is made."""

    host: Host | None = None
    traceparent: str | None = field(default=None)
    end: float | None = field(default=None)


state = State()


def host() -> Host:
    if state.host is None:
        raise RuntimeError("there is no host here: a service runs in Bulkhead, or under `bulkhead_sdk.testing`")
    return state.host
