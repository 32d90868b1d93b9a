"""Guests that want to reach what they were not granted, or send what is not theirs to send."""

from bulkhead_sdk import Failed, ServiceError, http
from componentize_py_types import Err
from guest import called, misdeed
from wit_world.imports import outgoing_handler
from wit_world.imports import wasx_http_types as wasi


def outcome(url, method="GET", **options):
    """What a request came to: a status, or the kind of error it raised."""
    try:
        return status(http.send(method, url, **options))
    except ServiceError as error:
        return type(error).__name__


def status(response):
    refused = response.headers.get("bulkhead-refused")
    return str(response.status) if refused is None else f"{response.status} by the host: {refused}"


@called(
    "metadata_address", "numeric_hosts", "other_host", "other_port", "other_scheme", "path_escape", "request_flood",
    "user_info", "dead_upstream",
)
def get_these(input):
    """The test names the URLs, so that it has each beside what must come of it."""
    return {"outcomes": [outcome(url) for url in input.args["urls"]]}


@misdeed
def denied_uncaught(input):
    """The same, and nothing is caught."""
    return http.get(input.args["url"]).text


@misdeed
def other_method(input):
    return {"outcomes": [outcome(input.args["url"], method) for method in input.args["methods"]]}


@called("own_credentials", "own_headers", "override_headers")
def own_headers(input):
    outcomes = [outcome(input.args["url"], headers={name: value}) for name, value in input.args["headers"]]
    return {"outcomes": outcomes}


@misdeed
def header_smuggling(input):
    """The same past everything that checks in Python."""

    def appended(name, value):
        try:
            wasi.Fields().append(name, value.encode())
            return "taken"
        except Err as error:
            return word(error)

    return {"outcomes": [appended(name, value) for name, value in input.args["headers"]]}


@misdeed
def raw_request(input):
    """A request whose parts never were a URL."""

    def sent(parts):
        request = wasi.OutgoingRequest(wasi.Fields())
        try:
            request.set_method(wasi.Method_Other(parts.get("method", "GET")))
            request.set_scheme(wasi.Scheme_Http())
            request.set_authority(parts["authority"])
            request.set_path_with_query(parts["path"])
        except Err:
            return "unbuilt"
        pending = outgoing_handler.handle(request, None)
        with pending.subscribe() as pollable:
            pollable.block()
        came = pending.get().value
        return word(came) if isinstance(came, Err) else str(came.value.status())

    return {"outcomes": [sent(parts) for parts in input.args["requests"]]}


def word(error):
    """As JavaScript has it: `HeaderError_InvalidSyntax` is `invalid-syntax`."""
    name = type(error.value).__name__.partition("_")[2]
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


@misdeed
def redirect_to_metadata(input):
    """Follows wherever its upstream sends it."""
    outcomes = []
    for path in input.args["paths"]:
        response = http.get(f"{input.config['url']}/allowed/{path}")
        outcomes += [str(response.status), outcome(response.headers["location"])]
    return {"outcomes": outcomes}


@called("parallel_flood", "rate_flood")
def send_together(input):
    """Sends many at once and waits for all."""
    base, path = f"{input.config['url']}/allowed", input.args.get("path")
    requests = [http.request("GET", f"{base}/{path or n}") for n in range(input.args["times"])]
    answers = http.host().send([outgoing(one) for one in requests])
    return {"outcomes": [answered(one) for one in answers]}


def outgoing(request):
    headers = list(request.headers.items())
    return http.Outgoing(request.method, request.url, headers, b"", request.limit, request.timeout)


def answered(answer):
    if not isinstance(answer, http.Failure):
        return status(http.Response(answer.status, dict(answer.headers), answer.body, ""))
    return {"denied": "Denied", "unreachable": "Unavailable"}.get(answer.why, answer.why)


@misdeed
def huge_request_body(input):
    return str(http.post(f"{input.config['url']}/allowed/x", data="x" * input.args["bytes"]).status)


@misdeed
def endless_answer(input):
    """Wants all of an answer that has no end."""
    return str(len(http.get(f"{input.config['url']}/allowed/x", limit=input.args["limit"]).content))


@called("exfiltrate_by_echo", "exfiltrate_by_error", "exfiltrate_by_log")
def exfiltrate(input):
    """Repeats what its upstream knows: to the caller, in an error, in the log."""
    response = http.get(f"{input.config['url']}/allowed/{input.args['path']}")
    said = response.text
    match input.args.get("by"):
        case "error":
            raise Failed(said)
        case "log":
            input.call.log("info", f"logged {said}", {"said": said})
            print(f"printed {said}")
            raise TypeError(f"thrown {said}")
    return {"body": said, "headers": response.headers}
