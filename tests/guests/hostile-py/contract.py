"""Guests that break the contract, or are awkward within it."""

import builtins
import dataclasses
import json
import os
import sys
from typing import Any

from bulkhead_sdk import Ask, service
from guest import Guest, guests, misdeed
from processor import spin


@misdeed
def throw_in_call(_: Any = None):
    return None.nothing


class Unreadable(Exception):
    def __str__(self):
        return throw_in_call()


class Groundless(BaseException):
    """One that nobody catches."""


@misdeed
def throw_odd(input):
    """What is raised need not be an `Exception`, nor be easy to look at."""
    from componentize_py_types import Err

    raise {
        "base": Groundless("a text"),
        "interrupt": KeyboardInterrupt(),
        "leave": GeneratorExit(),
        "unreadable": Unreadable(),
        "group": ExceptionGroup("many", [ValueError("one"), ValueError("two")]),
        "payload": Err(7),
    }[input.args["what"]]


@misdeed
def leave(input):
    """Ends its process, if it had one."""
    {"exit": sys.exit, "_exit": os._exit, "abort": lambda _: os.abort()}[input.args["how"]](0)


class throw_in_initialize(Guest):
    def setup(self, config):
        throw_in_call()


class throw_in_list_tools(Guest):
    def tools(self, config, listed):
        throw_in_call()


class throw_in_health_check(Guest):
    def health(self):
        throw_in_call()


class ten_thousand_tools(Guest):
    def tools(self, config, listed):
        return [dataclasses.replace(listed[1], name=f"run_{n}") for n in range(10_000)]


class duplicate_tool_names(Guest):
    def tools(self, config, listed):
        return [listed[1], listed[1]]


class bad_tool_names(Guest):
    def tools(self, config, listed):
        return [dataclasses.replace(listed[1], name=config["name"])]


class huge_plan(Guest):
    def tools(self, config, listed):
        return [listed[0], dataclasses.replace(listed[1], plan=bytes(config["bytes"]))]

    def run(self, input):
        return f"{len(input.call.plan)} bytes came back"


class schema_too_deep(Guest):
    def tools(self, config, listed):
        deep: Any = str
        for _ in range(200):
            deep = list[deep]
        handler = dataclasses.replace(listed[1].handler)
        handler.members = {"a": dataclasses.replace(handler.members["args"], type=deep)}
        return [dataclasses.replace(listed[1], handler=handler)]


@misdeed
def remember(_):
    """Counts its calls wherever something may be kept."""
    kept = [builtins, sys, os.environ, sys.modules, service.Service, json, guests, remember]

    def count(place):
        if isinstance(place, (dict, os._Environ)):
            number = int(place.get("calls_that_were_made", 0)) + 1
            place["calls_that_were_made"] = str(number)
        else:
            number = getattr(place, "calls_that_were_made", 0) + 1
            place.calls_that_were_made = number
        return number

    return {"calls": [count(place) for place in kept]}


@misdeed
def pollute(_):
    """Changes what everybody in its instance uses, also the SDK."""
    polluted = lambda *_, **__: "polluted"  # noqa: E731
    json.loads = json.dumps = polluted
    builtins.isinstance = builtins.len = polluted
    sys.modules.clear()
    return "polluted"


@misdeed
def input_required_for_ever(input):
    return form(f"And now, after {len(input.call.inputs)}?")


@misdeed
def huge_question(input):
    """Asks more than anybody reads."""
    return form("x" * input.args["bytes"])


@dataclasses.dataclass
class Nothing: ...


def form(message):
    return Ask.form("more", message, Nothing)


@misdeed
def traps_always(_):
    spin()
