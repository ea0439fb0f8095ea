// Two processes of one app that share a secrets file, which is saved while they run.

import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { Browser } from './support/browser.js';
import { becomeSomebody, finish } from './support/pages.js';
import { folder, freePort, startApp, startProvider } from './support/processes.js';
import { freshSecret, secretsFile } from './support/secrets.js';
import { isAnonymous, whoIs } from './support/visitor.js';

/** How long a save may take to count, in milliseconds: two seconds, and more on a machine with much to do. */
const PATIENCE = 20_000;

test('con_12 two saves change the secret of two running replicas, and nobody is logged out at any moment', async (t) => {
  const { left, right, save } = await openTwo(t);
  const [older, newer] = [freshSecret(), freshSecret()];
  // The last first: a replica answers its first request before it has found a save.
  const people = [];
  const logIn = async (subject, first, second) => {
    const browser = new Browser();
    await end(browser, second, await begin(browser, subject, first));
    people.unshift({ browser, subject });
  };
  const everybodyStaysAt = async ({ home }) => {
    for (const { browser, subject } of people) assert.equal(await whoIs(browser, home), subject);
  };
  await save(older);
  await left.start();
  await right.start();
  await logIn('ada', left, left);
  await logIn('alan', right, right);

  for (const [secret, accepted] of [[older, [newer]], [newer, [older]]]) {
    const browser = new Browser();
    const subject = `grace${people.length}`;
    const callback = await begin(browser, subject, left);
    await save(secret, accepted);
    // The other one knows of the save when somebody asks there, and of people whom this one sealed before that.
    await savedOn(left, () => everybodyStaysAt(left));
    await logIn(`edsger${people.length}`, left, left);
    await everybodyStaysAt(right);
    await savedOn(right, () => everybodyStaysAt(right));
    await end(browser, right, callback);
    people.unshift({ browser, subject });
    await logIn(`barbara${people.length}`, right, left);
    for (const replica of [left, right]) await everybodyStaysAt(replica);
  }
  assert.equal(people.length, 8);
});

test('con_12 a save logs everybody out on both running replicas, though nobody begins a login there', async (t) => {
  const { left, right, save } = await openTwo(t);
  const secret = freshSecret();
  const browser = new Browser();
  await save(secret);
  await left.start();
  await right.start();
  await end(browser, left, await begin(browser, 'ada', left));
  assert.equal(await whoIs(browser, right.home), 'ada');

  // From the next whole second on, which is after that login.
  const from = new Date(Math.ceil(Date.now() / 1000) * 1000);
  await save(secret, [], `sessions_valid_from = ${from.toISOString()}`);
  for (const replica of [left, right]) {
    await savedOn(replica, () => whoIs(browser, replica.home));
    await isAnonymous(browser, replica.home);
  }

  await until(() => Date.now() > from.getTime(), () => isAnonymous(browser, right.home));
  await end(browser, left, await begin(browser, 'ada', left));
  assert.equal(await whoIs(browser, right.home), 'ada');
});

/** Two places of one app and of one secrets file, whose redirect_uri is the left one's; there is nobody at them yet. */
async function openTwo(t) {
  const provider = await startProvider(t, { name: 'google' });
  const path = join(await folder(t), 'secrets.toml');
  const ports = [await freePort(), await freePort()];
  const redirectUri = `http://localhost:${ports[0]}/oauth2callback`;
  const [left, right] = ports.map((port) => {
    const replica = { home: `http://localhost:${port}`, saves: 0 };
    replica.start = async () => {
      replica.running = await startApp(t, { port, path });
    };
    return replica;
  });
  const save = async (cookieSecret, accepted = [], more = '') => {
    const all = `cookie_secrets_accepted = ${JSON.stringify(accepted)}\n${more}`;
    const text = secretsFile({ redirectUri, cookieSecret, more: all, providers: [provider.secrets] });
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  };
  return { left, right, save };
}

/** Sends requests until the replica says that one more save counts. */
async function savedOn(replica, requests) {
  replica.saves += 1;
  const said = (line) => line.includes('the settings were saved, and count from here on');
  await until(() => replica.running.lines.filter(said).length === replica.saves, requests);
}

/** Does something again and again until this is so. */
async function until(isSo, what) {
  const began = Date.now();
  do {
    assert(Date.now() - began < PATIENCE, 'it never came');
    await what();
  } while (!isSo());
}

/** Begins a login on one replica, and comes back with its callback. */
const begin = async (browser, subject, { home }) => becomeSomebody(browser, { sub: subject }, await browser.get(`${home}/log-in/google`));

/** Ends it on another, as a proxy without stickiness may have it. */
async function end(browser, { home }, callback) {
  const { pathname, search } = new URL(callback);
  const [answer] = await finish(browser, `${home}${pathname}${search}`);
  assert.equal(answer.status, 303, answer.body);
}
