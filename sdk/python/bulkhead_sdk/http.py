"""Owns outbound HTTP: an ordinary client, mediated by the host, which attaches credentials and enforces egress rules.

A request that gets no answer raises a `ServiceError` that says why. Requests wait one after the other; those of
`gather` are in flight together.
"""

from __future__ import annotations

import json as _json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from . import _status
from ._host import Failure, Incoming, Outgoing, host, state
from .errors import Denied, Failed, ServiceError, Unavailable
from .output import compact

#: A tool result is read by a model; eight MiB of JSON is far beyond that, and fits in memory.
LIMIT = 8 << 20
#: Longer than any healthy API answers, shorter than the usual deadline of a call.
TIMEOUT = 30.0
#: Kept of the deadline, so that a slow upstream is reported rather than the guest ended.
MARGIN = 0.25

Params = Mapping[str, Any] | Sequence[tuple[str, Any]]


@dataclass
class Response:
    """A response, read whole."""

    status: int
    #: Names in lower case; the first of each.
    headers: dict[str, str]
    content: bytes
    url: str

    @property
    def ok(self) -> bool:
        """True below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON, whatever the status."""
        try:
            return _json.loads(self.content)
        except ValueError as error:
            raise _status.unexpected(error, self.text) from None

    def raise_for_status(self) -> Response:
        """Itself below 400; otherwise raises the error the status stands for."""
        if not self.ok:
            raise _status.error_of(self.status, self.headers, self.text)
        return self


@dataclass
class Request:
    """A request that is not sent yet."""

    method: str
    url: SplitResult
    headers: dict[str, str]
    body: bytes
    timeout: float
    limit: int

    @property
    def target(self) -> str:
        """Without its query, which may carry what nobody should read."""
        return f"{self.method} {self.url.scheme}://{self.url.netloc}{self.url.path}"


def request(
    method: str,
    url: str,
    *,
    params: Params | None = None,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    data: bytes | str | Mapping[str, Any] | None = None,
    timeout: float = TIMEOUT,
    limit: int = LIMIT,
    reuse: int | None = None,
) -> Request:
    """A request, to be sent with others by `gather`.

    `params` that are None are left out, and each of a list is added. `timeout` is in seconds, and never beyond the
    call's deadline; `limit` the most bytes of the response. With `reuse` the host may answer this GET with a response
    no older than so many seconds, and keeps the one it gets.
    """
    parts = parse(url)
    query = "&".join(filter(None, [parts.query, encode(params or {})]))
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    body = b""
    if json is not None:
        body = compact(json).encode()
        sent.setdefault("content-type", "application/json")
    elif isinstance(data, Mapping):
        body = encode(data).encode()
        sent.setdefault("content-type", "application/x-www-form-urlencoded")
    elif data is not None:
        body = data.encode() if isinstance(data, str) else data
    sent.setdefault("accept", "*/*")
    if reuse is not None:
        sent["bulkhead-reuse"] = str(int(reuse))
    return Request(method.upper(), parts._replace(query=query), sent, body, timeout, limit)


def gather(*requests: Request) -> list[Response]:
    """Sends requests together, and gives their responses in the same order. The first that got none raises."""
    left = float("inf") if state.end is None else max(0.0, state.end - host().now() - MARGIN)
    outgoing = []
    for one in requests:
        headers = list(one.headers.items())
        if state.traceparent is not None:
            headers.append(("traceparent", state.traceparent))
        outgoing.append(Outgoing(one.method, one.url, headers, one.body, one.limit, min(one.timeout, left)))
    answers = host().send(outgoing)
    return [_answered(*each) for each in zip(requests, outgoing, answers)]


def _answered(asked: Request, sent: Outgoing, answer: Incoming | Failure) -> Response:
    if isinstance(answer, Failure):
        raise _unanswered(answer, asked, sent)
    headers: dict[str, str] = {}
    for name, value in answer.headers:
        headers.setdefault(name.lower(), value)
    return Response(answer.status, headers, answer.body, asked.url.geturl())


def send(method: str, url: str, **options: Any) -> Response:
    """Sends a request and gives the response, whatever its status."""
    return gather(request(method, url, **options))[0]


def get(url: str, **options: Any) -> Response:
    return send("GET", url, **options)


def post(url: str, **options: Any) -> Response:
    return send("POST", url, **options)


def put(url: str, **options: Any) -> Response:
    return send("PUT", url, **options)


def patch(url: str, **options: Any) -> Response:
    return send("PATCH", url, **options)


