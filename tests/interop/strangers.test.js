// What other pages, and a browser that runs ahead of its person, make Chromium send to the app.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { become, button, chromiumOfThisFile, leaveChromiumAt, link, logIn, pendingLogins, shows } from './support/chromium.js';
import { startExample } from './support/example.js';
import { freePort, startApp, startProvider } from './support/processes.js';
import { startRecorder, startSite } from './support/sites.js';
import { secretsFile } from './support/secrets.js';

const profileOf = chromiumOfThisFile();

const login = 'auth/login?provider=google';
const prefetches = {
  'a prefetch link': (path) => `<link rel="prefetch" href="/${path}">`,
  'a speculative prefetch': (path) => speculation('prefetch', path),
};

for (const [what, html] of Object.entries(prefetches)) {
  test(`lgn_05 ${what} begins nothing and the link works afterwards`, async (t) => {
    const { home, recorder } = await startRecordedApp(t, { '/ahead': `${html(login)}<a href="/${login}">Log in</a>` });
    const profile = await profileOf(t);
    const page = await profile.newPage();

    const asked = recorder.next(({ url }) => url === `/${login}`);
    await page.goto(`${home}ahead`);

    beganNothing(await asked, /^prefetch$/);
    assert.deepEqual(await pendingLogins(profile), []);
    await link(page, 'Log in').click();
    await become(page, 'Ada Example');
  });

  test(`out_02 ${what} to the logout logs nobody out`, async (t) => {
    const { home, recorder } = await startRecordedApp(t, { '/ahead': html('auth/logout') });
    const page = await (await profileOf(t)).newPage();
    await logIn(page, home, { start: home + login });

    const asked = recorder.next(({ url }) => url === '/auth/logout');
    await page.goto(`${home}ahead`);

    beganNothing(await asked, /^prefetch$/);
    await page.goto(home);
    await shows(page, 'Ada Example');
  });
}

test('lgn_05 a speculative prerender begins nothing', async (t) => {
  const { home, recorder } = await startRecordedApp(t, { '/ahead': speculation('prerender', login) });

  const asked = recorder.next(({ url }) => url === `/${login}`);
  await leaveChromiumAt(t, `${home}ahead`);

  beganNothing(await asked, /^prefetch;prerender$/);
});

test('lgn_05 a page of another site that prefetches the login link begins nothing', async (t) => {
  const { home, recorder } = await startRecordedApp(t);
  const elsewhere = await startSite(t, `<title>Elsewhere</title><link rel="prefetch" href="${home}${login}"><a href="${home}${login}">Log in</a>`);
  const profile = await profileOf(t);
  const page = await profile.newPage();

  const asked = recorder.next(({ url }) => url === `/${login}`);
  await page.goto(elsewhere.foreign);

  const record = await asked;
  beganNothing(record, /^prefetch/);
  assert.equal(record.request['sec-fetch-site'], 'cross-site');
  assert.deepEqual(await pendingLogins(profile), []);
  await link(page, 'Log in').click();
  await become(page, 'Ada Example');
});

// Lax cookies go along from another port of the same host, and do not from another host.
for (const place of ['foreign', 'sibling']) {
  test(`out_03 an image, a frame and a script of a ${place} page that ask for the logout log nobody out`, async (t) => {
    const { home, recorder } = await startRecordedApp(t);
    const page = await (await profileOf(t)).newPage();
    await logIn(page, home, { start: `${home}${login}` });
    const [url, own] = [`${home}auth/logout`, `${home}log-out`];
    const site = await startSite(t, `<title>Elsewhere</title><img src="${url}"><img src="${own}"><iframe src="${url}"></iframe><script src="${url}"></script>`);

    await page.goto(site[place], { waitUntil: 'load' });

    assert.equal(recorder.seen.filter((it) => it.url === '/auth/logout').length, 3);
    assert.equal(recorder.seen.filter((it) => it.url === '/log-out').length, 1);
    await page.goto(home);
    await shows(page, 'Ada Example');
  });

  test(`out_03 a link of a ${place} page to the logout asks first`, async (t) => {
    const { home } = await startExample(t);
    const page = await (await profileOf(t)).newPage();
    await logIn(page, home);
    const site = await startSite(t, `<title>Elsewhere</title><a href="${home}auth/logout">Look</a>`);

    await page.goto(site[place]);
    await link(page, 'Look').click();
    await shows(page, 'Log out');
    await link(page, 'Stay logged in').click();
    await shows(page, 'Ada Example');
    await page.goBack();
    await button(page, 'Log out').click();

    await shows(page, 'Welcome');
  });

  for (const path of ['auth/logout', 'logout']) {
    test(`out_03 a form of a ${place} page posted to /${path} logs nobody out`, async (t) => {
      const { home } = await startExample(t);
      const page = await (await profileOf(t)).newPage();
      await logIn(page, home);
      const site = await startSite(t, `<title>Elsewhere</title><form method="post" action="${home}${path}"><button>Win</button></form>`);

      await page.goto(site[place]);
      await button(page, 'Win').click();
      await shows(page, 'Log out');
      await page.goto(home);

      await shows(page, 'Ada Example');
    });
  }

  test(`lgn_08 a form of a ${place} page begins no login`, async (t) => {
    const { home } = await startExample(t);
    const profile = await profileOf(t);
    const page = await profile.newPage();
    const site = await startSite(t, `<title>Elsewhere</title><form method="post" action="${home}login/google"><button>Win</button></form>`);

    await page.goto(site[place]);
    const answer = page.waitForResponse(`${home}login/google`);
    await button(page, 'Win').click();

    assert.equal((await answer).status(), 403);
    assert.deepEqual(await pendingLogins(profile), []);
  });
}

test('lgn_07 a page of another site cannot show the login or the logout in a frame', async (t) => {
  const { home } = await startExample(t);
  const site = await startSite(t, `<title>Elsewhere</title><iframe src="${home}auth/login"></iframe><iframe src="${home}auth/logout"></iframe>`);
  const profile = await profileOf(t);
  const page = await profile.newPage();

  await page.goto(site.sibling, { waitUntil: 'load' });

  const frames = page.frames().slice(1);
  assert.equal(frames.length, 2);
  for (const frame of frames) assert.equal(await frame.getByRole('button').count(), 0);
  assert.deepEqual(await pendingLogins(profile), []);
});

/** A request that Chromium made ahead of its person was told to come again, and nothing else. */
function beganNothing({ request, response }, purpose) {
  assert.match(request['sec-purpose'], purpose);
  assert.equal(response.status, 503);
  assert.equal(response.headers['set-cookie'], undefined);
  assert.equal(response.headers.location, undefined);
}

/** The plain app behind a recorder, which tells what Chromium really sent and has pages of its own. */
async function startRecordedApp(t, pages) {
  const provider = await startProvider(t, { name: 'google' });
  const port = await freePort();
  const recorder = await startRecorder(t, port, pages);
  const { home } = recorder;
  const secrets = secretsFile({ redirectUri: `${home}oauth2callback`, providers: [provider.secrets] });
  await startApp(t, { port, secrets });
  return { home, recorder };
}

function speculation(action, path) {
  const rules = { [action]: [{ source: 'list', urls: [`/${path}`], eagerness: 'immediate' }] };
  return `<script type="speculationrules">${JSON.stringify(rules)}</script>`;
}
