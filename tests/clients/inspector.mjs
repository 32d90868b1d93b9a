// The Inspector's CLI against a server: `inspector.mjs http URL`, `sse URL` or `stdio COMMAND ARGS...`; prints what it saw.
// `strict URL` only lists the tools, over HTTP, and has their schemas checked.
// Over HTTP it brings the bearer TOKEN of the environment.
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [kind, first, ...args] = process.argv.slice(2);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const cli = here('node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');
// Its own flags and the server's would mix on one command line.
const config = here(`servers-${process.pid}.json`);
const token = process.env.TOKEN;
const headers = token ? { Authorization: `Bearer ${token}` } : {};
const servers = {
  http: { type: 'streamable-http', url: first, headers },
  strict: { type: 'streamable-http', url: first, headers },
  sse: { type: 'sse', url: first, headers },
  stdio: { command: first, args },
};
const server = servers[kind];
writeFileSync(config, JSON.stringify({ mcpServers: { server } }));

// It keeps files at home, tokens among them.
const env = { ...process.env, HOME: here('home') };

function inspect(era, ...method) {
  const flags = ['--cli', '--config', config, '--server', 'server', '--protocol-era', era, '--format', 'json', '-q'];
  return new Promise((done) => {
    execFile(process.execPath, [cli, ...flags, '--method', ...method], { env, timeout: 300_000, maxBuffer: 1 << 30 }, (error, out, err) =>
      // What --strict finds is on stderr for people, before the error if there is one, and in the answer.
      done({ code: error ? error.code : 0, ...(out && JSON.parse(out)), error: error && JSON.parse(err.trim().split('\n').at(-1)).error.code }),
    );
  });
}

async function see(era) {
  const call = (tool, args) => inspect(era, 'tools/call', '--tool-name', tool, '--tool-args-json', JSON.stringify(args));
  const listed = await inspect(era, 'tools/list', '--strict');
  if (listed.code !== 0) return { refused: [listed.code, listed.error] };
  const added = await call('hostile_add', { a: 2, b: 3 });
  const failed = await call('hostile_add', { a: 'one', b: 1 });
  const unknown = await call('hostile_nothing', {});
  return {
    tools: listed.result.tools.map((tool) => tool.name),
    added: added.result.structuredContent,
    failed: [failed.code, failed.error, failed.result.content[0].text],
    unknown: [unknown.code, unknown.error],
  };
}

async function judge(era) {
  const listed = await inspect(era, 'tools/list', '--strict');
  if (!listed.result) return { refused: [listed.code, listed.error] };
  const found = (listed.schemaFindings ?? []).flatMap(({ toolName, findings }) =>
    findings.map(({ severity, rule, schema, path }) => `${severity} ${rule} ${toolName} ${schema}.${path}`),
  );
  return { code: listed.code, tools: listed.result.tools.length, findings: found };
}

// Over SSE a version without a handshake cannot be had.
const seen = {};
for (const era of kind === 'sse' ? ['legacy'] : ['legacy', 'modern']) seen[era] = await (kind === 'strict' ? judge(era) : see(era));
rmSync(config);
console.log(JSON.stringify(seen));
