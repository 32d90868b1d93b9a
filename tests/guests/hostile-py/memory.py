"""Guests that take memory, and what the host keeps for them."""

from guest import misdeed
from wit_world.imports import monotonic_clock


@misdeed
def allocate(_):
    hoard = []
    while True:
        hoard.append(bytearray(b"x") * (1 << 20))


@misdeed
def grow_text(_):
    """One text that is twice as long each time."""
    text = "x" * 1024
    while True:
        text = "".join([text, text])


@misdeed
def many_objects(_):
    """Objects that refer to each other, so that whoever cleans up has to look at all of them."""
    last = None
    while True:
        last = {"last": last, "all": [last]}


@misdeed
def go_on_without_memory(_):
    """Goes on after it was refused."""
    kept = []
    while True:
        try:
            kept.append(bytearray(1 << 20))
        except MemoryError as refused:
            return {"refused": type(refused).__name__, "kept": len(kept)}


@misdeed
def hoard_handles(input):
    kept = [monotonic_clock.subscribe_duration(3_600_000_000_000) for _ in range(input.args["count"])]
    return f"{len(kept)} are kept"
