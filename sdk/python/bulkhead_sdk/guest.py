"""Owns the component's exports: turns the contract's types into the SDK's and back, around `_dispatch`."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any

from componentize_py_types import Err  # type: ignore[import-not-found]
from wit_world.imports import bulkhead_service_types as types  # type: ignore[import-not-found]

from . import _absent
from ._clocks import Clocks
from ._dispatch import Refused, Running, config_schema
from ._host import state
from ._wasi import Sandbox
from .ask import Answer, Ask
from .call import Call
from .errors import RateLimited, ServiceError, Unavailable, UpstreamError
from .output import Content, Embedded, Link, Media, Output, Text, compact, well_formed
from .service import Completing, Service

_sandbox = Sandbox()
state.host = _sandbox
_clocks = Clocks(_sandbox)
_clocks.install()
_absent.install(_clocks.wall, _clocks.monotonic)

_ERRORS = {
    "invalid-arguments": types.ServiceError_InvalidArguments,
    "not-found": types.ServiceError_NotFound,
    "denied": types.ServiceError_Denied,
    "rate-limited": types.ServiceError_RateLimited,
    "unavailable": types.ServiceError_Unavailable,
    "upstream": types.ServiceError_Upstream,
    "failed": types.ServiceError_Failed,
}


def component(service: Service[Any], extras: list[str]) -> dict[str, type]:
    """The exports of a component made of this service. `bulkhead build` writes the module that calls it."""
    there = service.extras()
    for extra in there:
        if extra not in extras:
            raise TypeError(f'the service has {extra}: add "{extra}" to `exports` in [tool.bulkhead] of pyproject.toml')
    for extra in extras:
        if extra not in there:
            raise TypeError(f'`exports` in [tool.bulkhead] of pyproject.toml names "{extra}", which the service does not have')
    running: list[Running] = []

    def ready() -> Running:
        if not running:
            raise Err(types.ServiceError_Failed("a call came before initialize"))
        return running[0]

    class Lifecycle:
        def describe(self) -> Any:
            _absent.begin()
            _clocks.start()
            manifest = service.manifest
            egress = [types.EgressRequest(one.url, one.methods, one.reason) for one in manifest.egress]
            return types.Manifest(
                manifest.name, manifest.version, manifest.title, manifest.description, manifest.instructions,
                json.dumps(config_schema(service)), egress,
            )

        def initialize(self, config: str) -> None:
            _absent.begin()
            _clocks.begin()
            try:
                running.append(Running(service, config))
            except (Refused, ServiceError, ValueError) as error:
                raise Err(_said(error)) from None
            except Exception as error:
                raise Err(_bug(error)) from None

        def health_check(self) -> str:
            try:
                return ready().health()
            except ServiceError as error:
                raise Err(_said(error)) from None
            except Exception as error:
                raise Err(_bug(error)) from None

    class Tools:
        def list_tools(self) -> list[Any]:
            return _guarded(lambda: [_listed(tool) for tool in ready().service.tools])

        def call_tool(self, context: Any, call: Any) -> Any:
            def run() -> Any:
                result = ready().call_tool(call.name, call.arguments, _call(context, call, call.plan))
                return types.Outcome_InputRequired(_asked(result)) if isinstance(result, Ask) else _complete(result)

            return _guarded(run)

    exports: dict[str, type] = {"Lifecycle": Lifecycle, "Tools": Tools}
    for extra in extras:
        made = {"prompts": _prompts, "resources": _resources, "completions": _completions}[extra](service, ready)
        exports[extra.capitalize()] = made
    return exports


def _prompts(service: Service[Any], ready: Callable[[], Running]) -> type:
    from wit_world.exports import prompts as wit

    class Prompts:
        def list_prompts(self) -> list[Any]:
            listed = []
            for prompt in service.prompts:
                schema = prompt.handler.schema()
                required = schema.get("required", [])
                arguments = [
                    wit.PromptArgument(name, None, property.get("description", ""), name in required)
                    for name, property in schema["properties"].items()
                ]
                listed.append(wit.Prompt(prompt.name, prompt.title, prompt.description, arguments))
            return listed

        def get_prompt(self, context: Any, call: Any) -> Any:
            filled = _guarded(lambda: ready().get_prompt(call.name, call.arguments, _call(context, call)))
            if isinstance(filled, Ask):
                return wit.PromptOutcome_InputRequired(_asked(filled))
            messages = [wit.Message(wit.Role[one.role.upper()], types.Content_Text(well_formed(one.text))) for one in filled]
            return wit.PromptOutcome_Complete(wit.PromptResult(None, messages))

    return Prompts


def _resources(service: Service[Any], ready: Callable[[], Running]) -> type:
    from wit_world.exports import resources as wit

    class Resources:
        def list_resources(self, context: Any, cursor: str | None) -> Any:
            page = _guarded(lambda: ready().list_resources(cursor, _call(context)))
            entries = [
                wit.ResourceEntry(one.uri, one.name, one.title, one.description, one.mime_type, one.size, None)
                for one in page.entries
            ]
            return wit.ResourcePage(entries, page.next)

        def list_templates(self) -> list[Any]:
            return [
                wit.ResourceTemplate(one.uri, one.name, one.title, one.description, one.mime_type, None)
                for one in ready().templates()
            ]

        def read_resource(self, context: Any, read: Any) -> Any:
            parts = _guarded(lambda: ready().read_resource(read.uri, _call(context, read)))
            if isinstance(parts, Ask):
                return wit.ReadOutcome_InputRequired(_asked(parts))
            return wit.ReadOutcome_Complete([_contents(one.uri or read.uri, one.mime_type, one.body) for one in parts])

    return Resources


def _completions(service: Service[Any], ready: Callable[[], Running]) -> type:
    from wit_world.exports import completions as wit

    class Completions:
        def complete(self, context: Any, call: Any) -> Any:
            typed = Completing(call.prefix, json.loads(call.settled))
            found = _guarded(lambda: ready().complete(call.reference.value, call.argument, typed, _call(context)))
            return wit.Completion(*found)

    return Completions


def _listed(tool: Any) -> Any:
    output = tool.output()
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=json.dumps(tool.handler.schema()),
        output_schema=None if output is None else json.dumps(output),
        annotations=types.Annotations(tool.read_only, tool.destructive, tool.idempotent, tool.open_world),
        tags=tool.tags,
        cache_ttl_ms=None if tool.cache is None else int(tool.cache * 1000),
        plan=tool.plan,
        meta=None if tool.meta is None else json.dumps(tool.meta),
    )


def _call(context: Any, call: Any = None, plan: bytes | None = None) -> Call:
    return Call(
        id=context.call_id,
        tenant=context.tenant,
        caller=context.caller,
        deadline=context.deadline_ms / 1000,
        traceparent=context.traceparent,
        accepts=tuple(kind.name.lower() for kind in context.accepts),
        plan=plan,
        inputs=tuple(Answer(one.key, json.loads(one.value)) for one in (call.inputs if call else [])),
        state=call.state if call else None,
    )


def _guarded(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except ServiceError as error:
        raise Err(_error(error)) from None
    except (Err, MemoryError):
        # Without memory the guest ends here, so that the host can say what its limit is.
        raise
    # Also what is no `Exception`: `sys.exit` would end the guest without a word.
    except BaseException as error:
        raise Err(types.ServiceError_Failed(_bug(error))) from None


def _bug(error: BaseException) -> str:
    """A bug is told to the model in a line; its stack is for the log."""
    said = ": ".join(filter(None, [type(error).__name__, _said(error)]))
    traceback.print_exc()
    return said


def _said(error: BaseException) -> str:
    """Its message. What the author's own `__str__` does is not to be relied on."""
    try:
        return well_formed(str(error))
    except Exception:
        return "(it cannot be shown)"


