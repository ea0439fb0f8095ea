// One browser, several logins at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { become, becomeUpToCallback, button, chromiumOfThisFile, leaveFor, link, logIn, pendingLogins, shows } from './support/chromium.js';
import { startExample } from './support/example.js';
import { freePort, startApp, startProvider } from './support/processes.js';
import { secretsFile } from './support/secrets.js';

/** What rules.md leaves to pending logins of the Cookie header, names and separators counted. */
const PENDING_BUDGET = 1024;

const profileOf = chromiumOfThisFile();

for (const [which, providers] of [['one provider', ['google', 'google']], ['two providers', ['google', 'microsoft']]]) {
  for (const [order, sequence] of [['in order', [0, 1]], ['in reverse', [1, 0]]]) {
    test(`con_01 two tabs at ${which} finished ${order} both succeed and the last is the identity`, async (t) => {
      const { home } = await startExample(t);
      const profile = await profileOf(t);
      const tabs = [await profile.newPage(), await profile.newPage()];
      await leaveFor(tabs[0], home, providers[0]);
      await leaveFor(tabs[1], home, providers[1]);

      const [first, last] = sequence;
      await become(tabs[first], 'Ada Example');
      await become(tabs[last], 'Ben Newcomer');
      await tabs[first].reload();

      await shows(tabs[first], 'Ben Newcomer');
      assert.match(await tabs[first].getByText('Logged in with').innerText(), new RegExp(providers[last]));
      assert.deepEqual(await pendingLogins(profile), []);
    });
  }
}

test('con_01 of two logins that come back interleaved both succeed', async (t) => {
  const { home } = await startExample(t);
  const profile = await profileOf(t);
  const tabs = [await profile.newPage(), await profile.newPage()];
  const held = [];
  for (const [index, tab] of tabs.entries()) {
    await leaveFor(tab, home, ['google', 'microsoft'][index]);
    held.push(await becomeUpToCallback(tab, ['Ada Example', 'Ben Newcomer'][index]));
  }

  await held[1].goOn();
  await shows(tabs[1], 'Ben Newcomer');
  await held[0].goOn();
  await shows(tabs[0], 'Ada Example');
  await tabs[1].reload();

  await shows(tabs[1], 'Ada Example');
});

test('con_02 five tabs restored at once after the login expired all end logged in', (t) => restored(t, 5));
test('con_02 ten tabs restored at once after the login expired all end logged in', (t) => restored(t, 10));

test('con_02 of ten logins begun one by one the first is told what happened and how to go on', async (t) => {
  const { home } = await startExample(t);
  const profile = await profileOf(t);
  const tabs = [];
  for (let count = 0; count < 10; count++) {
    tabs.push(await profile.newPage());
    await leaveFor(tabs.at(-1), home, 'google');
  }

  const answer = tabs[0].waitForResponse((response) => response.url().startsWith(`${home}oauth2callback`));
  await button(tabs[0], 'Ada Example').click();
  assert.equal((await answer).status(), 400);
  await shows(tabs[0], 'This login is already over');
  await link(tabs[0], 'Log in').click();
  await button(tabs[0], 'Log in with google').click();
  await become(tabs[0], 'Ada Example');

  // The youngest has kept its place, and the others are at home with whoever is logged in.
  await become(tabs[9], 'Ben Newcomer');
  for (const tab of tabs.slice(1, 9)) {
    await button(tab, 'Ada Example').click();
    await tab.waitForURL(home);
    assert.match(await tab.getByRole('heading', { level: 1 }).innerText(), /^(Ada Example|Ben Newcomer)$/);
  }
});

