# LangChain's adapters against a server: `langchain.py http URL`, `sse URL` or `stdio COMMAND ARGS...`; prints what it
# saw. Over HTTP it brings the bearer TOKEN of the environment. It connects anew for every call, as it does for an agent.
import asyncio
import json
import os
import sys

# The folder of a script is searched first, and this script has the name of a package.
sys.path.pop(0)
from httpx import HTTPStatusError
from langchain_mcp_adapters.callbacks import Callbacks
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp import McpError


async def see(connection):
    progress = []

    async def report(done, total, message, _context):
        progress.append([int(done), int(total), message])

    # It calls what is listed; only who comes between can ask for what is not.
    async def rename(request, handler):
        return await handler(request.override(name="hostile_nothing") if request.name == "hostile_fetch" else request)

    client = MultiServerMCPClient(
        {"server": connection}, callbacks=Callbacks(on_progress=report), tool_interceptors=[rename]
    )
    tools = {tool.name: tool for tool in await client.get_tools()}
    initialized = (await client.get_server_info())["server"]

    async def call(name, args):
        return await tools[name].ainvoke({"type": "tool_call", "id": "1", "name": name, "args": args})

    added = await call("hostile_add", {"a": 2, "b": 3})
    failed = await call("hostile_add", {"a": "one", "b": 1})
    await call("hostile_nap", {"ms": 2, "reports": 2})
    try:
        unknown = str(await call("hostile_fetch", {}))
    except McpError as error:
        unknown = [error.error.code, error.error.message]
    return {
        "version": initialized.protocolVersion,
        "server": initialized.serverInfo.name,
        "tools": list(tools),
        "added": added.artifact["structured_content"],
        "failed": [failed.status == "error", failed.content[0]["text"]],
        "unknown": unknown,
        "progress": progress,
    }


async def main(kind, *rest):
    if kind == "stdio":
        connection = {"transport": "stdio", "command": rest[0], "args": list(rest[1:])}
    else:
        token = os.environ.get("TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection = {"transport": kind, "url": rest[0], "headers": headers}
    try:
        seen = await see(connection)
    except Exception as error:
        while hasattr(error, "exceptions"):
            (error,) = error.exceptions
        if not isinstance(error, HTTPStatusError):
            raise
        seen = {"refused": error.response.status_code}
    print(json.dumps({"legacy": seen}))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
