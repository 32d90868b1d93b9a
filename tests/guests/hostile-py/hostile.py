"""Hostile guests in Python: one misdeed each, in the files beside this one.

The service's config chooses: `{guest: spin}`; without it the guest is honest. `tests/all/hostile/scripts` has a test for
each, of the same name, and `hostile-js` plays those that JavaScript can play as well.
"""

from typing import Any

import contract  # noqa: F401 (its guests are in the list once it is read)
import egress  # noqa: F401
import memory  # noqa: F401
import output  # noqa: F401
import processor
import reach
from bulkhead_sdk import Call, Egress, Manifest, Service
from guest import Input, guests

#: What a guest does in `describe`, where it has no config yet. A test writes another word over `honest`.
IN_DESCRIBE = "in describe: honest"


class State:
    """What a guest has: its config, and what it does."""

    def __init__(self, config: dict[str, Any]):
        name = config.get("guest", "honest")
        if name not in guests:
            raise ValueError(f"config.guest: there are {','.join(sorted(guests))}")
        self.config = config
        self.guest = guests[name]
        self.guest.setup(config)
        hostile.current = self


class Hostile(Service[State]):
    """A service whose manifest, tools and schemas depend on the guest."""

    current: State | None = None

    @property
    def manifest(self) -> Manifest:
        return in_describe(IN_DESCRIBE[13:])

    @manifest.setter
    def manifest(self, manifest: Manifest) -> None:
        self.honest = manifest

    @property
    def tools(self) -> Any:
        return self.current.guest.tools(self.current.config, self.listed) if self.current else self.listed

    @tools.setter
    def tools(self, tools: list[Any]) -> None:
        self.listed = tools


def in_describe(word: str) -> Manifest:
    if word == "spin__":
        processor.spin()
    if word == "draws_":
        reach.draw_bytes(8)
    return service.honest


hostile = service = Hostile(
    Manifest(
        name="hostile-py",
        version="0.1.0",
        title="Hostile guests in Python",
        description="Misbehave on purpose.",
        egress=[Egress("{config.url}/allowed/**", ["GET", "POST"], "to misbehave")],
    ),
    config=dict[str, Any],
    setup=State,
)


@service.tool()
def add(_: State, a: int, b: int):
    """Adds two numbers."""
    return {"sum": a + b}


@service.tool(name="run")
def run(state: State, call: Call, args: dict[str, Any] = {}):
    """The misdeed."""
    done = state.guest.run(Input(state.config, args, call))
    return "nothing happened" if done is None else done


@service.health
def health(state: State) -> str:
    return state.guest.health() or "well"
