// The development provider, as a certified client of another author finds it: panva's openid-client.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as client from 'openid-client';

import { Browser } from './support/browser.js';
import { become, hiddenFields } from './support/pages.js';
import { secretOf, startProvider } from './support/processes.js';

const CALLBACK = 'http://localhost:8501/oauth2callback';
const ada = { sub: 'ada', name: 'Ada', email: 'ada@example.com', email_verified: true, groups: ['staff'] };

for (const [method, authentication] of [
  ['client_secret_basic', client.ClientSecretBasic],
  ['client_secret_post', client.ClientSecretPost],
]) {
  for (const signingAlg of ['RS256', 'ES256']) {
    test(`openid-client logs in at a development provider with ${method} and ${signingAlg}`, async (t) => {
      const { config, issuer, clientId } = await discovered(t, { signingAlg, authentication });

      const { tokens } = await logIn(config);

      assert.deepEqual([tokens.token_type, tokens.scope, tokens.expires_in], ['bearer', 'openid profile email', 3600]);
      assert.equal(tokens.refresh_token, undefined);
      const { iat, exp, auth_time, nonce, at_hash, ...claims } = tokens.claims();
      assert.ok(nonce && at_hash && auth_time <= iat && iat <= Date.now() / 1000 && exp === iat + 3600);
      assert.deepEqual(claims, { ...ada, iss: issuer, aud: clientId });
      assert.deepEqual({ ...(await client.fetchUserInfo(config, tokens.access_token, 'ada')) }, ada);
    });
  }
}

test('openid-client finds the claims at userinfo where they are only there', async (t) => {
  const { config, issuer, clientId } = await discovered(t, { claimsOnlyAtUserinfo: true });

  const { tokens } = await logIn(config);

  const { iat, exp, auth_time, nonce, at_hash, ...claims } = tokens.claims();
  assert.deepEqual(claims, { sub: 'ada', iss: issuer, aud: clientId });
  assert.deepEqual({ ...(await client.fetchUserInfo(config, tokens.access_token, 'ada')) }, ada);
  await assert.rejects(client.fetchUserInfo(config, tokens.access_token, 'ben'), { code: 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' });
});

test('openid-client refreshes its tokens, each refresh token once', async (t) => {
  const { config, issuer, clientId } = await discovered(t);
  const { tokens } = await logIn(config, { scope: 'openid profile email offline_access' });

  const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);

  assert.notEqual(fresh.access_token, tokens.access_token);
  assert.notEqual(fresh.refresh_token, tokens.refresh_token);
  const { iat, exp, auth_time, at_hash, ...claims } = fresh.claims();
  assert.equal(auth_time, tokens.claims().auth_time);
  assert.deepEqual(claims, { ...ada, iss: issuer, aud: clientId });
  assert.deepEqual({ ...(await client.fetchUserInfo(config, fresh.access_token, 'ada')) }, ada);
  await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant', status: 400 });
});

test('openid-client ends the session and comes back with its state', async (t) => {
  const { config } = await discovered(t);
  const { browser, tokens } = await logIn(config);
  const state = client.randomState();

  const url = client.buildEndSessionUrl(config, { post_logout_redirect_uri: CALLBACK, id_token_hint: tokens.id_token, state });
  const answer = await browser.get(url.href, { from: 'cross-site' });

  assert.deepEqual([answer.status, answer.location], [303, `${CALLBACK}?state=${state}`]);
});

test('openid-client hears that somebody cancelled', async (t) => {
  const { config } = await discovered(t);
  const { browser, url, checks } = await begin(config);

  const page = await browser.get(url.href);
  const answer = await browser.post(page.url, { ...hiddenFields(page.body), dev_cancel: '' });

  assert.equal(answer.status, 303);
  const refusal = { code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR', error: 'access_denied' };
  await assert.rejects(client.authorizationCodeGrant(config, new URL(answer.location), checks), refusal);
});

for (const [what, other, refusal] of [
  ['with another code verifier', () => ({ pkceCodeVerifier: client.randomPKCECodeVerifier() }), { error: 'invalid_grant', status: 400 }],
  ['for another nonce', () => ({ expectedNonce: client.randomNonce() }), { code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED' }],
  ['for another state', () => ({ expectedState: client.randomState() }), { code: 'OAUTH_INVALID_RESPONSE' }],
]) {
  test(`openid-client gets nothing for a code ${what}`, async (t) => {
    const { config } = await discovered(t);
    const { browser, url, checks } = await begin(config);

    const callback = await become(browser, 'ada', await browser.get(url.href));

    const grant = client.authorizationCodeGrant(config, new URL(callback), { ...checks, ...other() });
    await assert.rejects(grant, refusal);
  });
}

test('openid-client with a wrong secret is told that it is the client that is wrong', async (t) => {
  const { config } = await discovered(t, { secret: () => client.randomState() });
  const { browser, url, checks } = await begin(config);

  const callback = await become(browser, 'ada', await browser.get(url.href));

  const grant = client.authorizationCodeGrant(config, new URL(callback), checks);
  await assert.rejects(grant, { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE', status: 401 });
});

/** A development provider with Ada, and the client as it finds it. */
async function discovered(t, { authentication = client.ClientSecretBasic, secret, signingAlg, claimsOnlyAtUserinfo } = {}) {
  const provider = await startProvider(t, { name: 'google', people: [ada], signingAlg, claimsOnlyAtUserinfo });
  const [clientId, url] = ['client_id', 'server_metadata_url'].map((key) => secretOf(provider, key));
  const clientSecret = secret?.() ?? secretOf(provider, 'client_secret');
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
  const config = await client.discovery(new URL(url), clientId, undefined, authentication(clientSecret), { execute });
  const { issuer } = config.serverMetadata();
  assert.equal(url, `${issuer}/.well-known/openid-configuration`);
  return { config, issuer, clientId };
}

/** A login about to be made: where to go, and what must hold when it comes back. */
async function begin(config, { scope = 'openid profile email' } = {}) {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  return { browser: new Browser(), url, checks };
}

async function logIn(config, asked) {
  const { browser, url, checks } = await begin(config, asked);
  const callback = await become(browser, 'ada', await browser.get(url.href));
  const tokens = await client.authorizationCodeGrant(config, new URL(callback), checks);
  return { browser, tokens };
}
