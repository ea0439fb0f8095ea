// Where Chromium ends up after a login, a logout and a detour, whatever path it was to be led to.
//
// The integration tests try every path at every place that takes one. Chromium tries those that lead
// anywhere but home: each at one place, and a share at each of the others; with `EVERY_PATH=1` each at each,
// which takes minutes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { Browser } from './support/browser.js';
import { chromiumOfThisFile } from './support/chromium.js';
import { freePort, programs, secretOf, startApp, startProvider } from './support/processes.js';
import { startDoor } from './support/sites.js';
import { secretsFile } from './support/secrets.js';

/** The paths of the integration tests, class by class those that have led away from other people's sites. */
const paths = JSON.parse(execFileSync(join(programs, 'interop_hostile_paths'), { encoding: 'utf8' }));
/** Those that a browser can be asked to open at this site. */
const addresses = paths.filter((path) => /^[/\\]/.test(path));

/** Tabs that work through a list at once. */
const TABS = 3;
/** Which of them each place takes: every one, or every third or sixth. */
const [THIRD, SIXTH] = process.env.EVERY_PATH ? [1, 1] : [3, 6];

const profileOf = chromiumOfThisFile();

/** The places that take a path, each with how Chromium is brought to ask for it. */
const entries = {
  'the login of a handler': { open: (page, home, path) => visit(page, `${home}/log-in/google?${returnTo(path)}`) },
  'the login link': { open: (page, home, path) => visit(page, `${home}/auth/login?provider=google&${returnTo(path)}`) },
  "the chooser's form": { open: (page, home, path) => send(page, `${home}/auth/login`, { return_to: path, provider: 'google' }) },
  'the hook of a guard': { isLoggedIn: true, takesAll: true, open: (page, home, path) => visit(page, `${home}/going?${returnTo(path)}`) },
  'the logout of a handler': { isLoggedIn: true, open: (page, home, path) => send(page, `${home}/log-out?${returnTo(path)}`) },
  "the logout's form": { isLoggedIn: true, open: (page, home, path) => send(page, `${home}/auth/logout`, { return_to: path }) },
  'the page that asks whether to log out': {
    isLoggedIn: true,
    open: async (page, home, path) => {
      await visit(page, `${home}/auth/logout?${returnTo(path)}`);
      await arrives(page, () => document.forms[0].submit());
    },
  },
};

test('ret_12 what leads anywhere but home leads nowhere else in Chromium, from wherever a path is taken', async (t) => {
  const site = await open(t, { fallback: 'nobody' });
  const survivors = await leadsSomewhere(site, paths);
  t.diagnostic(`${paths.length} paths, of which ${survivors.length} lead anywhere but home`);
  assert.ok(paths.length >= 500 && survivors.length >= 100);

  for (const [at, [name, { open, isLoggedIn, takesAll }]] of Object.entries(entries).entries()) {
    const taken = takesAll ? survivors : share(survivors, THIRD, at);
    await stays(t, site, taken, (page, path) => open(page, site.home, path), { name, isLoggedIn });
  }
});

for (const [at, [fallback, name]] of [['guard', 'a guard'], ['identity', 'a handler that asks for an Identity']].entries()) {
  test(`ret_12 an address that ${name} sends to log in is where Chromium comes back to, or home`, async (t) => {
    const site = await open(t, { fallback });

    await stays(t, site, share(addresses, SIXTH, at), (page, path) => visit(page, site.home + path), { name });
  });
}

const share = (paths, every, at) => paths.filter((_, index) => index % every === at % every);

/** Brings Chromium in for each path, and looks where it has been and where it ends. */
async function stays(t, site, paths, open, { name, isLoggedIn = false }) {
  const begin = Date.now();
  const left = paths.values();
  const work = async () => {
    const profile = await profileOf(t);
    const visited = new Set();
    profile.on('request', (request) => visited.add(new URL(request.url()).origin));
    const page = await profile.newPage();
    await page.goto(site.home);
    for (const path of left) {
      await profile.clearCookies();
      if (isLoggedIn) await profile.addCookies(site.ada);
      visited.clear();
      await open(page, path);
      const shown = `${name} of ${JSON.stringify(path)}`;
      const end = new URL(page.url());
      assert.equal(end.origin, site.home, `${shown} ends at ${end}`);
      assert.ok(!/^\/(oauth2callback|auth\/)/.test(end.pathname), `${shown} ends at ${end}`);
      const strangers = [...visited].filter((origin) => !site.origins.includes(origin));
      assert.deepEqual(strangers, [], shown);
    }
  };
  await Promise.all(Array.from({ length: TABS }, work));
  t.diagnostic(`${name}: ${paths.length} in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
}

/** Those of the paths that a guard's hook leads to, and not home. */
async function leadsSomewhere({ home, browser }, paths) {
  const leads = async (path) => {
    const { status, location } = await browser.get(`${home}/going?${returnTo(path)}`);
    assert.equal(status, 303, path);
    return location !== `${home}/`;
  };
  const somewhere = [];
  for (const path of paths) if (await leads(path)) somewhere.push(path);
  return somewhere;
}

/** The app, a provider at which everybody is Ada, and Ada's cookies. */
async function open(t, { fallback }) {
  const provider = await startProvider(t, { name: 'google' });
  const door = await startDoor(t, secretOf(provider, 'server_metadata_url'), 'ada');
  const port = await freePort();
  const home = `http://localhost:${port}`;
  const secrets = secretsFile({ redirectUri: `${home}/oauth2callback`, providers: [`${provider.secrets}\n${door.secrets}`] });
  await startApp(t, { port, secrets, fallback });
  const browser = new Browser();
  await browser.follow(await browser.get(`${home}/log-in/google`));
  const ada = [...browser.cookies(home)].map(([name, value]) => ({ name, value, url: home }));
  const origins = [home, door.origin, new URL(secretOf(provider, 'server_metadata_url')).origin];
  return { home, browser, ada, origins };
}

const returnTo = (path) => new URLSearchParams({ return_to: path });

const visit = (page, url) => page.goto(url, { waitUntil: 'commit' });

/** Sends a form of the page that is there. */
const send = (page, action, fields = {}) =>
  arrives(
    page,
    ([action, fields]) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', action });
      for (const [name, value] of fields) form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
      document.documentElement.append(form);
      form.submit();
    },
    [action, Object.entries(fields)],
  );

/** Does something in the page, and waits for the page that comes of it. */
const arrives = (page, act, argument) => Promise.all([page.waitForEvent('framenavigated'), page.evaluate(act, argument)]);
