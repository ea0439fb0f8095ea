// An app with panva's oidc-provider, and the way through its pages.

import assert from 'node:assert/strict';

import { hiddenFields } from './pages.js';
import { file, freePort, start, startApp } from './processes.js';
import { freshSecret, secretsFile, section } from './secrets.js';

/**
 * The provider, and an app with an ordinary section for it. `written` is the secret in the app's file,
 * `scheme` is the app's as browsers see it.
 */
export async function appAndProvider(t, given = {}) {
  // A client without a secret has an undefined one.
  const { settings, client, clientSecret, written = clientSecret, more, scheme = 'http' } = { clientSecret: freshSecret(), ...given };
  const [port, providerPort] = [await freePort(), await freePort()];
  const home = `${scheme}://localhost:${port}`;
  const redirectUri = `${home}/oauth2callback`;
  const provider = await startPanva(t, providerPort, settings, {
    client_id: 'interop',
    client_secret: clientSecret,
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [redirectUri],
    ...client,
  });
  const metadata = `${provider.issuer}/.well-known/openid-configuration`;
  const panva = section('panva', { clientId: provider.clientId, clientSecret: written, metadata, more });
  const path = await file(t, 'secrets.toml', secretsFile({ redirectUri, providers: [panva] }));
  const app = await startApp(t, { port, path });
  return { home, provider, app, path };
}

async function startPanva(t, port, settings, client) {
  const env = {
    PORT: String(port),
    CLIENT: JSON.stringify(client),
    SETTINGS: JSON.stringify({ discovery: { prompt_values_supported: ['none', 'login', 'consent'] }, ...settings }),
  };
  const program = new URL('../panva_provider.js', import.meta.url).pathname;
  await start(t, process.execPath, { args: [program], env, ready: (line) => line === 'listening' });
  const issuer = `http://127.0.0.1:${port}`;
  return {
    issuer,
    clientId: client.client_id,
    /** How often each path was asked for. */
    async requests(...paths) {
      const counts = await (await fetch(`${issuer}/requests`)).json();
      return paths.map((path) => counts[path] ?? 0);
    },
  };
}

/**
 * Says who it is, and that the app may know. Ends at the callback's address, not yet opened, or at the form
 * that would be sent there.
 */
export async function signIn(browser, login, answer) {
  const { origin } = new URL(answer.location ?? answer.url);
  for (let step = 0; step < 10; step++) {
    if (answer.location && new URL(answer.location).origin !== origin) return answer.location;
    if (answer.location) answer = await browser.get(answer.location, { from: 'same-origin' });
    else {
      assert.equal(answer.status, 200, `${answer.url}\n${answer.body}`);
      const [, action] = answer.body.match(/<form method="post" action="([^"]*)"/) ?? [];
      if (action) return { action, fields: hiddenFields(answer.body) };
      const [, prompt] = answer.body.match(/name="prompt" value="(login|consent)"/);
      answer = await browser.post(answer.url, prompt === 'login' ? { prompt, login, password: 'any' } : { prompt });
    }
  }
  throw new Error(`the provider asks without end, at ${answer.url}`);
}

/** Logs in, and gives the page that it ends with. */
export async function logIn(browser, home, login = 'ada') {
  const callback = await signIn(browser, login, await browser.get(`${home}/log-in/panva`));
  return browser.follow(await browser.get(callback, { from: 'cross-site' }));
}

export async function me(browser, home) {
  const answer = await browser.fetch(`${home}/me`);
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}
