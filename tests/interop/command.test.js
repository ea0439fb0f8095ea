// `keycard check` against panva's oidc-provider, right and wrong.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { file, freePort, programs, start } from './support/processes.js';
import { freshSecret, secretsFile, section } from './support/secrets.js';

const redirectUri = 'http://localhost:8501/oauth2callback';

test("everything is well with a client that panva's provider knows", async (t) => {
  const { check } = await scene(t);

  const { code, report, verdicts } = await check();

  assert.deepEqual([code, report.ok, report.mistakes, report.warnings], [0, true, [], []]);
  const { authentication, ...others } = verdicts;
  assert.equal(authentication, 'ok: client_secret_basic');
  assert.match(others.registration, /^ok: registered: login_required /);
  for (const [point, verdict] of Object.entries(others)) assert.match(verdict, /^ok: /, point);
});

for (const [what, change, words] of [
  ['a client_id', { clientId: 'somebody-else' }, /^failure: refused: .*client/],
  ['a redirect_uri', { redirectUri: 'http://localhost:8502/oauth2callback' }, /^failure: refused: .*redirect_uri/],
  ['an address of the app', { redirectUri: 'https://app.example.com/oauth2callback' }, /^failure: refused: .*redirect_uri/],
]) {
  test(`${what} that panva's provider does not know is refused in its words`, async (t) => {
    const { check } = await scene(t, change);

    const { code, report, verdicts } = await check();

    assert.deepEqual([code, report.ok], [1, false]);
    assert.match(verdicts.registration, words);
    assert.equal(report.providers[0].findings.filter(({ verdict }) => verdict === 'failure').length, 1);
  });
}

const features = { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true } };
for (const [what, change, words] of [
  ['a client that it knows', {}, /^ok: registered: login_required /],
  ['a redirect_uri that it does not know', { redirectUri: 'http://localhost:8502/oauth2callback' }, /^failure: refused: .*redirect_uri/],
  ['a client_id that it does not know', { clientId: 'somebody-else' }, /^failure: refused: .*invalid_client/],
]) {
  test(`aut_13 ${what} is told by panva's provider where requests have to be pushed`, async (t) => {
    const { check } = await scene(t, { ...change, settings: { features } });

    const { verdicts } = await check();

    assert.match(verdicts.registration, words);
  });
}

test("what panva's provider is set up to lack is told", async (t) => {
  const features = { rpInitiatedLogout: { enabled: false } };
  const { check } = await scene(t, { settings: { features, clientAuthMethods: ['client_secret_post'] } });

  const { code, verdicts } = await check();

  assert.equal(code, 0);
  assert.match(verdicts.logout, /^note: /);
  assert.equal(verdicts.authentication, 'ok: client_secret_post');
});

/** A provider that knows one client, and the command with a file that may say something else of it. */
async function scene(t, { clientId = 'an-app', redirectUri: told = redirectUri, settings = {} } = {}) {
  const port = await freePort();
  const secret = freshSecret();
  const [method] = settings.clientAuthMethods ?? ['client_secret_basic'];
  const client = { client_id: 'an-app', client_secret: secret, redirect_uris: [redirectUri], token_endpoint_auth_method: method };
  const env = { PORT: String(port), CLIENT: JSON.stringify(client), SETTINGS: JSON.stringify(settings) };
  await start(t, process.execPath, { args: ['panva_provider.js'], env, ready: (line) => line === 'listening' });
  const metadata = `http://127.0.0.1:${port}/.well-known/openid-configuration`;
  const cookieSecret = freshSecret();
  const providers = [section('panva', { clientId, clientSecret: secret, metadata })];
  const path = await file(t, 'secrets.toml', secretsFile({ redirectUri: told, cookieSecret, providers }));
  const check = async () => {
    const { code, out, err } = await run(['check', '--json', path]);
    for (const hidden of [secret, cookieSecret]) assert.ok(!`${out}${err}`.includes(hidden), out + err);
    const report = JSON.parse(out);
    const [{ findings }] = report.providers;
    const verdicts = Object.fromEntries(findings.map(({ point, verdict, text }) => [point, `${verdict}: ${text}`]));
    return { code, report, verdicts };
  };
  return { check };
}

/** The command to its end. */
function run(args) {
  return new Promise((resolve) => {
    execFile(join(programs, '../keycard'), args, (error, out, err) => resolve({ code: error?.code ?? 0, out, err }));
  });
}