def _complete(output: Output) -> Any:
    structured = None if output.structured is None else compact(output.structured)
    meta = None if output.meta is None else compact(output.meta)
    return types.Outcome_Complete(types.ToolResult([_content(one) for one in output.contents], structured, meta))


def _error(error: ServiceError) -> Any:
    made, message = _ERRORS[error.kind], well_formed(error.message)
    if isinstance(error, (RateLimited, Unavailable)):
        after = None if error.retry_after is None else int(error.retry_after * 1000)
        return made(types.Retry(message, after))
    if isinstance(error, UpstreamError):
        return made(types.UpstreamError(error.status, message))
    return made(message)


def _asked(ask: Ask) -> Any:
    requests = [
        types.InputRequest(one.key, types.InputKind[one.kind.upper()], compact(one.params)) for one in ask.questions
    ]
    return types.InputRequired(requests, ask.state)


def _content(content: Content) -> Any:
    match content:
        case Text(text):
            return types.Content_Text(well_formed(text))
        case Media(data, mime_type):
            made = types.Content_Audio if mime_type.startswith("audio/") else types.Content_Image
            return made(types.Media(data, mime_type))
        case Link(uri, name, mime_type, description):
            return types.Content_ResourceLink(types.ResourceLink(uri, name, mime_type, description))
        case Embedded(uri, body, mime_type):
            return types.Content_Embedded(_contents(uri, mime_type, body))


def _contents(uri: str, mime_type: str | None, body: str | bytes) -> Any:
    made = types.ResourceBody_Text(well_formed(body)) if isinstance(body, str) else types.ResourceBody_Blob(body)
    return types.ResourceContents(uri, mime_type, made)
