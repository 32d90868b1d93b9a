"""Owns the sandbox as a host, over the contract's imports. Only a component can import this.

While `bulkhead build` makes a component, WASI is called `wasx`: see host/builder/src/python.rs.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from componentize_py_types import Err  # type: ignore[import-not-found]
from wit_world.imports import (  # type: ignore[import-not-found]
    call,
    monotonic_clock,
    outgoing_handler,
    poll,
    random as _random,
    wall_clock,
    wasx_http_types as http,
)

from ._host import Failure, Incoming, Level, Outgoing
from .output import well_formed

#: One read of a body stream; the host's own frames are about this size.
CHUNK = 65_536
#: The most that the contract of a stream lets one write take.
WRITE = 4096

#: Gives what it waits for (any of it), and in the end what came of it.
Exchange = Generator[list[Any], None, Incoming | Failure]

_METHODS = {
    "GET": http.Method_Get, "HEAD": http.Method_Head, "POST": http.Method_Post, "PUT": http.Method_Put,
    "PATCH": http.Method_Patch, "DELETE": http.Method_Delete, "OPTIONS": http.Method_Options,
}
_UNREACHABLE = {
    "DnsTimeout": "its name was not resolved in time",
    "DnsError": "its name does not resolve",
    "DestinationNotFound": "its name does not resolve",
    "DestinationUnavailable": "there is no route to it",
    "DestinationIpUnroutable": "there is no route to it",
    "ConnectionRefused": "connection refused",
    "ConnectionTerminated": "the connection was closed",
    "ConnectionTimeout": "connecting took too long",
    "ConnectionReadTimeout": "it took too long",
    "ConnectionWriteTimeout": "it took too long",
    "HttpResponseTimeout": "it took too long",
    "ConnectionLimitReached": "too many connections are open",
    "TlsProtocolError": "TLS could not be agreed on",
    "TlsCertificateError": "its TLS certificate is not trusted",
    "TlsAlertReceived": "it refused TLS",
    "HttpResponseIncomplete": "its answer broke off",
}


class Sandbox:
    def progress(self, done: float, total: float | None, message: str | None) -> None:
        call.progress(done, total, message and well_formed(message))

    def log(self, level: Level, message: str, data: str | None) -> None:
        call.log(call.Level[level.upper()], well_formed(message), data and well_formed(data))

    def cancelled(self) -> bool:
        return bool(call.cancelled())

    def now(self) -> float:
        return monotonic_clock.now() / 1e9

    def wall(self) -> datetime:
        now = wall_clock.now()
        return datetime.fromtimestamp(now.seconds, UTC) + timedelta(microseconds=now.nanoseconds // 1000)

    def sleep(self, seconds: float) -> None:
        with monotonic_clock.subscribe_duration(max(0, int(seconds * 1e9))) as pollable:
            pollable.block()

    def random(self, length: int) -> bytes:
        return bytes(_random.get_random_bytes(length))

    def send(self, requests: list[Outgoing]) -> list[Incoming | Failure]:
        """Runs all exchanges in step: whenever each waits, all is polled that any waits for."""
        answers: list[Incoming | Failure | None] = [None] * len(requests)
        started = self.now()
        running = {i: _exchange(request) for i, request in enumerate(requests)}
        waits: dict[int, list[Any]] = {}
        try:
            while running:
                for i, exchange in list(running.items()):
                    if i in waits:
                        continue
                    try:
                        waits[i] = next(exchange)
                    except StopIteration as done:
                        answers[i] = done.value
                        del running[i]
                if running:
                    self._turn(requests, started, running, waits, answers)
        finally:
            for pollables in waits.values():
                _drop(pollables)
            for exchange in running.values():
                exchange.close()
        return [answer if answer is not None else Failure("other", "it was not sent") for answer in answers]

    def _turn(
        self,
        requests: list[Outgoing],
        started: float,
        running: dict[int, Exchange],
        waits: dict[int, list[Any]],
        answers: list[Incoming | Failure | None],
    ) -> None:
        end = min(requests[i].time for i in running)
        left = max(0.0, started + end - self.now())
        owners = [i for i, pollables in waits.items() for _ in pollables]
        with monotonic_clock.subscribe_duration(int(left * 1e9)) as timer:
            ready = poll.poll([*(one for pollables in waits.values() for one in pollables), timer])
        for i in {owners[index] for index in ready if index < len(owners)}:
            _drop(waits.pop(i))
        for i in [i for i in waits if self.now() >= started + requests[i].time]:
            _drop(waits.pop(i))
            running.pop(i).close()
            answers[i] = Failure("timeout")


def _drop(resources: list[Any]) -> None:
    for resource in resources:
        resource.__exit__(None, None, None)


def _exchange(request: Outgoing) -> Exchange:
    """Children are dropped before what they came from: the host insists."""
    try:
        outgoing = _prepared(request)
        upload = outgoing.body() if request.body else None
        pending = outgoing_handler.handle(outgoing, None)
    except Err as error:
        return _failure(error.value)
    except _Unsendable as why:
        return Failure("other", str(why))
    with pending:
        if upload is not None:
            yield from _send(upload, request.body, pending)
        got = pending.get()
        while got is None:
            yield [pending.subscribe()]
            got = pending.get()
        inner = got.value if not isinstance(got, Err) else None
        if inner is None:
            return Failure("other", "the response was taken twice")
        if isinstance(inner, Err):
            return _failure(inner.value)
        with inner.value as incoming:
            status = incoming.status()
            with incoming.headers() as fields:
                headers = [(name.lower(), bytes(value).decode("utf-8", "replace")) for name, value in fields.entries()]
            with incoming.consume() as body:
                received = yield from _receive(body, request.limit)
    return received if isinstance(received, Failure) else Incoming(status, headers, received)


class _Unsendable(Exception):
    pass


def _prepared(request: Outgoing) -> Any:
    fields = http.Fields()
    for name, value in request.headers:
        try:
            fields.append(name, value.encode())
        except Err as error:
            raise _Unsendable(f"the header `{name}` is refused: {type(error.value).__name__}") from None
    if request.body:
        # Refused where the host counts by itself; then it is not needed.
        with suppress(Err):
            fields.append("content-length", str(len(request.body)).encode())
    outgoing = http.OutgoingRequest(fields)
    known = _METHODS.get(request.method)
    url = request.url
    try:
        outgoing.set_method(known() if known else http.Method_Other(request.method))
        outgoing.set_scheme(http.Scheme_Https() if url.scheme == "https" else http.Scheme_Http())
        outgoing.set_authority(url.netloc)
        outgoing.set_path_with_query(f"{url.path}?{url.query}" if url.query else url.path)
    except Err:
        raise _Unsendable("it cannot be sent") from None
    return outgoing


def _send(body: Any, rest: bytes, pending: Any) -> Generator[list[Any], None, None]:
    """An upstream may answer before it has read everything; a failed upload is not reported: the response says better
    what happened."""
    with suppress(Err):
        with body.write() as stream:
            while rest:
                room = min(stream.check_write(), WRITE)
                if room == 0:
                    with pending.subscribe() as answered:
                        if answered.ready():
                            return
                    yield [stream.subscribe(), pending.subscribe()]
                    continue
                stream.write(rest[:room])
                rest = rest[room:]
            stream.flush()
            yield [stream.subscribe(), pending.subscribe()]
        http.OutgoingBody.finish(body, None)


def _receive(body: Any, limit: int) -> Generator[list[Any], None, bytes | Failure]:
    received = bytearray()
    with body.stream() as stream:
        while True:
            try:
                chunk = stream.read(CHUNK)
            except Err as error:
                kind = type(error.value).__name__
                if kind == "StreamError_Closed":
                    return bytes(received)
                with error.value.value as why:
                    code = http.http_error_code(why)
                    # The host has no code for an error of its own, such as a body over the limit.
                    said = why.to_debug_string()
                return Failure("other", f"its answer broke off: {said}") if code is None else _failure(code)
            if not chunk:
                yield [stream.subscribe()]
                continue
            if len(received) + len(chunk) > limit:
                return Failure("too-large")
            received += chunk


def _failure(code: Any) -> Failure:
    """What the host's code means to the caller."""
    name = type(code).__name__.removeprefix("ErrorCode_")
    if name == "HttpRequestDenied":
        return Failure("denied")
    if name == "DestinationIpProhibited":
        return Failure("address-denied")
    if name in _UNREACHABLE:
        return Failure("unreachable", _UNREACHABLE[name])
    if name == "HttpResponseBodySize":
        return Failure("other", "the answer is larger than the host allows")
    if name == "HttpRequestBodySize":
        return Failure("other", "the request is larger than the host allows")
    said = getattr(code, "value", None)
    return Failure("other", said if name == "InternalError" and isinstance(said, str) else name)
