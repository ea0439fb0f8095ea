// One person, one browser: the example's buttons, and every way to come back to a page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { become, becomeUpToCallback, button, chromiumIn, chromiumOfThisFile, leaveFor, link, logIn, pendingLogins, shows } from './support/chromium.js';
import { startExample } from './support/example.js';
import { folder } from './support/processes.js';

const profileOf = chromiumOfThisFile();

for (const [provider, name] of [['google', 'Ada Example'], ['microsoft', 'Ben Newcomer']]) {
  test(`the button of ${provider} ends with the name on the page`, async (t) => {
    const { home } = await startExample(t);
    const profile = await profileOf(t);
    const page = await profile.newPage();

    await logIn(page, home, { provider, name });

    assert.equal(page.url(), home);
    assert.match(await page.getByText('Logged in with').innerText(), new RegExp(`^Logged in with ${provider} until`));
    assert.deepEqual(await pendingLogins(profile), []);
  });
}

test('a new tab is logged in', async (t) => {
  const { home } = await startExample(t);
  const profile = await profileOf(t);
  await logIn(await profile.newPage(), home);

  const tab = await profile.newPage();
  await tab.goto(home);

  await shows(tab, 'Ada Example');
});

test('the login page opened in a new tab logs in for every tab', async (t) => {
  const { home } = await startExample(t);
  const profile = await profileOf(t);
  const [page, tab] = [await profile.newPage(), await profile.newPage()];
  await page.goto(home);

  await tab.goto(`${home}auth/login`);
  await shows(tab, 'Log in');
  await button(tab, 'Log in with microsoft').click();
  await become(tab, 'Ben Newcomer');
  await page.reload();

  assert.equal(tab.url(), home);
  await shows(page, 'Ben Newcomer');
});

test('closing the browser keeps who is logged in', async (t) => {
  const { home } = await startExample(t);
  const kept = await folder(t);
  const before = await chromiumIn(t, kept);
  await logIn(await before.newPage(), home);
  await before.close();

  const afterwards = await chromiumIn(t, kept);
  const page = await afterwards.newPage();
  await page.goto(home);

  await shows(page, 'Ada Example');
});

test('the back button after a login neither fails nor logs out', async (t) => {
  const { home } = await startExample(t);
  const page = await (await profileOf(t)).newPage();
  await logIn(page, home);

  await page.goBack();
  await shows(page, 'Who do you want to be?');
  await page.goBack();
  await shows(page, 'Ada Example');
  await page.goForward();
  await shows(page, 'Who do you want to be?');
  await page.goForward();
  await shows(page, 'Ada Example');
});

test('cbk_05 somebody chosen again after the back button changes nothing', async (t) => {
  const { home } = await startExample(t);
  const page = await (await profileOf(t)).newPage();
  await logIn(page, home);

  await page.goBack();
  await button(page, 'Ben Newcomer').click();

  await shows(page, 'Ada Example');
  assert.equal(page.url(), home);
});

test('cbk_05 the callback reloaded or bookmarked goes home', async (t) => {
  const { home } = await startExample(t);
  const profile = await profileOf(t);
  const page = await profile.newPage();
  const callback = page.waitForRequest((request) => request.url().startsWith(`${home}oauth2callback`));
  await logIn(page, home);
  const bookmark = (await callback).url();

  for (const visit of [() => page.goto(bookmark), () => page.reload(), async () => (await profile.newPage()).goto(bookmark)]) {
    const response = await visit();
    assert.equal(response.status(), 200);
    assert.equal(response.url(), home);
  }

  for (const tab of profile.pages()) await shows(tab, 'Ada Example');
});

test('cbk_05 the callback bookmarked by somebody who has logged out says so and helps on', async (t) => {
  const { home } = await startExample(t);
  const page = await (await profileOf(t)).newPage();
  const callback = page.waitForRequest((request) => request.url().startsWith(`${home}oauth2callback`));
  await logIn(page, home);
  const bookmark = (await callback).url();
  await button(page, 'Log out').click();
  await shows(page, 'Welcome');

  const response = await page.goto(bookmark);

  assert.equal(response.status(), 400);
  await link(page, 'Log in').click();
  await button(page, 'Log in with google').click();
  await become(page, 'Ben Newcomer');
});

test('con_03 a double click at the provider logs in', async (t) => {
  const { home } = await startExample(t);
  const page = await (await profileOf(t)).newPage();
  await leaveFor(page, home, 'google');

  await button(page, 'Ada Example').dblclick();

  await shows(page, 'Ada Example');
  assert.equal(page.url(), home);
});

test('con_03 a double click at the app logs in', async (t) => {
  const { home } = await startExample(t);
  const page = await (await profileOf(t)).newPage();
  await page.goto(home);

  await button(page, 'Log in with google').dblclick();
  await become(page, 'Ada Example');

  assert.equal(page.url(), home);
});

test('con_03 one login finished in two tabs at once logs in and comes home in both', async (t) => {
  const { home } = await startExample(t);
  const profile = await profileOf(t);
  const [page, one, other] = [await profile.newPage(), await profile.newPage(), await profile.newPage()];
  await leaveFor(page, home, 'google');
  const { url } = await becomeUpToCallback(page, 'Ada Example');

  // What differs is ignored: Chromium asks for one address only once at a time.
  await Promise.all([one.goto(`${url}&tab=1`), other.goto(`${url}&tab=2`)]);

  for (const tab of [one, other]) {
    assert.equal(tab.url(), home);
    await tab.reload();
    await shows(tab, 'Ada Example');
  }
});

test('out_04 the button logs out, the other tab too', async (t) => {
  const { home } = await startExample(t);
  const profile = await profileOf(t);
  const [page, tab] = [await profile.newPage(), await profile.newPage()];
  await logIn(page, home);
  await tab.goto(home);
  await shows(tab, 'Ada Example');

  await button(page, 'Log out').click();
  await shows(page, 'Welcome');
  await tab.reload();

  await shows(tab, 'Welcome');
  // What is left says which provider it was.
  const left = (await profile.cookies()).filter(({ name }) => name.startsWith('keycard-'));
  assert.deepEqual(left.map(({ name }) => name.slice(-2)), ['-l']);
});
