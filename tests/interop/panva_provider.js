// The certified provider of another author, panva's oidc-provider, with one client.
//
// `PORT` is its port on 127.0.0.1; `CLIENT` is the client's registration and `SETTINGS` more of
// oidc-provider's own settings, both as JSON. Its pages are its development interactions. It prints
// "listening" when it is up. `/requests` counts the requests to each path; those with an
// Authorization header by its scheme, too.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

import { freshSecret } from './support/secrets.js';

const issuer = `http://127.0.0.1:${process.env.PORT}`;
const keys = [
  ['rsa', { modulusLength: 2048 }],
  ['ec', { namedCurve: 'P-256' }],
  ['ed25519', {}],
].map(([kind, options]) => generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }));

const provider = new Provider(issuer, {
  clients: [JSON.parse(process.env.CLIENT)],
  jwks: { keys },
  cookies: { keys: [freshSecret()] },
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  findAccount: (_, subject) => ({ accountId: subject, claims: () => person(subject) }),
  pkce: { required: () => true },
  ...JSON.parse(process.env.SETTINGS),
});

function person(subject) {
  const name = subject[0].toUpperCase() + subject.slice(1);
  return { sub: subject, name: `${name} Example`, email: `${subject}@example.com`, email_verified: true };
}

const requests = {};
const answer = provider.callback();
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (pathname === '/requests') {
    response.end(JSON.stringify(requests));
    return;
  }
  const [scheme] = (request.headers.authorization ?? '').split(' ');
  for (const kind of scheme ? [pathname, `${pathname} ${scheme}`] : [pathname]) requests[kind] = (requests[kind] ?? 0) + 1;
  answer(request, response);
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'));
