# FastMCP against a server: `fastmcp.py http URL` or `fastmcp.py stdio COMMAND ARGS...`; prints what it saw.
import asyncio
import json
import sys

# The folder of a script is searched first, and this script has the name of the package.
sys.path.pop(0)
from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from fastmcp.exceptions import ToolError
from mcp import MCPError


async def see(client):
    progress = []

    async def report(done, total, message):
        progress.append([int(done), int(total), message])

    async with client:
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
    # A stdio server that outlives the client would have to be ended by somebody.
    http = kind == "http"
    transport = StreamableHttpTransport(*rest) if http else StdioTransport(rest[0], list(rest[1:]), keep_alive=False)
    print(json.dumps({"auto": await see(Client(transport))}))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
