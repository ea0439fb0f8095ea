// Several processes with one secret, and restarts.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from './support/browser.js';
import { become } from './support/pages.js';
import { freePort, startApp, startProvider } from './support/processes.js';
import { freshSecret, secretsFile } from './support/secrets.js';

test('con_13 a restart between login and callback loses nothing', async (t) => {
  const provider = await startProvider(t, { name: 'google' });
  const port = await freePort();
  const home = `http://localhost:${port}`;
  const secrets = secretsFile({ redirectUri: `${home}/oauth2callback`, cookieSecret: freshSecret(), providers: [provider.secrets] });
  const browser = new Browser();

  const before = await startApp(t, { port, secrets });
  const callback = await become(browser, 'ada', await browser.get(`${home}/log-in/google`));
  await before.stop();
  await startApp(t, { port, secrets });
  const page = await browser.follow(await browser.get(callback, { from: 'cross-site' }));

  assert.equal(page.url, `${home}/`);
  const me = await browser.fetch(`${home}/me`);
  assert.equal(JSON.parse(me.body).subject, 'ada');
});