def delete(url: str, **options: Any) -> Response:
    return send("DELETE", url, **options)


class Base:
    """The upstream's base URL; a path in it is kept: `https://h/prom` + `/api` is `https://h/prom/api`."""

    def __init__(self, url: str, key: str | None = None, headers: Mapping[str, str] | None = None):
        """Raises what is wrong with it, after the key of the config that it comes from."""
        prefix = "" if key is None else f"{key}: "
        try:
            parts = parse(url)
        except ServiceError as error:
            raise Failed(f"{prefix}{error}") from None
        if parts.query:
            raise Failed(f"{prefix}`{url}` has a query; a base URL ends with its path")
        self._url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._headers = {"accept": "application/json"} | dict(headers or {})

    def __str__(self) -> str:
        return self._url

    def below(self, path: str) -> Base:
        """The base of all paths below this one."""
        return Base(self.url(path), headers=self._headers)

    def url(self, path: str) -> str:
        """The URL of a path below it. What comes from arguments goes through `path`, or `params`."""
        return self._url + ("" if path == "" or path.startswith("/") else "/") + path

    def request(self, method: str, path: str, **options: Any) -> Request:
        """A request, to be sent with others by `gather`."""
        headers = self._headers | dict(options.pop("headers", None) or {})
        return request(method, self.url(path), headers=headers, **options)

    def send(self, method: str, path: str, **options: Any) -> Response:
        return gather(self.request(method, path, **options))[0]

    def get(self, path: str, **options: Any) -> Response:
        return self.send("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        return self.send("POST", path, **options)

    def put(self, path: str, **options: Any) -> Response:
        return self.send("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Response:
        return self.send("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Response:
        return self.send("DELETE", path, **options)


def path(template: str, *values: str | int) -> str:
    """A path with its values encoded, each one segment: `path("/repos/{}/issues", owner)`."""
    return template.format(*map(_segment, values))


def _segment(value: str | int) -> str:
    text = str(value)
    # A dot segment would be resolved away on the route, or by an upstream that decodes it first, and reach another
    # resource; the host sends none of those. `..;x` is `..` with a parameter to some servers.
    parts = text.replace("\\", "/").split("/")
    if not text or "\0" in text or any(part.split(";")[0] in (".", "..") for part in parts):
        raise Failed(f"`{text}` cannot be part of a path")
    return quote(text, safe="")


def encode(params: Params) -> str:
    """Pairs of a query or a form."""
    pairs = params.items() if isinstance(params, Mapping) else params
    encoded = []
    for key, value in pairs:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is not None:
                text = str(one).lower() if isinstance(one, bool) else str(one)
                encoded.append(f"{quote(key, safe='')}={quote(text, safe='')}")
    return "&".join(encoded)


def parse(url: str) -> SplitResult:
    def wrong(why: str) -> Failed:
        return Failed(f"`{url}` is not a URL that can be fetched: {why}")

    try:
        parts = urlsplit(url.strip())
    except ValueError:
        raise wrong("expected https://host/path") from None
    if not parts.scheme or not parts.netloc:
        raise wrong("expected https://host/path")
    if parts.scheme not in ("http", "https"):
        raise wrong("only http and https are")
    if "@" in parts.netloc:
        raise wrong("user and password do not belong into a URL; the operator sets credentials")
    if not parts.netloc.isascii():
        raise wrong("expected a host name in ASCII (xn--… for others)")
    written = "!$%&'()*+,-./:;=?@_~[]"
    return parts._replace(
        netloc=parts.netloc.lower(),
        path=quote(parts.path or "/", safe=written),
        query=quote(parts.query, safe=written),
        fragment="",
    )


def _unanswered(failure: Failure, asked: Request, sent: Outgoing) -> ServiceError:
    """What a request that got no answer means to the caller."""
    target, authority = asked.target, asked.url.netloc
    match failure.why:
        case "denied":
            return Denied(f"{target} is not allowed by this service's egress rules")
        case "address-denied":
            return Denied(
                f"{target} is not allowed: {authority} resolves to an address this service may not reach; "
                "the operator can grant it with network.allow_addresses"
            )
        case "unreachable":
            return Unavailable(f"{authority} does not answer: {failure.message}")
        case "timeout":
            return Unavailable(f"{authority} did not answer within {round(sent.time, 1):g} s")
        case "too-large":
            return Failed(f"the response to {target} is larger than {sent.limit} bytes; ask for less")
        case _:
            return Failed(f"{target} failed: {failure.message}")
