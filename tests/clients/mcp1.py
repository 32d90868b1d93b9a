# The Python SDK 1 against a server: `mcp1.py http URL` or `mcp1.py stdio COMMAND ARGS...`; prints what it saw.
import asyncio
import json
import sys

from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


async def see(read, write):
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


async def main(kind, *rest):
    if kind == "http":
        transport = streamable_http_client(*rest)
    else:
        transport = stdio_client(StdioServerParameters(command=rest[0], args=rest[1:]))
    async with transport as (read, write, *_):
        print(json.dumps({"legacy": await see(read, write)}))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
