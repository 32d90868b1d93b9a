"""Guests that take time."""

import re
from itertools import count
from typing import Any

from bulkhead_sdk import http, sleep
from guest import Guest, misdeed


@misdeed
def spin(_: Any = None):
    while True:
        pass


@misdeed
def spin_in_regex(_):
    """Goes back and forth in one regular expression."""
    return str(re.match("^(a+)+$", "a" * 60 + "b"))


@misdeed
def spin_in_generator(_):
    return str(sum(0 for _ in count()))


@misdeed
def spin_in_sort(_):
    """Sorts for ever, in the interpreter's own code: there is always another key to ask for."""
    return sorted([2, 1], key=spin)


class spin_in_initialize(Guest):
    def setup(self, config):
        spin()


class spin_in_list_tools(Guest):
    def tools(self, config, listed):
        spin()


class spin_in_health_check(Guest):
    def health(self):
        spin()


@misdeed
def sleep_past_deadline(_):
    sleep(3600)
    return "rested"


@misdeed
def wait_for_upstream(input):
    """Waits for an upstream, longer than it may."""
    input.call.log("info", "at it")
    return http.get(f"{input.config['url']}/allowed/silent", timeout=3600).text


@misdeed
def ignore_cancellation(input):
    """Never looks whether anybody is still there."""
    input.call.log("info", "at it")
    if input.args.get("how") == "asleep":
        sleep(3600)
    spin()


@misdeed
def burn_fuel(input):
    total = 0
    for step in range(input.args["steps"]):
        total += step
    return str(total)


@misdeed
def endless_recursion(_):
    def deeper(n):
        return deeper(n + 1) + 1

    return str(deeper(0))


@misdeed
def unbounded_recursion(_):
    """The same without the interpreter's own bound."""
    import sys

    sys.setrecursionlimit(2**31 - 1)

    class Deep:
        def __getattr__(self, name):
            return getattr(self, name + "x")

    return str(Deep().x)
