"""Owns asking the user: the questions a call leaves, and the answers the next attempt gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, Self, TypeVar

from .schema import schema

InputKind = Literal["elicitation", "sampling", "roots"]
T = TypeVar("T")


@dataclass(frozen=True)
class Question:
    """One question: the params of the MCP request of its kind."""

    key: str
    kind: InputKind
    params: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """The answer to one question: the result of the MCP request."""

    key: str
    value: Any


@dataclass(frozen=True)
class Reply(Generic[T]):
    """What the user did with a question: answered ("accept"), said no, or looked away."""

    action: Literal["accept", "decline", "cancel"]
    value: T | None = None


class Ask(BaseException):
    """Questions. Return or raise one, and the call is made again, from its beginning, with the answers.

    Not an `Exception`: a handler that catches those must not swallow it.
    """

    def __init__(self, questions: list[Question], state: bytes | None = None):
        super().__init__("the user is asked something")
        self.questions = questions
        self.state = state

    @classmethod
    def form(cls, key: str, message: str, of: Any) -> Self:
        """A form for the user, made of a dataclass of strings, numbers, booleans and enums."""
        requested = {"message": message, "requestedSchema": schema(of, closed=True)}
        return cls([Question(key, "elicitation", requested)])

    @classmethod
    def page(cls, key: str, message: str, url: str) -> Self:
        """The user is to open a page. For secrets: those must not be typed into a form."""
        params = {"mode": "url", "message": message, "url": url, "elicitationId": key}
        return cls([Question(key, "elicitation", params)])

    @classmethod
    def model(cls, key: str, text: str, max_tokens: int) -> Self:
        """The client's model answers a text."""
        messages = [{"role": "user", "content": {"type": "text", "text": text}}]
        return cls([Question(key, "sampling", {"messages": messages, "maxTokens": max_tokens})])

    @classmethod
    def roots(cls, key: str) -> Self:
        """The client says what it works on."""
        return cls([Question(key, "roots", {})])

    def and_(self, more: Ask) -> Ask:
        """Asks something else at the same time. If both keep bytes, the later ones are kept."""
        return Ask(self.questions + more.questions, more.state if more.state is not None else self.state)

    def with_state(self, state: bytes) -> Self:
        """Keeps bytes for the next attempt: `call.state`."""
        self.state = state
        return self
