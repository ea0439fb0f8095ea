// Cookies of another release, or of another login, beside the ones that count: each is somebody
// rightly or nobody, and never an error.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from './support/browser.js';
import { guids } from './support/claims.js';
import { becomeSomebody, finish } from './support/pages.js';
import { freePort, startApp, startProvider } from './support/processes.js';
import { secretsFile } from './support/secrets.js';
import { isAnonymous, whoIs } from './support/visitor.js';

test('con_12 an identity of another format is nobody and stays where it is', async (t) => {
  const { home } = await open(t);
  const { name, value } = identityOf(await loggedIn(home, { sub: 'ada' }), home);
  const visitor = new Browser();

  for (const odd of [ofVersion(2, value), ofVersion(0, value), ofVersion(255, value)]) {
    visitor.setCookie(home, name, odd);
    await isAnonymous(visitor, home);
    assert.equal(visitor.cookies(home).get(name), odd);
  }

  visitor.setCookie(home, name, value);
  assert.equal(await whoIs(visitor, home), 'ada', 'the one it was made from counts');
});

test('con_12 somebody with an identity of another format can log in', async (t) => {
  const { home } = await open(t);
  const browser = await loggedIn(home, { sub: 'ada' });
  const { name, value } = identityOf(browser, home);
  browser.setCookie(home, name, ofVersion(2, value));
  browser.setCookie(home, `${name}-2`, ofVersion(2, value));

  await logIn(browser, home, { sub: 'alan' });

  assert.equal(await whoIs(browser, home), 'alan');
});

test('cke_15 of two identities of one name the one that opens counts, in either order', async (t) => {
  const { home } = await open(t);
  const { name, value } = identityOf(await loggedIn(home, { sub: 'ada' }), home);
  const both = [value, ofVersion(2, value)];

  for (const values of [both, both.toReversed()]) {
    assert.equal(await whoSends(home, values.map((value) => [name, value])), 'ada');
  }
});

test('con_12 of two pending logins of one name the one that opens counts, and another format alone is a page', async (t) => {
  const { home } = await open(t);

  for (const order of ['before', 'after', 'alone']) {
    const browser = new Browser();
    const callback = await begin(browser, home, { sub: 'ada' });
    const [[name, value]] = [...browser.cookies(home)].filter(([name]) => name.includes('-p-'));
    const other = ofVersion(2, value);
    const values = { before: [other, value], after: [value, other], alone: [other] }[order];
    // Sent by hand: the jar keeps one value of a name.
    const cookie = values.map((value) => `${name}=${value}`).join('; ');
    const answer = await new Browser().get(callback, { from: 'cross-site', headers: { cookie } });

    assert.equal(answer.status, order === 'alone' ? 400 : 303, `${order}: ${answer.body}`);
    if (order === 'alone') assert.match(answer.body, /<code>login_unreadable<\/code>/);
  }
});

test('cke_09 the second part of another login makes nobody, or the right one', async (t) => {
  const { home } = await open(t);
  const groups = guids(200);
  const ada = identityOf(await loggedIn(home, { sub: 'ada', groups }), home);
  const alan = identityOf(await loggedIn(home, { sub: 'alan', groups }), home);
  const grace = identityOf(await loggedIn(home, { sub: 'grace' }), home);
  const first = ({ name, value }) => [name, value];
  const second = ({ name, second }) => [`${name}-2`, second];
  assert(ada.second && alan.second && !grace.second);

  const table = [
    [[first(ada), second(ada)], 'ada'],
    [[first(ada)], undefined],
    [[second(ada)], undefined],
    [[first(ada), second(alan)], undefined],
    [[first(ada), second(ada), second(alan)], 'ada'],
    [[first(ada), second(alan), second(ada)], 'ada'],
    [[first(ada), first(alan), second(alan)], 'alan'],
    [[first(grace), second(ada)], 'grace'],
    [[second(ada), first(grace), second(alan)], 'grace'],
    // Two that open are two people, and the order tells nothing.
    [[first(ada), first(alan), second(ada), second(alan)], undefined],
    [[first(grace), first(ada), second(ada)], undefined],
    [[first(ada), ['x', 'y'], [`${ada.name}-2`, ofVersion(2, ada.second)]], undefined],
  ];
  for (const [at, [cookies, subject]] of table.entries()) {
    assert.equal(await whoSends(home, cookies), subject, `row ${at}`);
  }
});

async function open(t) {
  const provider = await startProvider(t, { name: 'google' });
  const port = await freePort();
  const home = `http://localhost:${port}`;
  await startApp(t, { port, secrets: secretsFile({ redirectUri: `${home}/oauth2callback`, providers: [provider.secrets] }) });
  return { home };
}

const begin = async (browser, home, claims) => becomeSomebody(browser, claims, await browser.get(`${home}/log-in/google`));

async function logIn(browser, home, claims) {
  await finish(browser, await begin(browser, home, claims));
}

async function loggedIn(home, claims) {
  const browser = new Browser();
  await logIn(browser, home, claims);
  assert.equal(await whoIs(browser, home), claims.sub);
  return browser;
}

/** The cookies of the identity in a browser: the name of the first, its value, the second's value. */
function identityOf(browser, home) {
  const cookies = browser.cookies(home);
  const name = [...cookies.keys()].find((name) => /^keycard-[a-z2-7]{8}$/.test(name));
  return { name, value: cookies.get(name), second: cookies.get(`${name}-2`) };
}

/** The same value, as another version of the format would begin it: the second byte is the version. */
function ofVersion(version, value) {
  const bytes = Buffer.from(value, 'base64url');
  bytes[1] = version;
  return bytes.toString('base64url');
}

/** Who somebody is taken for that sends these cookies, in this order. */
async function whoSends(home, cookies) {
  const headers = { cookie: cookies.map((pair) => pair.join('=')).join('; ') };
  const subject = await whoIs(new Browser(), home, headers);
  if (subject === undefined) await isAnonymous(new Browser(), home, headers);
  return subject;
}
