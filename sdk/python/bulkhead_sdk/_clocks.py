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
import weakref
from typing import Any

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


class Clocks:
    """Before an instance runs, while modules are imported, the build's own: what asks for the time then may go on."""

    def __init__(self, sandbox: Sandbox):
        self._sandbox = sandbox
        self._running = False
        self._wall, self._monotonic, self._urandom = time.time, time.monotonic, os.urandom
        self._seed = random.Random.seed
        #: Generators that were made without a seed before an instance ran: each instance seeds them anew.
        self._unseeded: list[weakref.ref[random.Random]] = []

    def wall(self) -> float:
        return self._sandbox.wall().timestamp() if self._running else self._wall()

    def monotonic(self) -> float:
        return self._sandbox.now() if self._running else self._monotonic()

    def random(self, length: int) -> bytes:
        return self._sandbox.random(length) if self._running else self._urandom(length)

    def seed(self, generator: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            if not self._running:
                self._unseeded.append(weakref.ref(generator))
            a = self.random(32)
        self._seed(generator, a, version)

    def install(self) -> None:
        clocks = self

        class datetime(_datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return cls.fromtimestamp(clocks.wall(), tz or _datetime.UTC).replace(tzinfo=tz)

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
        time.time = self.wall
        time.time_ns = lambda: int(self.wall() * 1e9)
        time.monotonic = time.perf_counter = self.monotonic
        time.monotonic_ns = time.perf_counter_ns = lambda: int(self.monotonic() * 1e9)
        time.sleep = self._sandbox.sleep
        os.urandom = random._urandom = self.random
        random.Random.seed = lambda generator, a=None, version=2: self.seed(generator, a, version)
        random.seed = random._inst.seed

    def start(self) -> None:
        """What an instance has before it is configured: its own clocks, and where it prints to. Nothing is asked yet."""
        self._running = True
        sys.stdout = sys.stderr = Log(self._sandbox)

    def begin(self) -> None:
        """What no two instances may share: their seeds."""
        self.start()
        random.seed()
        for made in self._unseeded:
            if (generator := made()) is not None:
                generator.seed()
