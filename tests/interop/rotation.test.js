// Two secrets in rotation: replicas that have one, the other, or both.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from './support/browser.js';
import { becomeSomebody, finish } from './support/pages.js';
import { freePort, startApp, startProvider } from './support/processes.js';
import { freshSecret, secretsFile } from './support/secrets.js';
import { isAnonymous, whoIs } from './support/visitor.js';

test('con_12 a secret is rotated over two replicas, and an older identity ends with the older secret', async (t) => {
  const { left, right, older, newer } = await openTwo(t);
  const browser = new Browser();
  await left.switchTo(newer, [older]);
  await right.switchTo(older);

  await logIn(browser, right);
  assert.equal(await whoIs(browser, right.home), 'ada');
  assert.equal(await whoIs(browser, left.home), 'ada', 'the newer replica accepts the older secret');

  // In the middle of a login.
  const callback = await begin(browser, 'alan', right);
  await right.switchTo(newer, [older]);
  assert.equal(await whoIs(browser, right.home), 'ada');
  const [end] = await finish(browser, at(right, callback));
  assert.equal(end.status, 303, end.body);
  for (const { home } of [left, right]) assert.equal(await whoIs(browser, home), 'alan');

  const former = new Browser();
  await right.switchTo(older);
  await logIn(former, right);
  for (const replica of [left, right]) {
    await replica.switchTo(newer);
    await isAnonymous(former, replica.home);
    assert.equal(await whoIs(browser, replica.home), 'alan', 'whom the newer one sealed stays');
  }
});

test('con_12 a login begun with either secret ends on a replica that accepts both', async (t) => {
  const { left, right, older, newer } = await openTwo(t);
  // So it is rotated without losing a login: first all accept the newer one, then all seal with it.
  await left.switchTo(newer, [older]);
  await right.switchTo(older, [newer]);

  for (const [first, second] of [[left, right], [right, left]]) {
    const browser = new Browser();
    const [end] = await finish(browser, at(second, await begin(browser, 'ada', first)));
    assert.equal(end.status, 303, end.body);
    for (const { home } of [left, right]) assert.equal(await whoIs(browser, home), 'ada');
  }
});

test('con_12 a login begun with a secret that the other replica does not have yet begins again with one click', async (t) => {
  const { left, right, older, newer } = await openTwo(t);
  const browser = new Browser();
  await left.switchTo(newer, [older]);
  await right.switchTo(older);

  const [page] = await finish(browser, at(right, await begin(browser, 'ada', left)));

  assert.equal(page.status, 400);
  assert.match(page.body, /<code>login_unreadable<\/code>/);
  const [, again] = page.body.match(/<a class="button" href="([^"]*)">Log in<\/a>/);
  const callback = await becomeSomebody(browser, { sub: 'ada' }, await browser.get(new URL(again, right.home).href));
  await finish(browser, at(right, callback));
  assert.equal(await whoIs(browser, right.home), 'ada');
});

test('con_12 a replica without the newer secret takes who logged in with it for nobody, and leaves the cookies', async (t) => {
  const { left, right, older, newer } = await openTwo(t);
  const browser = new Browser();
  await left.switchTo(newer, [older]);
  await right.switchTo(older);
  await logIn(browser, left);

  await isAnonymous(browser, right.home);

  assert.equal(await whoIs(browser, left.home), 'ada');
});

test('con_13 a secret rotated without accepting the older one logs everybody out, and a login works at once', async (t) => {
  const { left, older, newer } = await openTwo(t);
  const browser = new Browser();
  await left.switchTo(older);
  await logIn(browser, left);

  await left.switchTo(newer);

  await isAnonymous(browser, left.home);
  await logIn(browser, left);
});

/** Two places of one app, whose redirect_uri is the left one's; there is nobody at them yet. */
async function openTwo(t) {
  const provider = await startProvider(t, { name: 'google' });
  const ports = [await freePort(), await freePort()];
  const redirectUri = `http://localhost:${ports[0]}/oauth2callback`;
  const [left, right] = ports.map((port) => {
    let running;
    const switchTo = async (cookieSecret, accepted = []) => {
      await running?.stop();
      const more = `cookie_secrets_accepted = ${JSON.stringify(accepted)}`;
      const secrets = secretsFile({ redirectUri, cookieSecret, more, providers: [provider.secrets] });
      running = await startApp(t, { port, secrets });
    };
    return { home: `http://localhost:${port}`, switchTo };
  });
  return { left, right, older: freshSecret(), newer: freshSecret() };
}

/** Begins a login on one replica, and comes back with its callback. */
const begin = async (browser, subject, { home }) => becomeSomebody(browser, { sub: subject }, await browser.get(`${home}/log-in/google`));

/** The same address on this replica, as a proxy without stickiness may have it. */
function at({ home }, url) {
  const { pathname, search } = new URL(url);
  return `${home}${pathname}${search}`;
}

async function logIn(browser, replica) {
  await finish(browser, at(replica, await begin(browser, 'ada', replica)));
  assert.equal(await whoIs(browser, replica.home), 'ada');
}
