"""What a guest is: the functions of the contract, honest unless it says otherwise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bulkhead_sdk import Call


@dataclass
class Input:
    """What a call is given."""

    config: dict[str, Any]
    args: dict[str, Any]
    call: Call


class Guest:
    """One guest, called like its class; `run` is the misdeed, if it is done in a call."""

    def __init_subclass__(cls) -> None:
        guests[cls.__name__] = cls()

    def setup(self, config: dict[str, Any]) -> None: ...

    def tools(self, config: dict[str, Any], listed: list[Any]) -> list[Any]:
        return listed

    def health(self) -> str | None: ...

    def run(self, input: Input) -> Any: ...


guests: dict[str, Guest] = {"honest": Guest()}


def misdeed(run: Callable[[Input], Any]) -> Callable[[Input], Any]:
    """A guest that is its tool `run`."""
    return called(run.__name__)(run)


def called(*names: str) -> Callable[[Callable[[Input], Any]], Callable[[Input], Any]]:
    """Guests that are one tool `run`: the test's arguments make the difference."""

    def add(run: Callable[[Input], Any]) -> Callable[[Input], Any]:
        for name in names:
            type(name, (Guest,), {"run": lambda _, input: run(input)})
        return run

    return add
