// nginx as everybody has it in front of an app: what a browser has to send, and what an app has to
// answer, fits its default buffers, whoever logs in.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { Browser } from './support/browser.js';
import { entra, groupNames, guids, noise } from './support/claims.js';
import { nginxBlock } from './support/docs.js';
import { startNginx } from './support/nginx.js';
import { becomeSomebody, finish } from './support/pages.js';
import { freePort, startApp, startProvider } from './support/processes.js';
import { secretsFile } from './support/secrets.js';

/** What nginx's buffer for the head of an answer holds by default: a page of memory. */
const ANSWER_BUFFER = 4096;
/** What all cookies of keycard's may take in a request (rules, Cookies), and the header's name. */
const COOKIE_BUDGET = 6656 + 'Cookie: \r\n'.length;

const block = (having, app) => nginxBlock('Behind nginx, with https', having, app);
const underPath = (having, app) => nginxBlock('Under a path', having, app);

/** The ways to put nginx in front; each gets the address of the app. */
const plain = { name: 'as plain as can be', base: '', server: (app) => `location / { proxy_pass ${app}; }` };
const settings = [
  plain,
  {
    name: 'as docs/deploy.md has it, but for TLS',
    base: '',
    upstreams: block(/map /).match(/^map .*?^}/ms)[0],
    server: (app) => block(/location/, app).match(/^ *location \/ .*?}/ms)[0],
  },
  { name: 'with a base path that it strips', base: '/app', server: (app) => underPath(/8501\/;/, app) },
  { name: 'with a base path that it leaves', base: '/app', nest: '/app', server: (app) => underPath(/8501;/, app) },
];

/** Ways in which what a provider says of somebody grows. */
const growths = [
  { of: 'GUIDs', step: 8, end: 300, claims: (size) => ({ grown: guids(size) }), steps: [1, 2] },
  // So much alike that 24 KB of them, which is all that is allowed, fit one cookie.
  { of: 'names of groups', step: 32, end: 1000, claims: (size) => ({ grown: groupNames(size) }), steps: [1] },
  { of: 'letters of noise', step: 128, end: 6000, claims: (size) => ({ grown: noise(size) }), steps: [1, 2] },
];

for (const setting of settings) {
  test(`pxy_06 every identity up to the budget logs in behind nginx ${setting.name}`, async (t) => {
    const site = await open(t, setting);
    for (const growth of growths) {
      const { browser, largest, steps } = await grow(site, growth);
      t.diagnostic(`up to ${largest} ${growth.of}`);

      assert.deepEqual(steps, growth.steps, `answers that a login of ${growth.of} takes`);
      assert.equal((await me(site, browser)).claims.size, largest, 'who was refused is who they were');
      await logIn(site, browser, person(growth, 1));
      assert.equal((await me(site, browser)).claims.size, 1, 'and gets smaller again');
      assert.match((await browser.get(`${site.home}/`)).body, /<h1>dora/, 'where the login ended');
    }
    await close(t, site);
  });
}

test('cke_18 two hundred groups of Entra and three hundred names of groups fit behind nginx', async (t) => {
  const site = await open(t, plain);
  const people = [
    { ...entra, groups: guids(200), wids: guids(2) },
    { ...entra, groups: groupNames(300) },
  ];

  for (const claims of people) {
    const browser = new Browser();
    const answers = await logIn(site, browser, claims);
    assert.equal(answers.at(-1).location, `${site.home}/`);
    assert.deepEqual((await me(site, browser)).claims.groups, claims.groups);
  }
  await close(t, site);
});

for (const setting of settings) {
  test(`pxy_05 four logins in flight beside the biggest identity behind nginx ${setting.name}`, async (t) => {
    const site = await open(t, setting);
    const growth = growths[2];
    const { browser, largest } = await grow(site, growth);
    // What else a token says packs a few bytes better or worse each time. The cookie is as long.
    const big = person(growth, largest - 16);

    const callbacks = [];
    for (let flight = 1; flight <= 4; flight++) {
      callbacks.push(await becomeSomebody(browser, { ...big, sub: `dor${flight}` }, await start(site, browser)));
    }
    const pending = [...browser.cookies(`${site.home}/`).keys()].filter((name) => /-p-[a-z2-7]{8}$/.test(name));
    assert.equal(pending.length, 4);
    assert.equal((await me(site, browser)).subject, 'dora');

    for (const flight of [3, 1, 4, 2]) {
      const answers = await finish(browser, callbacks[flight - 1]);
      assert.equal(answers.at(-1).location, `${site.home}/`, answers.at(-1).body);
      assert.equal((await me(site, browser)).subject, `dor${flight}`);
    }
    await close(t, site);
  });
}

for (const setting of settings) {
  test(`pxy_05 tokens beside every identity, and four logins in flight, behind nginx ${setting.name}`, async (t) => {
    const site = await open(t, { ...setting, more: 'expose_tokens = ["id", "access", "refresh"]\n' });
    const browser = new Browser();
    const seen = new Set();
    for (const size of [1, 600, 1200, 1600, 1900, 2200, 2600, 3000, 3400]) {
      const answers = await logIn(site, browser, person(growths[2], size));
      assert.equal(answers.at(-1).location, `${site.home}/`, answers.at(-1).body);
      assert.equal((await me(site, browser)).claims.size, size);
      const { status, body } = await browser.fetch(`${site.home}/access`);
      seen.add(status === 200 ? 'kept' : JSON.parse(body).code);
      for (let flight = 1; flight <= 4; flight++) await start(site, browser);
      assert.equal((await me(site, browser)).claims.size, size);
    }
    assert.deepEqual([...seen], ['kept', 'tokens_too_large']);
    await close(t, site, [200, 303, 500]);
  });
}

