// Several processes with one secret, and restarts.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from './support/browser.js';
import { guids } from './support/claims.js';
import { blocks } from './support/docs.js';
import { startNginx } from './support/nginx.js';
import { become, becomeSomebody, finish } from './support/pages.js';
import { freePort, secretOf, startApp, startProvider } from './support/processes.js';
import { freshSecret, secretsFile } from './support/secrets.js';
import { isAnonymous, whoIs } from './support/visitor.js';

test('con_12 a login begun on one replica ends on the second and is known to the third', async (t) => {
  const { home, begin, nginx } = await openThree(t);
  const browser = new Browser();

  const start = await begin(browser);
  const [end] = await finish(browser, await become(browser, 'ada', start));
  const page = await browser.get(end.location);

  assert.equal(page.url, `${home}/`);
  assert.match(page.body, /<h1>Ada/);
  assert.equal(new Set([start, end, page].map(replica)).size, 3);
  assert.deepEqual(await nginx.complaints(), []);
});

test('con_12 both parts of a long identity come from two replicas and are known to the third', async (t) => {
  const { home, begin, nginx } = await openThree(t);
  const browser = new Browser();
  const groups = guids(200);

  const start = await begin(browser);
  const [first, second] = await finish(browser, await becomeSomebody(browser, { sub: 'dora', groups }, start));
  const page = await browser.get(second.location);
  const answers = [start, first, second, page];

  assert.match(page.body, /<h1>dora/);
  assert.equal(new Set(answers.slice(0, 3).map(replica)).size, 3);
  for (let request = 0; request < 3; request++) {
    const me = await browser.fetch(`${home}/me`);
    assert.deepEqual(JSON.parse(me.body).claims.groups, groups, replica(me));
  }
  assert.deepEqual(await nginx.complaints(), []);
});

test('con_12 logins that are under way at once on all replicas are each their own', async (t) => {
  const { home, begin } = await openThree(t);
  // Not a multiple of three, or each would end where it began.
  const people = Array.from({ length: 10 }, (_, at) => ({ sub: `person${at}`, browser: new Browser() }));

  const starts = await Promise.all(people.map(({ browser }) => begin(browser)));
  const callbacks = await Promise.all(people.map(({ sub, browser }, at) => becomeSomebody(browser, { sub }, starts[at])));
  const ends = await Promise.all(people.map(({ browser }, at) => finish(browser, callbacks[at])));

  assert(ends.some(([end], at) => replica(end) !== replica(starts[at])));
  for (const { sub, browser } of people) assert.equal(await whoIs(browser, home), sub);
});

test('con_13 a restart between login and callback loses nothing', async (t) => {
  const { home, start, secrets } = await open(t);
  const browser = new Browser();

  const before = await start(secrets());
  const callback = await become(browser, 'ada', await browser.get(`${home}/log-in/google`));
  await before.stop();
  await start(secrets());
  const page = await browser.follow(await browser.get(callback, { from: 'cross-site' }));

  assert.equal(page.url, `${home}/`);
  assert.equal(await whoIs(browser, home), 'ada');
});

test('con_13 a restart while somebody is logged in loses nothing', async (t) => {
  const { home, start, secrets } = await open(t);
  const browser = new Browser();
  const before = await start(secrets());
  await logIn(browser, 'ada', home);

  await before.stop();
  await start(secrets());

  assert.equal(await whoIs(browser, home), 'ada');
});

test('a deploy with another client between login and callback says so, and the way to begin again works', async (t) => {
  const { home, start, secrets, provider } = await open(t);
  const browser = new Browser();
  const registered = secretOf(provider, 'client_id');
  const former = (text) => text.replace(registered, `former-${registered}`);

  const before = await start(former(secrets()));
  const begun = await browser.get(`${home}/log-in/google`);
  // The development provider knows one client, and so stands in for the former registration, too.
  const callback = await become(browser, 'ada', await browser.get(begun.location.replace(`former-${registered}`, registered)));
  await before.stop();
  await start(secrets());
  const [page] = await finish(browser, callback);

  assert.equal(page.status, 400);
  assert.match(page.body, /<code>configuration_changed<\/code>/);
  assert.equal(await whoIs(browser, home), undefined);
  const [, again] = page.body.match(/<a class="button" href="([^"]*)">Log in<\/a>/);
  await finish(browser, await become(browser, 'ada', await browser.get(new URL(again, home).href)));
  assert.equal(await whoIs(browser, home), 'ada');
});

test('a deploy with another client makes whoever is logged in anonymous, and never an error', async (t) => {
  const { home, start, secrets, provider } = await open(t);
  const browser = new Browser();
  const before = await start(secrets());
  await logIn(browser, 'ada', home);

  await before.stop();
  const registered = secretOf(provider, 'client_id');
  const other = await start(secrets().replace(registered, `other-${registered}`));
  await isAnonymous(browser, home);

  // And a deploy that is taken back has logged nobody out.
  await other.stop();
  await start(secrets());
  assert.equal(await whoIs(browser, home), 'ada');
});

/** Three replicas behind one nginx, which asks them by turns. */
async function openThree(t) {
  const provider = await startProvider(t, { name: 'google' });
  const proxyPort = await freePort();
  const home = `http://localhost:${proxyPort}`;
  const secrets = secretsFile({ redirectUri: `${home}/oauth2callback`, providers: [provider.secrets] });
  let [upstreams] = blocks('Several replicas');
  for (const written of ['8501', '8502', '8503']) {
    const port = await freePort();
    await startApp(t, { port, secrets });
    upstreams = upstreams.replace(`127.0.0.1:${written};`, `127.0.0.1:${port};`);
  }
  const nginx = await startNginx(t, {
    port: proxyPort,
    upstreams,
    server: 'location / { proxy_pass http://app; add_header replica $upstream_addr always; }',
  });
  return { home, nginx, begin: (browser) => browser.get(`${home}/log-in/google`) };
}

const replica = (answer) => answer.headers.replica;

/** One address, where one process after the other may be. */
async function open(t) {
  const provider = await startProvider(t, { name: 'google' });
  const port = await freePort();
  const home = `http://localhost:${port}`;
  const cookieSecret = freshSecret();
  const secrets = () => secretsFile({ redirectUri: `${home}/oauth2callback`, cookieSecret, providers: [provider.secrets] });
  return { home, provider, secrets, start: (text) => startApp(t, { port, secrets: text }) };
}

async function logIn(browser, subject, home) {
  await finish(browser, await become(browser, subject, await browser.get(`${home}/log-in/google`)));
  assert.equal(await whoIs(browser, home), subject);
}
