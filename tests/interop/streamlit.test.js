// Streamlit itself at the development provider, and then keycard with the same file.

import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { chromiumOfThisFile } from './support/chromium.js';
import { folder, freePort, secretOf, start, startApp, startProvider } from './support/processes.js';
import { secretsFile } from './support/secrets.js';

const ada = { sub: 'ada', name: 'Ada Example', email: 'ada@example.com', email_verified: true, groups: ['staff'] };

const profileOf = chromiumOfThisFile();

test('the file that Streamlit uses works here untouched', async (t) => {
  const provider = await startProvider(t, { name: 'google', people: [ada] });
  const issuer = new URL(secretOf(provider, 'server_metadata_url')).origin;
  const port = await freePort();
  const home = `http://localhost:${port}`;
  const place = await folder(t);
  const path = join(place, '.streamlit', 'secrets.toml');
  const written = secretsFile({ redirectUri: `${home}/oauth2callback`, providers: [provider.secrets] });
  await mkdir(join(place, '.streamlit'));
  await writeFile(path, written, { mode: 0o600 });
  const page = await newPage(t);

  const streamlit = await startStreamlit(t, { port, place });
  await page.goto(home);
  await page.getByRole('button', { name: 'Log in' }).click();
  await becomeAda(page, issuer);
  await heading(page, 'Ada Example').waitFor();
  assert.equal(page.url(), `${home}/`);
  const { iat, exp, auth_time, nonce, at_hash, ...theirs } = JSON.parse(await page.locator('code').innerText());
  assert.deepEqual(theirs, { ...ada, iss: issuer, aud: 'google-development', is_logged_in: true, provider: 'google', tokens: {} });
  // `development = true` is a key that Streamlit does not know.
  assert.match(written, /^development = true$/m);
  assert.doesNotMatch(streamlit.log, /development|secrets|Traceback/);

  await page.getByRole('button', { name: 'Log out' }).click();
  await heading(page, 'nobody').waitFor();
  assert.equal(page.url(), `${home}/`);
  await streamlit.stop();

  const app = await startApp(t, { port, secrets: await readFile(path, 'utf8') });
  await page.goto(home);
  await heading(page, 'nobody').waitFor();
  await page.goto(`${home}/log-in/google`);
  await becomeAda(page, issuer);
  await heading(page, 'Ada Example').waitFor();
  assert.equal(page.url(), `${home}/`);
  const { claims, ...who } = await page.evaluate(async () => (await fetch('/me')).json());
  assert.deepEqual(who, { provider: 'google', issuer, subject: 'ada' });
  const { iat: issued, exp: expires, auth_time: authenticated, ...ours } = claims;
  assert.deepEqual(ours, { ...ada, iss: issuer, aud: 'google-development' });
  assert.doesNotMatch(app.log, /WARN|ERROR/);
  assert.equal(await readFile(path, 'utf8'), written);
});

/** Streamlit with the script beside this file, as one starts it in the folder of its secrets. */
function startStreamlit(t, { port, place }) {
  const settings = {
    'server.headless': true,
    'server.port': port,
    'server.address': '127.0.0.1',
    'server.fileWatcherType': 'none',
    'browser.gatherUsageStats': false,
  };
  const here = (name) => new URL(name, import.meta.url).pathname;
  const args = ['run', here('streamlit_app.py'), ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])];
  // Without a home of its own it would read the secrets and settings of whoever runs the tests.
  const env = { HOME: place };
  return start(t, here('venv/bin/streamlit'), { args, env, cwd: place, ready: (line) => line.includes('URL: http') });
}

async function newPage(t) {
  const page = await (await profileOf(t)).newPage();
  await page.route(
    ({ hostname }) => !['127.0.0.1', 'localhost'].includes(hostname),
    (route) => route.abort(),
  );
  return page;
}

async function becomeAda(page, issuer) {
  await heading(page, 'Who do you want to be?').waitFor();
  assert.equal(new URL(page.url()).origin, issuer);
  await page.getByRole('button', { name: 'Ada Example' }).click();
}

const heading = (page, name) => page.getByRole('heading', { name });