test('con_05 a hundred abandoned logins never exceed the budget of what the browser sends', async (t) => {
  const { home } = await startExample(t);
  const profile = await profileOf(t);
  const page = await profile.newPage();
  await logIn(page, home);
  const requests = requestsTo(profile, home);

  for (let count = 0; count < 50; count++) {
    await page.goto(`${home}auth/login?provider=google`);
    await page.goto(`${home}auth/login?provider=microsoft&return_to=%2F${'x'.repeat(count * 10)}`);
  }
  await page.goto(home);

  const sent = await pendingBytes(requests);
  assert.equal(sent.length, 101);
  t.diagnostic(`at most ${Math.max(...sent)} bytes of pending logins were sent`);
  assert.ok(Math.max(...sent) <= PENDING_BUDGET, `${sent}`);
  assert.ok(sent.at(-1) > 0);
  await shows(page, 'Ada Example');
});

test('con_05 logins that another site begins without end push out none of the own and stay within the budget', async (t) => {
  const { home } = await startExample(t);
  const profile = await profileOf(t);
  const [page, stranger] = [await profile.newPage(), await profile.newPage()];
  await leaveFor(page, home, 'google');
  const requests = requestsTo(profile, home);

  await stranger.route('http://elsewhere.test/', (route) =>
    route.fulfill({ contentType: 'text/html', body: `<a href="${home}auth/login?provider=google">Come in</a>` }));
  for (let count = 0; count < 8; count++) {
    await stranger.goto('http://elsewhere.test/');
    await link(stranger, 'Come in').click();
    await stranger.getByRole('heading', { level: 1 }).waitFor();
  }

  const sent = await pendingBytes(requests);
  assert.equal(sent.length, 8);
  assert.ok(Math.max(...sent) <= PENDING_BUDGET, `${sent}`);
  await become(page, 'Ada Example');
});

/** Tabs that stand at a page for people who are logged in, reloaded at once by somebody who is not any more. */
async function restored(t, count) {
  const provider = await startProvider(t, { name: 'google' });
  const port = await freePort();
  const home = `http://localhost:${port}/`;
  await startApp(t, { port, secrets: secretsFile({ redirectUri: `${home}oauth2callback`, providers: [provider.secrets] }) });
  const profile = await profileOf(t);
  const tabs = [];
  for (let index = 0; index < count; index++) tabs.push(await profile.newPage());
  const requests = requestsTo(profile, home);

  await Promise.all(tabs.map((tab) => tab.goto(`${home}me`)));
  for (const tab of tabs) await shows(tab, 'Who do you want to be?');
  const headings = [];
  for (const tab of tabs) {
    await button(tab, 'Ada Example').click();
    await tab.waitForURL((url) => url.href.startsWith(home));
    headings.push(await arrival(tab));
  }

  // Which of them were pushed out is a matter of time; but nobody is told so who is logged in.
  const settled = headings.indexOf('Ada Example');
  assert.deepEqual(new Set(headings.slice(0, settled)), new Set(settled > 0 ? ['This login is already over'] : []));
  assert.deepEqual(new Set(headings.slice(settled)), new Set(['Ada Example']));
  for (const tab of tabs.slice(0, settled)) {
    await link(tab, 'Log in').click();
    await become(tab, 'Ada Example');
  }
  t.diagnostic(`tab ${settled + 1} was the first to be logged in; at most ${Math.max(...(await pendingBytes(requests)))} bytes of pending logins were sent`);
}

/** Whose page it is that the login led back to; or what the page says instead. */
async function arrival(tab) {
  if (new URL(tab.url()).pathname !== '/me') return tab.getByRole('heading', { level: 1 }).innerText();
  return JSON.parse(await tab.locator('pre').innerText()).claims.name;
}

/** Every request to the app from here on. */
function requestsTo(profile, home) {
  const requests = [];
  profile.on('request', (request) => {
    if (request.url().startsWith(home)) requests.push(request);
  });
  return requests;
}

/** How many bytes of pending logins each request carried to the app. Left out are those for pictures and styles. */
async function pendingBytes(requests) {
  const headers = await Promise.all(requests.filter((request) => request.isNavigationRequest()).map((request) => request.allHeaders()));
  return headers.map(({ cookie = '' }) => {
    const pairs = cookie.split('; ').filter((pair) => /^keycard-[a-z2-7]{8}-p-/.test(pair));
    return pairs.reduce((sum, pair) => sum + pair.length + '; '.length, 0);
  });
}
