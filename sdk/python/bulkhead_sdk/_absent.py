"""Owns what of the standard library a guest does not have: files, sockets, processes, and modules that nobody imported
while the component was made.

It asks WASI for them, of which a component of componentize-py has nothing: the guest would end there, without a word.
Here it raises what the standard library expects, so that what can go on without them does, and what cannot says so.
Imported before the author's module, so that what that takes from these modules is ours.
"""

from __future__ import annotations

import _io
import builtins
import errno
import io
import linecache
import os
import sys
import time
from collections.abc import Callable
from typing import Any

#: Functions of `os` that look at files.
_FILES = (
    "chdir", "chmod", "link", "listdir", "lstat", "mkdir", "open", "readlink", "remove", "rename", "replace", "rmdir",
    "scandir", "stat", "statvfs", "symlink", "truncate", "unlink", "utime",
)
#: Functions of `_socket` that need a network.
_NETWORK = (
    "getaddrinfo", "gethostbyaddr", "gethostbyname", "gethostbyname_ex", "gethostname", "getnameinfo",
    "getprotobyname", "getservbyname", "getservbyport", "socketpair",
)


def install(wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
    """What can be done while the component is made."""
    builtins.open = io.open = _no_file
    for name in _FILES:
        if hasattr(os, name):
            setattr(os, name, _no_file)
    os.access = lambda *_, **__: False
    _no_network()
    _no_threads()
    _times(wall, monotonic)


def begin() -> None:
    """What cannot, since making it needs the modules' files."""
    if any(isinstance(finder, _Missing) for finder in sys.meta_path):
        return
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "PathFinder"]
    sys.meta_path.append(_Missing())
    # What loaders read with, for whoever wants a module's source or data: tracebacks want its lines.
    _io.open_code = io.open_code = _no_file
    linecache.lazycache = lambda *_: False
    linecache.updatecache = lambda *_: []
    sys.stdin = io.StringIO()
    if asyncio := sys.modules.get("asyncio"):
        asyncio.new_event_loop = asyncio.events.new_event_loop = _no_loop


def _no_file(path: Any = None, *_: Any, **__: Any) -> Any:
    raise FileNotFoundError(errno.ENOENT, "a guest has no files", path)


def _no_loop() -> Any:
    raise RuntimeError("a guest has no event loop: handlers are ordinary functions")


def _refused(what: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOTSUP, f"a guest has no {what}")

    return refuse


class _Missing:
    """Finds no module, and says why."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        raise ModuleNotFoundError(
            f"`{name}` was not imported while the component was made, and a guest has no files: "
            "import it at the top of a module",
            name=name,
        )


def _no_network() -> None:
    try:
        import _socket
    except ImportError:
        return
    refuse = _refused("sockets; use bulkhead_sdk.http")
    for name in _NETWORK:
        setattr(_socket, name, refuse)

    class Socket(_socket.socket):
        __slots__ = ()
        __init__ = refuse

    _socket.socket = _socket.SocketType = Socket


def _no_threads() -> None:
    import _thread

    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a guest has one thread")

    _thread.start_new_thread = _thread.start_new = refuse
    if hasattr(_thread, "start_joinable_thread"):
        _thread.start_joinable_thread = refuse


def _times(wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
    """Those that ask for the time themselves, unless they are told one. A guest's zone is UTC."""
    gmtime, strftime, asctime = time.gmtime, time.strftime, time.asctime

    def told(seconds: float | None = None) -> time.struct_time:
        return gmtime(wall() if seconds is None else seconds)

    time.gmtime = time.localtime = told
    time.asctime = lambda of=None: asctime(told() if of is None else of)
    time.ctime = lambda seconds=None: asctime(told(seconds))
    time.strftime = lambda form, of=None: strftime(form, told() if of is None else of)
    time.process_time = time.thread_time = monotonic
    time.process_time_ns = time.thread_time_ns = lambda: int(monotonic() * 1e9)
