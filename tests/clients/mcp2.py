# The Python SDK 2 against a server: `mcp2.py http URL` or `mcp2.py stdio COMMAND ARGS...`; prints what it saw.
import asyncio
import json
import sys

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


async def see(transport, mode):
    progress = []

    async def report(done, total, message):
        progress.append([int(done), int(total), message])

    async with Client(transport, mode=mode) as client:
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


async def main(kind, *rest):
    seen = {}
    for mode in ["auto", "legacy", "2026-07-28"]:
        http = kind == "http"
        transport = streamable_http_client(*rest) if http else StdioServerParameters(command=rest[0], args=rest[1:])
        seen[mode] = await see(transport, mode)
    print(json.dumps(seen))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