test('pxy_06 the longest answer of all stays below 4 KB', async (t) => {
  const base = '/departments/finance-and-controlling/quarterly-forecast-dashboard';
  const site = await open(t, { base, server: (app) => `location ${base}/ { proxy_pass ${app}/; }` });
  const growth = growths[2];
  // As long a way back as is remembered, and the second part of an older identity to clear.
  const goal = `${base}/?`.padEnd(512, 'x');

  // A single cookie of about its longest, from both sides.
  for (let size = 1800; size <= 2000; size += 10) {
    const browser = new Browser();
    await logIn(site, browser, person(growth, 4000));
    const last = (await logIn(site, browser, person(growth, size), goal)).at(-1);
    assert.equal(last.location ?? last.url, new URL(goal, site.home).href, `${last.status} at ${size}`);
    assert.equal((await me(site, browser)).claims.size, size);
  }
  await close(t, site);
});

test('pxy_06 nginx would have answered 502, had an answer had 4 KB of cookies', async (t) => {
  const { browser, home, nginx } = await openCrumbs(t);

  assert.equal((await browser.get(`${home}/3500`)).status, 200);
  assert.deepEqual(await nginx.complaints(), []);
  assert.equal((await browser.get(`${home}/4096`)).status, 502);
  assert.match((await nginx.complaints()).join(), /upstream sent too big header/);
});

test('pxy_05 nginx would have answered 400, had a browser had 8 KB of cookies', async (t) => {
  const { browser, home, nginx } = await openCrumbs(t);

  browser.setCookie(home, 'crumbs', 'x'.repeat(6656));
  assert.equal((await browser.get(`${home}/0`)).status, 200);
  assert.deepEqual(await nginx.complaints(), []);
  browser.setCookie(home, 'crumbs', 'x'.repeat(8192));
  assert.equal((await browser.get(`${home}/0`)).status, 400);
  assert.match((await nginx.complaints()).join(), /client sent too long header line/);
});

/** nginx in front of an app that keycard has no part in: it sets as many bytes of cookies as its path says. */
async function openCrumbs(t) {
  const app = createServer(({ url }, answer) => {
    const bytes = Number(url.slice(1));
    if (bytes) answer.setHeader('set-cookie', ['a', 'b'].map((name) => `${name}=`.padEnd(bytes / 2, 'x')));
    answer.end('crumbs');
  }).listen(0, '127.0.0.1');
  t.after(() => app.close());
  await once(app, 'listening');
  const server = plain.server(`http://127.0.0.1:${app.address().port}`);
  const nginx = await startNginx(t, { port: await freePort(), server });
  return { browser: new Browser(), home: nginx.home, nginx };
}

async function open(t, { base, nest, server, upstreams, more }) {
  const provider = await startProvider(t, { name: 'google' });
  const [port, proxyPort] = [await freePort(), await freePort()];
  const home = `http://localhost:${proxyPort}${base}`;
  const secrets = secretsFile({ redirectUri: `${home}/oauth2callback`, more, providers: [provider.secrets] });
  await startApp(t, { port, secrets, nest });
  const nginx = await startNginx(t, { port: proxyPort, server: server(`http://127.0.0.1:${port}`), upstreams });
  return { home, nginx };
}

/** Looks at every answer of the whole test: none was nginx's own, none too long. */
async function close(t, { nginx }, statuses = [200, 303, 403]) {
  await nginx.stop();
  const visits = await nginx.visits();
  const largest = (key) => visits.reduce((largest, visit) => (visit[key] > largest[key] ? visit : largest));
  const { cookie } = largest('cookie');
  const { head, path } = largest('head');
  t.diagnostic(`${visits.length} answers; largest Cookie header ${cookie} bytes, largest head of an answer ${head} bytes, at ${path}`);
  const odd = visits.filter(({ status, head }) => !statuses.includes(status) || !(head < ANSWER_BUFFER));
  assert.deepEqual(odd, []);
  assert.deepEqual(await nginx.complaints(), []);
  assert(cookie <= COOKIE_BUDGET, `${cookie} bytes of cookies`);
}

/** Logs somebody in with ever more claims, up to the most that is accepted and the one that is too much. */
async function grow(site, growth) {
  const browser = new Browser();
  const steps = new Set();
  let largest = 0;
  for (const by of [growth.step, 1]) {
    for (let size = largest + by; size <= growth.end; size += by) {
      const claims = person(growth, size);
      const answers = await logIn(site, browser, claims);
      if (answers.at(-1).status === 403) {
        assert.match(answers.at(-1).body, /<code>identity_too_large<\/code>/);
        break;
      }
      assert.equal(answers.at(-1).location, `${site.home}/`, answers.at(-1).body);
      assert.deepEqual((await me(site, browser)).claims.grown, claims.grown);
      steps.add(answers.length);
      largest = size;
    }
  }
  assert(largest < growth.end, `${largest} ${growth.of} are not too many`);
  return { browser, largest, steps: [...steps] };
}

const person = ({ claims }, size) => ({ sub: 'dora', size, ...claims(size) });

const start = (site, browser, goal = '') =>
  browser.get(`${site.home}/auth/login?${new URLSearchParams({ provider: 'google', return_to: goal })}`);

async function logIn(site, browser, claims, goal) {
  return finish(browser, await becomeSomebody(browser, claims, await start(site, browser, goal)));
}

async function me(site, browser) {
  const answer = await browser.fetch(`${site.home}/me`);
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}
