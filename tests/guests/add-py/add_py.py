"""The tool of `make bench` in Python, on the contract's bare bindings: adds two numbers.

The others try its sandbox: `remember` says what it knows of earlier calls and which config it got, `spin` and
`hoard` never end.
"""

import json

from wit_world.exports import Lifecycle, Tools
from wit_world.imports import types

config = {}
calls = 0


class Lifecycle(Lifecycle):
    def describe(self):
        schema = {"type": "object", "properties": {"name": {"type": "string"}}}
        return types.Manifest(
            name="add-py",
            version="0.1.0",
            title="Add in Python",
            description="Adds two numbers.",
            instructions=None,
            config_schema=json.dumps(schema),
            egress=[],
        )

    def initialize(self, text):
        global config
        config = json.loads(text)

    def health_check(self):
        return "it adds"


def tool(name, description, properties):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return types.Tool(
        name=name,
        title=None,
        description=description,
        input_schema=json.dumps(schema),
        output_schema=None,
        annotations=types.Annotations(read_only=True, destructive=False, idempotent=True, open_world=False),
        tags=[],
        cache_ttl_ms=None,
        plan=None,
        meta=None,
    )


def add(a, b):
    return {"sum": a + b}


def remember():
    global calls
    calls += 1
    return {"calls": calls, "name": config.get("name")}


def spin():
    while True:
        pass


def hoard():
    hoard = []
    while True:
        hoard.append(bytearray(1 << 20))


perform = {"add": add, "remember": remember, "spin": spin, "hoard": hoard}


class Tools(Tools):
    def list_tools(self):
        number = {"type": "integer"}
        return [
            tool("add", "Adds two numbers.", {"a": number, "b": number}),
            tool("remember", "How often this instance was called, and the name in its config.", {}),
            tool("spin", "Computes for ever.", {}),
            tool("hoard", "Takes all the memory there is.", {}),
        ]

    def call_tool(self, context, call):
        structured = json.dumps(perform[call.name](**json.loads(call.arguments)))
        result = types.ToolResult(content=[types.Content_Text(structured)], structured=structured, meta=None)
        return types.Outcome_Complete(result)
