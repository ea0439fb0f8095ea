// What is behind a guard, in a browser: pages, pictures, sockets, and the way over the login and back.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { button, chromiumOfThisFile, link, shows, socket } from './support/chromium.js';
import { freePort, secretOf, startApp, startProvider } from './support/processes.js';
import { startRecorder, startSite } from './support/sites.js';
import { secretsFile } from './support/secrets.js';

/** What Chromium says of a socket that was refused with 401, and with 403. */
const ANONYMOUS = 'HTTP Authentication failed; no valid credentials available';
const FOREIGN = 'Error during WebSocket handshake: Unexpected response code: 403';

const page = 'private/reports/2026?q=a%2Fb%26c&q=d+e&empty=';

const profileOf = chromiumOfThisFile();

test('a deep link with a query leads over the login to that very page', async (t) => {
  const { home } = await open(t);
  const tab = await (await profileOf(t)).newPage();

  await tab.goto(home + page);
  await shows(tab, 'Who do you want to be?');
  assert.ok(!tab.url().includes('reports'), 'the provider is not told where');
  await button(tab, 'Ada Example').click();

  await shows(tab, `Ada Example at /${page}`);
  assert.equal(tab.url(), home + page);
  await tab.reload();
  await shows(tab, `Ada Example at /${page}`);
});

test('a link of another site to a guarded page leads over the login to that very page', async (t) => {
  const { home } = await open(t);
  const site = await startSite(t, `<title>Elsewhere</title><a href="${home}${page}">Look</a>`);
  const tab = await (await profileOf(t)).newPage();

  await tab.goto(site.foreign);
  await link(tab, 'Look').click();
  await button(tab, 'Ada Example').click();

  await shows(tab, `Ada Example at /${page}`);
  assert.equal(tab.url(), home + page);
});

test('with two providers a deep link leads over the chooser, to a provider of another origin, to that very page', async (t) => {
  const { home } = await open(t, { providers: ['google', 'github'] });
  const tab = await (await profileOf(t)).newPage();

  await tab.goto(home + page);
  await shows(tab, 'Log in');
  await button(tab, 'Log in with github').click();
  await shows(tab, 'Who do you want to be?');
  assert.notEqual(new URL(tab.url()).origin, new URL(home).origin);
  await button(tab, 'Ada Example').click();

  await shows(tab, `Ada Example at /${page}`);
  assert.equal(tab.url(), home + page);
});

test('out_04 two tabs behind a guard: after the logout in one the other asks to log in at its next click', async (t) => {
  const { home } = await open(t);
  const profile = await profileOf(t);
  const [tab, other] = [await profile.newPage(), await profile.newPage()];
  await logIn(tab, home);
  await other.goto(`${home}private/other`);
  await shows(other, 'Ada Example at /private/other');

  await button(tab, 'Log out').click();
  await shows(tab, 'nobody');
  await link(other, 'Next').click();
  await shows(other, 'Who do you want to be?');
  await button(other, 'Ben Newcomer').click();

  // And is back where that click was to lead.
  await shows(other, 'Ben Newcomer at /private/next?page=2');
});

test("the button of the logout's page reaches the provider at its own origin, and comes back", async (t) => {
  const { home, issuers } = await open(t);
  const profile = await profileOf(t);
  const tab = await profile.newPage();
  await logIn(tab, home);
  const asked = [];
  profile.on('request', (request) => asked.push(request.url()));

  await tab.goto(`${home}auth/logout`);
  await button(tab, 'Log out').click();
  await shows(tab, 'nobody');

  assert.ok(asked.some((url) => url.startsWith(`${issuers.google}/end_session?`)), asked.join('\n'));
  assert.equal(tab.url(), home);
  await tab.goto(home + page);
  await shows(tab, 'Who do you want to be?');
});

test('a guarded picture is seen after the login and not before', async (t) => {
  const { home, recorder } = await open(t);
  const tab = await (await profileOf(t)).newPage();
  const picture = async () => {
    const answered = tab.waitForResponse(`${home}private/picture.svg`);
    await tab.goto(`${home}gallery`, { waitUntil: 'load' });
    const answer = await answered;
    const width = await tab.locator('img').evaluate((it) => it.naturalWidth);
    return { status: answer.status(), type: answer.headers()['content-type'], width };
  };

  assert.deepEqual(await picture(), { status: 401, type: 'application/problem+json', width: 0 });
  // An image begins no login.
  const { response } = recorder.seen.find(({ url }) => url === '/private/picture.svg');
  assert.equal(response.headers['set-cookie'], undefined);
  await logIn(tab, home);

  assert.deepEqual(await picture(), { status: 200, type: 'image/svg+xml', width: 64 });
});

test('a guarded socket opens after the login and not before', async (t) => {
  const { home, port } = await open(t, { isRecorded: false });
  const tab = await (await profileOf(t)).newPage();
  await tab.goto(home);

  assert.equal(await socket(tab, `ws://localhost:${port}/private/socket`), ANONYMOUS);
  await logIn(tab, home);

  assert.equal(await socket(tab, `ws://localhost:${port}/private/socket`), 'Ada Example heard hello');
  await button(tab, 'Log out').click();
  await shows(tab, 'nobody');
  assert.equal(await socket(tab, `ws://localhost:${port}/private/socket`), ANONYMOUS);
});

// The cookie goes along from another port of the same host, and does not from another host.
for (const place of ['foreign', 'sibling']) {
  test(`a ${place} page opens no guarded socket in the name of who is logged in`, async (t) => {
    const { home, port } = await open(t, { isRecorded: false });
    const site = await startSite(t, '<title>Elsewhere</title>');
    const tab = await (await profileOf(t)).newPage();
    await logIn(tab, home);

    await tab.goto(site[place]);
    assert.equal(await socket(tab, `ws://localhost:${port}/private/socket`), FOREIGN);

    await tab.goto(home);
    assert.equal(await socket(tab, `ws://localhost:${port}/private/socket`), 'Ada Example heard hello');
  });
}

/** The app and its providers. A recorder stands in front of it, but where sockets are to pass. */
async function open(t, { providers = ['google'], isRecorded = true } = {}) {
  const started = [];
  for (const name of providers) started.push(await startProvider(t, { name }));
  const port = await freePort();
  const recorder = isRecorded ? await startRecorder(t, port) : undefined;
  const home = recorder?.home ?? `http://localhost:${port}/`;
  const secrets = secretsFile({ redirectUri: `${home}oauth2callback`, providers: started.map((it) => it.secrets) });
  await startApp(t, { port, secrets });
  const origin = (provider) => new URL(secretOf(provider, 'server_metadata_url')).origin;
  const issuers = Object.fromEntries(started.map((it, at) => [providers[at], origin(it)]));
  return { home, port, recorder, issuers };
}

async function logIn(tab, home) {
  await tab.goto(`${home}private/page`);
  await button(tab, 'Ada Example').click();
  await shows(tab, 'Ada Example at /private/page');
}
