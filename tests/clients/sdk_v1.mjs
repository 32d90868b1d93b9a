// The TypeScript SDK 1 against a server: `sdk_v1.mjs http URL`, `sse URL` or `stdio COMMAND ARGS...`; prints what it saw.
// Over HTTP it brings the bearer TOKEN of the environment.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport, SseError } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ProgressNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

const [kind, first, ...args] = process.argv.slice(2);
setTimeout(() => process.exit(124), 60_000).unref();
const token = process.env.TOKEN;
const requestInit = { headers: token ? { Authorization: `Bearer ${token}` } : {} };
const transports = {
  http: () => new StreamableHTTPClientTransport(new URL(first), { requestInit }),
  sse: () => new SSEClientTransport(new URL(first), { requestInit }),
  stdio: () => new StdioClientTransport({ command: first, args }),
};

async function see() {
  const client = new Client({ name: 'tests', version: '1' });
  const transport = transports[kind]();
  // The only way to learn what was negotiated.
  let version;
  const setProtocolVersion = transport.setProtocolVersion;
  transport.setProtocolVersion = (negotiated) => {
    version = negotiated;
    setProtocolVersion?.call(transport, negotiated);
  };
  try {
    await client.connect(transport);
  } catch (error) {
    if (error instanceof StreamableHTTPError || error instanceof SseError) return { refused: error.code };
    throw error;
  }
  await client.ping();

  const progress = [];
  // Not `onprogress`: the SDK forgets that handler when the result comes, and loses a report read together with it.
  client.setNotificationHandler(ProgressNotificationSchema, ({ params: p }) => {
    progress.push([p.progress, p.total, p.message]);
  });
  const call = (name, args, _meta) => client.callTool({ name, arguments: args, _meta });
  const tools = (await client.listTools()).tools.map((tool) => tool.name);
  const added = await call('hostile_add', { a: 2, b: 3 });
  const failed = await call('hostile_add', { a: 'one', b: 1 });
  await call('hostile_nap', { ms: 2, reports: 2 }, { progressToken: 'nap' });
  const unknown = await call('hostile_nothing', {}).catch((error) => [error.code, error.message]);
  const seen = {
    version,
    server: client.getServerVersion().name,
    tools,
    added: added.structuredContent,
    failed: [failed.isError, failed.content[0].text],
    unknown,
    progress,
  };
  await client.close();
  return seen;
}

console.log(JSON.stringify({ legacy: await see() }));
