"""Owns the errors a call can end with. The kind tells the model what to do next."""

from __future__ import annotations

from typing import ClassVar, Self


class ServiceError(Exception):
    """Why a call failed, for the model to act on. Any other exception becomes `Failed`."""

    kind: ClassVar[str]

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def context(self, doing: str) -> Self:
        """The same error with words before its message: what was being done."""
        self.message = f"{doing}: {self.message}"
        return self


class InvalidArguments(ServiceError):
    """An argument that does not fit: `InvalidArguments("days", "expected 1 to 7")`; "" for them as a whole."""

    kind = "invalid-arguments"

    def __init__(self, path: str, message: str):
        super().__init__(f"arguments.{path}: {message}" if path else f"arguments: {message}")


class NotFound(ServiceError):
    """What was asked for does not exist."""

    kind = "not-found"


class Denied(ServiceError):
    """The host's egress rules or the upstream's permissions forbid it; a retry will not help."""

    kind = "denied"


class RateLimited(ServiceError):
    """Too many requests; says in how many seconds to try again, if known."""

    kind = "rate-limited"

    def __init__(self, message: str, retry_after: float | None = None):
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ServiceError):
    """The upstream does not answer now; says in how many seconds to try again, if known."""

    kind = "unavailable"

    def __init__(self, message: str, retry_after: float | None = None):
        super().__init__(message)
        self.retry_after = retry_after


class UpstreamError(ServiceError):
    """The upstream answered with an error."""

    kind = "upstream"

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Failed(ServiceError):
    """Anything else."""

    kind = "failed"
