// Tokens at a provider of another author that gives each refresh token for one use: panva's
// oidc-provider.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from './support/browser.js';
import { appAndProvider, logIn, me } from './support/panva.js';
import { freePort, startApp } from './support/processes.js';

/** Access tokens that are renewed as soon as somebody asks, by refresh tokens of one use. */
const rotating = {
  settings: { ttl: { AccessToken: 30 }, rotateRefreshToken: true },
  client: { grant_types: ['authorization_code', 'refresh_token'] },
  more: 'expose_tokens = "access"\n',
};

test('fifty requests at once bring one refresh and fifty good answers', async (t) => {
  const { home, provider } = await appAndProvider(t, rotating);
  const browser = new Browser();
  await logIn(browser, home);

  const answers = await Promise.all(Array.from({ length: 50 }, () => browser.fetch(`${home}/access`)));

  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]), answers[0].body);
  assert.equal(new Set(answers.map(({ body }) => body)).size, 1);
  assert.deepEqual(await provider.requests('/token'), [2]);

  // And again, with what they brought.
  const [{ body: before }] = answers;
  const again = await Promise.all(Array.from({ length: 50 }, () => browser.fetch(`${home}/access`)));
  assert.equal(new Set(again.map(({ body }) => body)).size, 1);
  assert.notEqual(again[0].body, before);
  assert.deepEqual(await provider.requests('/token'), [3]);
  assert.equal((await me(browser, home)).subject, 'ada');
});

test('two processes that renew the same tokens log nobody out, and the log says where the tokens went', async (t) => {
  const { home, app, path } = await appAndProvider(t, rotating);
  const port = await freePort();
  const other = await startApp(t, { port, path });
  const homes = [home, `http://localhost:${port}`];
  const browser = new Browser();
  await logIn(browser, home);

  const asked = Array.from({ length: 20 }, (_, at) => browser.fetch(`${homes[at % 2]}/access`));
  const answers = await Promise.all(asked);

  for (const { status, body } of answers) {
    assert.ok(status === 200 || JSON.parse(body).code === 'token_expired', `${status} ${body}`);
  }
  const lost = answers.some(({ status }) => status !== 200);
  assert.equal(/token_expired/.test(app.log + other.log), lost);
  for (const here of homes) assert.equal((await me(browser, here)).subject, 'ada');
});

test("a logout gives the refresh token back to panva's provider, which takes it no more", async (t) => {
  const { home, app, provider } = await appAndProvider(t, {
    ...rotating,
    settings: { ...rotating.settings, features: { revocation: { enabled: true } } },
  });
  const browser = new Browser();
  await logIn(browser, home);
  await browser.fetch(`${home}/access`);
  const thief = new Browser();
  for (const [name, value] of browser.cookies(home)) thief.setCookie(home, name, value);

  const out = await browser.post(`${home}/log-out`);
  assert.equal(new URL(out.location).origin, provider.issuer);
  for (let tries = 0; tries < 100 && (await provider.requests('/token/revocation'))[0] === 0; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual(await provider.requests('/token/revocation'), [1]);
  assert.equal((await browser.fetch(`${home}/me`)).status, 401);

  // Whoever kept the cookies has nothing to renew the tokens with.
  const { body } = await thief.fetch(`${home}/access`);
  assert.equal(JSON.parse(body).code, 'token_expired', body);
  assert.doesNotMatch(app.log, /could not be revoked/);
});
