"""Owns `Call`: who asks, how long is left, and the way back to the client while running."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from ._host import Level, host, state
from .ask import Answer, Ask, InputKind, Reply
from .errors import Failed
from .output import compact
from .schema import Misfit, read

T = TypeVar("T")


@dataclass
class Call:
    """The call being answered."""

    #: Unique per call; the same id is in the host's log, audit and trace.
    id: str
    #: Whose services, secrets and quotas apply.
    tenant: str
    #: Who calls.
    caller: str
    #: How many seconds the call had when it started.
    deadline: float
    #: W3C Trace Context. Requests carry it by themselves.
    traceparent: str | None = None
    #: Which kinds of question the caller's client can answer.
    accepts: tuple[InputKind, ...] = ()
    #: What listing left for this tool.
    plan: bytes | None = None
    #: Answers to what an earlier attempt asked.
    inputs: tuple[Answer, ...] = ()
    #: The bytes an earlier attempt left.
    state: bytes | None = None
    _started: float = field(default_factory=lambda: host().now())

    @property
    def remaining(self) -> float:
        """How many seconds it still has. The host ends the guest when it reaches zero."""
        return max(0.0, self._started + self.deadline - host().now())

    @property
    def now(self) -> datetime:
        """The time of day, in UTC."""
        return host().wall()

    @property
    def cancelled(self) -> bool:
        """True once the client went away; the host ends the guest soon after anyway."""
        return host().cancelled()

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Tells the client how far the call is, if it asked for that."""
        host().progress(float(done), None if total is None else float(total), message)

    def log(self, level: Level, message: str, data: Any = None) -> None:
        """Writes to the operator's log, and to the client's if it asked for one."""
        host().log(level, message, None if data is None else compact(data))

    def input(self, key: str) -> Any:
        """The answer to the question of that key, as the client gave it."""
        return next((answer.value for answer in self.inputs if answer.key == key), None)

    def ask(self, key: str, message: str, of: type[T]) -> Reply[T]:
        """Asks the user to fill in a form. The first time this ends the call, which is made again from its beginning
        with the answer: do nothing before it that must not be done twice."""
        reply = self.form(key, of)
        if reply is None:
            raise Ask.form(key, message, of)
        return reply

    def form(self, key: str, of: type[T]) -> Reply[T] | None:
        """What the user did with the form of that key; none if it has not been asked."""
        answer = self.input(key)
        if answer is None:
            return None
        if answer.get("action") != "accept":
            return Reply("decline" if answer.get("action") == "decline" else "cancel")
        try:
            return Reply("accept", read(of, answer.get("content") or {}))
        except Misfit as misfit:
            at = f".{misfit.path}" if misfit.path else ""
            raise Failed(f"the answer `{key}`{at}: {misfit.message}") from None

    def model_text(self, key: str) -> str | None:
        """What the model wrote; none if it has not been asked, or wrote no text."""
        content = (self.input(key) or {}).get("content") or []
        blocks = content if isinstance(content, list) else [content]
        texts = [block["text"] for block in blocks if isinstance(block.get("text"), str)]
        return "\n".join(texts) or None

    def roots(self, key: str) -> list[dict[str, str]] | None:
        """What the client works on (`uri`, `name`); none if it has not been asked."""
        return (self.input(key) or {}).get("roots")

    def _enter(self) -> None:
        state.traceparent, state.end = self.traceparent, self._started + self.deadline
