"""Guests that look around for whatever is not WASI, and for what they share with others."""

import asyncio
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid

from bulkhead_sdk import Failed
from guest import misdeed


def tried(what, doing):
    """What came of it: where nothing is found or allowed, the kind of error."""
    try:
        return doing()
    except Exception as error:
        raise Failed(f"{what}: {type(error).__name__}: {error}") from None


@misdeed
def peek(input):
    """Looks for an environment, arguments, input, files and folders."""
    looks = {
        "environment": lambda: len(os.environ),
        "arguments": lambda: len([arg for arg in sys.argv if arg]),
        "input": lambda: sys.stdin.read(),
        "read": lambda: open("/etc/passwd").read(),
        "write": lambda: open("/tmp/left", "w").write("x"),
        "list": lambda: os.listdir("/"),
        "folder": lambda: os.getcwd(),
        "user": lambda: os.getuid(),
        "process": lambda: os.getpid(),
        "machine": lambda: os.uname().nodename,
    }
    what = input.args["what"]
    return {what: tried(what, looks[what])}


@misdeed
def open_socket(input):
    """Other ways out than the SDK's client."""
    def connect():
        with socket.create_connection((input.args["host"], input.args["port"]), timeout=5) as made:
            return made.send(b"x")

    ways = {
        "connect": connect,
        "resolve": lambda: socket.getaddrinfo("localhost", 80),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "urllib": lambda: urllib.request.urlopen(input.args["url"]).read().decode(),
        "asyncio": lambda: asyncio.run(asyncio.sleep(0)),
    }
    way = input.args["way"]
    return {way: tried(way, ways[way])}


@misdeed
def start_process(input):
    """Starts what would go on beside it, or without the interpreter."""

    ways = {
        "fork": lambda: os.fork(),
        "exec": lambda: os.execv("/bin/true", ["true"]),
        "system": lambda: os.system("true"),
        "kill": lambda: os.kill(1, 9),
        "thread": lambda: threading.Thread(target=print).start(),
        "subprocess": lambda: subprocess.run(["/bin/true"], check=True).returncode,
        "ctypes": lambda: __import__("ctypes").CDLL(None),
        "alarm": lambda: signal.alarm(1),
    }
    way = input.args["way"]
    return {way: tried(way, ways[way])}


@misdeed
def evaluate(input):
    """Code that comes with a call is code of the guest: it may do what the guest may."""
    return eval(input.args["code"])


#: Made when the component was made, and drawn from: what an instance draws of it must not follow from that.
made_before = random.Random()
made_before.random()


def draw_bytes(length):
    return os.urandom(length)


@misdeed
def draw(_):
    generators = [random.random(), random.Random().random(), made_before.random(), random.SystemRandom().random()]
    return {"drawn": list(map(str, [*generators, secrets.token_hex(), uuid.uuid4(), os.urandom(16).hex()]))}


@misdeed
def hash_seed(_):
    """The same in all instances, since the interpreter began when the component was made."""
    return {"hash": str(hash("a text"))}


@misdeed
def clock(_):
    return {"wall": time.time() * 1000, "monotonic": time.monotonic() * 1000, "performance": time.perf_counter() * 1000}
