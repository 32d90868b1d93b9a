// A real OpenID provider on loopback: `issuer.mjs [ISSUER]`; with ISSUER it claims to be that one. Each line on stdin is
// a list of keys, [["one", "RS256"], ...]: they are published from then on, the first one signs, and its name is
// printed. Keys are made when they are first named. The first line printed is where it listens; it ends with stdin.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

// What the tokens of each client say of it; all of them know the secret.
const claims = {
  ada: { org: 'acme-inc' },
  ops: { org: 'acme-inc', groups: ['dev', 'ops'] },
  bob: { org: 'globex-llc' },
  eve: { org: 'nobody' },
  late: { org: 'acme-inc' }, // gets tokens that have expired already
};
const made = new Map();
const jwk = async ([kid, alg]) => {
  if (!made.has(kid)) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    made.set(kid, { ...(await exportJWK(privateKey)), kid, use: 'sig' });
  }
  return made.get(kid);
};

// The provider has one built in, and warns of it at every start.
class Store {
  static #kept = new Map();
  constructor(kind) {
    this.kind = kind;
  }
  async upsert(id, value) {
    Store.#kept.set(`${this.kind} ${id}`, value);
  }
  async find(id) {
    return Store.#kept.get(`${this.kind} ${id}`);
  }
}

let serve;
const server = createServer((request, response) => serve(request, response));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const own = `http://127.0.0.1:${server.address().port}`;
console.log(own);

for await (const line of createInterface({ input: process.stdin })) {
  const keys = JSON.parse(line);
  const [[signs, alg]] = keys;
  const provider = new Provider(process.argv[2] ?? own, {
    jwks: { keys: await Promise.all(keys.map(jwk)) },
    clients: Object.keys(claims).map((client_id) => ({
      client_id,
      client_secret: 'open sesame',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: alg,
    })),
    adapter: Store,
    ttl: { ClientCredentials: 600 },
    extraTokenClaims: (_, token) => claims[token.clientId],
    formats: {
      customizers: {
        jwt(_, token, { payload }) {
          if (token.clientId === 'late') payload.exp = payload.iat - 1; // it makes none that live for less than a second
        },
      },
    },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, audience) => ({
          audience,
          scope: 'mcp clock',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg } },
        }),
      },
    },
  });
  serve = provider.callback();
  console.log(signs);
}
process.exit();
