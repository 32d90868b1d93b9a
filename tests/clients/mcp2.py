# The Python SDK 2 against a server: `mcp2.py http URL`, `sse URL` or `stdio COMMAND ARGS...`; prints what it saw. Over
# HTTP it brings the bearer TOKEN of the environment.
import asyncio
import json
import os
import sys

from httpx2 import HTTPStatusError
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


async def use(client):
    progress = []

    async def report(done, total, message):
        progress.append([int(done), int(total), message])

    tools = [tool.name for tool in (await client.list_tools()).tools]
    added = await client.call_tool("hostile_add", {"a": 2, "b": 3})
    failed = await client.call_tool("hostile_add", {"a": "one", "b": 1})
    await client.call_tool("hostile_nap", {"ms": 2, "reports": 2}, progress_callback=report)
    try:
        unknown = (await client.call_tool("hostile_nothing", {})).model_dump()
    except MCPError as error:
        unknown = [error.code, error.message]
    return {
        "version": client.protocol_version,
        "server": client.server_info and client.server_info.name,
        "tools": tools,
        "added": added.structured_content,
        "failed": [failed.is_error, failed.content[0].text],
        "unknown": unknown,
        "progress": progress,
    }


async def see(mode, kind, *rest):
    token = os.environ.get("TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with create_mcp_http_client(headers) as http:
        if kind == "http":
            transport = streamable_http_client(*rest, http_client=http)
        elif kind == "sse":
            transport = sse_client(*rest, headers)
        else:
            transport = StdioServerParameters(command=rest[0], args=rest[1:])
        try:
            async with Client(transport, mode=mode) as client:
                return await use(client)
        except Exception as error:
            while hasattr(error, "exceptions"):
                (error,) = error.exceptions
            if isinstance(error, HTTPStatusError):
                return {"refused": error.response.status_code}
            if isinstance(error, MCPError):
                return {"refused": [error.code, error.message]}
            raise


async def main(kind, *rest):
    # Over SSE a version without a handshake cannot be had.
    modes = ["auto", "legacy"] if kind == "sse" else ["auto", "legacy", "2026-07-28"]
    print(json.dumps({mode: await see(mode, kind, *rest) for mode in modes}))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
