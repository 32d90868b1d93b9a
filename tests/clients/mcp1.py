# The Python SDK 1 against a server: `mcp1.py http URL`, `sse URL` or `stdio COMMAND ARGS...`; prints what it saw. Over
# HTTP it brings the bearer TOKEN of the environment.
import asyncio
import json
import os
import sys

from httpx import HTTPStatusError
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


async def use(read, write):
    progress = []

    async def report(done, total, message):
        progress.append([int(done), int(total), message])

    async with ClientSession(read, write) as session:
        initialized = await session.initialize()
        await session.send_ping()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        added = await session.call_tool("hostile_add", {"a": 2, "b": 3})
        failed = await session.call_tool("hostile_add", {"a": "one", "b": 1})
        await session.call_tool("hostile_nap", {"ms": 2, "reports": 2}, progress_callback=report)
        try:
            unknown = (await session.call_tool("hostile_nothing", {})).model_dump()
        except McpError as error:
            unknown = [error.error.code, error.error.message]
        return {
            "version": initialized.protocolVersion,
            "server": initialized.serverInfo.name,
            "tools": tools,
            "added": added.structuredContent,
            "failed": [failed.isError, failed.content[0].text],
            "unknown": unknown,
            "progress": progress,
        }


async def see(kind, *rest):
    token = os.environ.get("TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with create_mcp_http_client(headers) as http:
        if kind == "http":
            transport = streamable_http_client(*rest, http_client=http)
        elif kind == "sse":
            transport = sse_client(*rest, headers)
        else:
            transport = stdio_client(StdioServerParameters(command=rest[0], args=rest[1:]))
        async with transport as (read, write, *_):
            return await use(read, write)


async def main(*way):
    try:
        seen = await see(*way)
    except Exception as error:
        while hasattr(error, "exceptions"):
            (error,) = error.exceptions
        if not isinstance(error, HTTPStatusError):
            raise
        seen = {"refused": error.response.status_code}
    print(json.dumps({"legacy": seen}))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
