"""Owns what of the standard library would ask WASI by itself, which a component of componentize-py does not have.

Imported before the author's module, so that what that takes from these modules works: `time`, `datetime.now`,
`os.urandom` and what draws from it, and `print`.
"""

from __future__ import annotations

import datetime as _datetime
import io
import os
import random
import sys
import time

from ._wasi import Sandbox


class Log(io.TextIOBase):
    """Lines for the host's log."""

    def __init__(self, sandbox: Sandbox):
        self._sandbox = sandbox
        self._line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._sandbox.log("info", line, None)
        return len(text)


def install(sandbox: Sandbox) -> None:
    def wall() -> float:
        return sandbox.wall().timestamp()

    class datetime(_datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(wall(), tz or _datetime.UTC).replace(tzinfo=tz)

        @classmethod
        def utcnow(cls):
            return cls.now(_datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls):
            return cls.now()

    class date(_datetime.date):
        @classmethod
        def today(cls):
            now = datetime.now()
            return cls(now.year, now.month, now.day)

    _datetime.datetime, _datetime.date = datetime, date
    time.time = wall
    time.time_ns = lambda: int(wall() * 1e9)
    time.monotonic = time.perf_counter = sandbox.now
    time.monotonic_ns = time.perf_counter_ns = lambda: int(sandbox.now() * 1e9)
    time.sleep = sandbox.sleep
    os.urandom = sandbox.random
    random._urandom = sandbox.random


def begin(sandbox: Sandbox) -> None:
    """What cannot be done before an instance runs: its own seed, and where it prints to."""
    random.seed(sandbox.random(32))
    sys.stdout = sys.stderr = Log(sandbox)
