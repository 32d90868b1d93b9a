# FastMCP against a server: `fastmcp.py http URL`, `sse URL` or `stdio COMMAND ARGS...`; prints what it saw. Over HTTP it
# brings the bearer TOKEN of the environment.
import asyncio
import json
import os
import sys

# The folder of a script is searched first, and this script has the name of the package.
sys.path.pop(0)
from fastmcp import Client
from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport
from fastmcp.exceptions import ToolError
from httpx2 import HTTPStatusError
from mcp import MCPError


async def use(client):
    progress = []

    async def report(done, total, message):
        progress.append([int(done), int(total), message])

    tools = [tool.name for tool in await client.list_tools()]
    added = await client.call_tool("hostile_add", {"a": 2, "b": 3})
    try:
        failed = [False, str(await client.call_tool("hostile_add", {"a": "one", "b": 1}))]
    except ToolError as error:
        failed = [True, str(error)]
    await client.call_tool("hostile_nap", {"ms": 2, "reports": 2}, progress_handler=report)
    try:
        unknown = str(await client.call_tool("hostile_nothing", {}))
    except MCPError as error:
        unknown = [error.code, error.message]
    return {
        "version": client.protocol_version,
        "server": client.server_info.name,
        "tools": tools,
        "added": added.structured_content,
        "failed": failed,
        "unknown": unknown,
        "progress": progress,
    }


async def main(kind, *rest):
    token = os.environ.get("TOKEN")
    if kind == "http":
        transport = StreamableHttpTransport(*rest, auth=token)
    elif kind == "sse":
        transport = SSETransport(*rest, auth=token)
    else:
        # A stdio server that outlives the client would have to be ended by somebody.
        transport = StdioTransport(rest[0], list(rest[1:]), keep_alive=False)
    try:
        async with Client(transport) as client:
            seen = await use(client)
    except HTTPStatusError as error:
        seen = {"refused": error.response.status_code}
    except MCPError as error:
        seen = {"refused": [error.code, error.message]}
    print(json.dumps({"auto": seen}))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
