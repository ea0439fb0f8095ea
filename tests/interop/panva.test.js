// A certified provider of another author: panva's oidc-provider.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';

import { Browser } from './support/browser.js';
import { failure } from './support/pages.js';
import { appAndProvider, logIn, me, signIn } from './support/panva.js';
import { file } from './support/processes.js';
import { freshSecret } from './support/secrets.js';

const ada = { name: 'Ada Example', email: 'ada@example.com', email_verified: true };

for (const [where, conformIdTokenClaims, userinfoCalls] of [
  ['in the id token', false, 0],
  ['at userinfo', true, 1],
]) {
  test(`a login at panva's provider, with the claims ${where}`, async (t) => {
    const { home, provider } = await appAndProvider(t, { settings: { conformIdTokenClaims } });
    const browser = new Browser();

    const begun = await browser.post(`${home}/log-in/panva`);
    assert.equal(begun.status, 303);
    assert.equal(new URL(begun.location).origin, provider.issuer);
    const callback = await signIn(browser, 'ada', begun);
    assert.deepEqual([...new URL(callback).searchParams.keys()].sort(), ['code', 'iss', 'state']);
    const logged = await browser.get(callback, { from: 'cross-site' });

    assert.deepEqual([logged.status, logged.location], [303, `${home}/`]);
    assert.match((await browser.get(`${home}/`)).body, /<h1>Ada Example<\/h1>/);
    const { claims, ...who } = await me(browser, home);
    assert.deepEqual(who, { provider: 'panva', issuer: provider.issuer, subject: 'ada' });
    const { iat, exp, ...others } = claims;
    assert.ok(iat <= Date.now() / 1000 && exp === iat + 3600, JSON.stringify(claims));
    assert.deepEqual(others, { ...ada, sub: 'ada', aud: provider.clientId, iss: provider.issuer });
    assert.deepEqual(await provider.requests('/token', '/me'), [1, userinfoCalls]);
  });
}

test("a login at panva's provider by a public client, which has PKCE alone", async (t) => {
  const { home, provider } = await appAndProvider(t, {
    settings: { clientAuthMethods: ['none'] },
    client: { token_endpoint_auth_method: 'none', client_secret: undefined },
    written: '',
  });

  for (const login of ['alice', 'bob']) {
    const browser = new Browser();
    await logIn(browser, home, login);
    assert.equal((await me(browser, home)).subject, login);
  }
  assert.deepEqual(await provider.requests('/token', '/token Basic'), [2, 0]);
});

for (const alg of ['RS256', 'ES256', 'EdDSA']) {
  test(`uin_04 claims that panva's provider signs with ${alg} at userinfo are verified`, async (t) => {
    const { home, provider } = await appAndProvider(t, {
      settings: {
        conformIdTokenClaims: true,
        features: { jwtUserinfo: { enabled: true } },
        enabledJWA: { userinfoSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
      },
      client: { userinfo_signed_response_alg: alg },
    });

    for (const [login, name] of [['alice', 'Alice Example'], ['bob', 'Bob Example']]) {
      const browser = new Browser();
      await logIn(browser, home, login);
      const { subject, claims } = await me(browser, home);
      assert.deepEqual([subject, claims.name, claims.email], [login, name, `${login}@example.com`]);
    }
    assert.deepEqual(await provider.requests('/token', '/me'), [2, 2]);
  });
}

test("cbk_15 panva's provider answers by POST, and nothing but the login's own cookie goes with it", async (t) => {
  const { home, provider } = await appAndProvider(t, { scheme: 'https', more: 'response_mode = "form_post"\n' });

  for (const login of ['alice', 'bob']) {
    const browser = new Browser();
    const begun = await browser.get(`${home}/log-in/panva`);
    assert.equal(new URL(begun.location).searchParams.get('response_mode'), 'form_post');
    const { action, fields } = await signIn(browser, login, begun);
    assert.equal(action, `${home}/oauth2callback`);
    assert.deepEqual(Object.keys(fields).sort(), ['code', 'iss', 'state']);
    const logged = await browser.post(action, fields, { from: provider.issuer });

    assert.deepEqual([logged.status, logged.location], [303, `${home}/`]);
    assert.equal((await me(browser, home)).subject, login);
    // The page of the provider is sent again: nothing is redeemed twice, and nobody is logged out.
    await browser.follow(await browser.post(action, fields, { from: provider.issuer }));
    assert.equal((await me(browser, home)).subject, login);
  }
  assert.deepEqual(await provider.requests('/token'), [2]);
});

for (const [order, finish] of [
  ['in order', (tabs) => tabs],
  ['in reverse', (tabs) => tabs.reverse()],
]) {
  test(`con_01 two tabs begin a login at panva's provider and finish it ${order}`, async (t) => {
    const { home, provider } = await appAndProvider(t);
    const browser = new Browser();

    const tabs = [];
    for (const tab of [1, 2]) tabs.push(await browser.follow(await browser.get(`${home}/log-in/panva?tab=${tab}`)));
    for (const page of finish(tabs)) {
      const logged = await browser.get(await signIn(browser, 'ada', page), { from: 'cross-site' });
      assert.deepEqual([logged.status, logged.location], [303, `${home}/`]);
      assert.equal((await me(browser, home)).subject, 'ada');
    }

    assert.deepEqual(await provider.requests('/token'), [2]);
  });
}

test("out_01 a logout ends the login here and the session at panva's provider", async (t) => {
  const { home, provider } = await appAndProvider(t);
  const browser = new Browser();
  await logIn(browser, home);

  const out = await browser.post(`${home}/log-out`);

  assert.deepEqual([out.status, new URL(out.location).origin], [303, provider.issuer]);
  assert.equal((await browser.fetch(`${home}/me`)).status, 401);
  assert.deepEqual([...browser.cookies(home).keys()], []);
  // Without an ID token as a hint it asks first.
  const asking = await browser.follow(out);
  const [, action] = asking.body.match(/action="([^"]+)"/);
  const [, xsrf] = asking.body.match(/name="xsrf" value="([^"]+)"/);
  const done = await browser.post(action, { xsrf, logout: 'yes' });
  const { origin, pathname } = new URL(done.location);
  assert.deepEqual([origin, pathname], [home, '/oauth2callback']);
  const end = await browser.follow(done);
  assert.equal(end.url, `${home}/`);
  assert.match(end.body, /<h1>nobody<\/h1>/);
  assert.deepEqual([...browser.cookies(home).keys()], []);
  // The provider no longer knows who it is.
  const again = await browser.follow(await browser.get(`${home}/log-in/panva`));
  assert.equal(new URL(again.url).origin, provider.issuer);
});

for (const [offered, registered, more] of [
  [['client_secret_basic'], 'client_secret_basic', ''],
  [['client_secret_post'], 'client_secret_post', ''],
  [['client_secret_basic', 'client_secret_post'], 'client_secret_basic', ''],
  [
    ['client_secret_basic', 'client_secret_post'],
    'client_secret_post',
    'client_kwargs = { token_endpoint_auth_method = "client_secret_post" }\n',
  ],
]) {
  const told = more ? ', as the file says' : '';
  test(`tok_01 of ${offered.join(' and ')} the one registered, ${registered}, is used${told}`, async (t) => {
    const { home, provider } = await appAndProvider(t, {
      settings: { clientAuthMethods: offered },
      client: { token_endpoint_auth_method: registered },
      // RFC 6749 §2.3.1: what a strict provider decodes must have been encoded.
      clientSecret: `${freshSecret()} a:b%41+c&d=e/?#~`,
      more,
    });
    const browser = new Browser();

    await logIn(browser, home);

    assert.equal((await me(browser, home)).subject, 'ada');
    // The provider takes either method from such a client, so it is asked which one came.
    const byBasic = registered === 'client_secret_basic' ? 1 : 0;
    assert.deepEqual(await provider.requests('/token', '/token Basic'), [1, byBasic]);
  });
}

const pem = (key) => key.export({ format: 'pem', type: 'pkcs8' });
const jwk = (key) => JSON.stringify(key.export({ format: 'jwk' }));
for (const [alg, kind, options, asText] of [
  ['ES256', 'ec', { namedCurve: 'P-256' }, (key) => key.export({ format: 'pem', type: 'sec1' })],
  ['ES384', 'ec', { namedCurve: 'P-384' }, pem],
  ['RS256', 'rsa', { modulusLength: 2048 }, (key) => key.export({ format: 'pem', type: 'pkcs1' })],
  ['RS256', 'rsa', { modulusLength: 3072 }, jwk],
  ['PS256', 'rsa', { modulusLength: 2048 }, pem],
  ['EdDSA', 'ed25519', {}, pem],
  ['EdDSA', 'ed25519', {}, jwk],
]) {
  const { privateKey, publicKey } = generateKeyPairSync(kind, options);
  const text = asText(privateKey);
  const [begin] = text.split('\n', 1);
  const shown = begin.startsWith('{') ? 'a JWK' : begin;

  test(`tok_02 a client with a key, ${shown}, shows itself with ${alg} and no secret`, async (t) => {
    const { home, provider } = await appAndProvider(t, {
      settings: {
        clientAuthMethods: ['private_key_jwt'],
        // It names this one alone, so an RSA key has to find out.
        enabledJWA: { clientAuthSigningAlgValues: [alg] },
      },
      client: {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: alg,
        jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'ours', use: 'sig' }] },
      },
      clientSecret: undefined,
      more: `key_id = "ours"\nprivate_key = { file = "${await file(t, 'key', text)}" }\n`,
    });

    // Each login needs an assertion of its own.
    for (const login of ['ada', 'bob']) {
      const browser = new Browser();
      const callback = await signIn(browser, login, await browser.get(`${home}/log-in/panva`));
      await browser.follow(await browser.get(callback, { from: 'cross-site' }));
      assert.equal((await me(browser, home)).subject, login);
    }
    assert.deepEqual(await provider.requests('/token', '/token Basic'), [2, 0]);
  });
}

test("a key that panva's provider does not know is refused, and a page that says so", async (t) => {
  const [ours, theirs] = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const { home, provider } = await appAndProvider(t, {
    settings: { clientAuthMethods: ['private_key_jwt'] },
    client: {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [theirs.publicKey.export({ format: 'jwk' })] },
    },
    clientSecret: undefined,
    more: `private_key = '''${jwk(ours.privateKey)}'''\n`,
  });
  const browser = new Browser();

  const page = await logIn(browser, home);

  await assertRefused(browser, home, page, { status: 502, code: 'client_refused', title: 'The provider does not accept this app' });
  assert.deepEqual(await provider.requests('/token'), [1]);
});

const pushed = (required) => ({
  features: { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: required } },
});
for (const [who, settings, client, more, pushes] of [
  ["panva's provider requires", pushed(true), {}, '', 1],
  ['the client is registered for and the file says', pushed(false), { require_pushed_authorization_requests: true }, 'require_pushed_authorization_requests = true\n', 1],
  ['nobody requires', pushed(false), {}, '', 0],
]) {
  test(`aut_13 pushed requests that ${who} are ${pushes ? '' : 'not '}sent`, async (t) => {
    const { home, provider } = await appAndProvider(t, { settings, client, more });

    for (const login of ['ada', 'bob']) {
      const browser = new Browser();
      const begun = await browser.get(`${home}/log-in/panva`);
      const names = [...new URL(begun.location).searchParams.keys()];
      if (pushes) assert.deepEqual(names, ['client_id', 'request_uri']);
      else assert.ok(!names.includes('request_uri'));
      const callback = await signIn(browser, login, begun);
      await browser.follow(await browser.get(callback, { from: 'cross-site' }));
      assert.equal((await me(browser, home)).subject, login);
    }
    assert.deepEqual(await provider.requests('/request', '/token'), [2 * pushes, 2]);
  });
}

test('aut_13 a client with a key pushes its requests with an assertion for each', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { home, provider } = await appAndProvider(t, {
    settings: { ...pushed(true), clientAuthMethods: ['private_key_jwt'] },
    client: {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [publicKey.export({ format: 'jwk' })] },
    },
    clientSecret: undefined,
    more: `private_key = '''${jwk(privateKey)}'''\n`,
  });
  const browser = new Browser();

  await logIn(browser, home);

  assert.equal((await me(browser, home)).subject, 'ada');
  assert.deepEqual(await provider.requests('/request', '/token'), [1, 1]);
});

for (const [what, given, refusal] of [
  ['another client_secret', { written: freshSecret() }, { status: 502, code: 'client_refused', title: 'The provider does not accept this app' }],
  ['a redirect_uri that it does not know', { client: { redirect_uris: ['https://app.example.com/'] } }, { status: 502, code: 'provider_refused', title: 'The provider refused the login' }],
]) {
  test(`aut_13 ${what} is told when the request is pushed`, async (t) => {
    const { home, provider } = await appAndProvider(t, { settings: pushed(true), ...given });
    const browser = new Browser();

    const page = await browser.get(`${home}/log-in/panva`);

    await assertRefused(browser, home, page, refusal);
    assert.deepEqual(await provider.requests('/request', '/auth', '/token'), [1, 0, 0]);
  });
}

for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256']) {
  const settings = { enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'] } };
  const client = { id_token_signed_response_alg: alg };
  const id = alg === 'HS256' ? 'idt_06' : 'idt_01';
  const only = (alg) => `id_token_signed_response_alg = "${alg}"\n`;

  test(`${id} an id token signed with ${alg} is accepted where the file names it`, async (t) => {
    const { home } = await appAndProvider(t, { settings, client, more: only(alg) });
    const browser = new Browser();

    await logIn(browser, home);

    assert.equal((await me(browser, home)).subject, 'ada');
  });

  const unnamed = alg === 'HS256' ? 'refused' : 'accepted';
  test(`${id} an id token signed with ${alg} is ${unnamed} where the file names none`, async (t) => {
    const { home } = await appAndProvider(t, { settings, client });
    const browser = new Browser();

    const page = await logIn(browser, home);

    if (unnamed === 'accepted') assert.equal((await me(browser, home)).subject, 'ada');
    else await assertRefused(browser, home, page, { status: 502, code: 'id_token_refused', title: 'The login could not be verified' });
  });

  test(`idt_04 an id token signed with ${alg} is refused where the file names another`, async (t) => {
    const { home } = await appAndProvider(t, { settings, client, more: only(alg === 'RS256' ? 'ES256' : 'RS256') });
    const browser = new Browser();

    const page = await logIn(browser, home);

    await assertRefused(browser, home, page, { status: 502, code: 'id_token_refused', title: 'The login could not be verified' });
  });
}

test("aut_07 panva's provider demands PKCE, and has it from us", async (t) => {
  const { home, provider } = await appAndProvider(t);
  const browser = new Browser();

  const begun = new URL((await browser.get(`${home}/log-in/panva`)).location);
  assert.equal(begun.searchParams.get('code_challenge_method'), 'S256');
  begun.searchParams.delete('code_challenge');
  begun.searchParams.delete('code_challenge_method');
  const page = await browser.follow(await browser.get(begun.href));

  await assertRefused(browser, home, page, { status: 502, code: 'provider_refused', title: 'The provider refused the login' });
  assert.match(page.body, /PKCE/);
  assert.deepEqual(await provider.requests('/token'), [0]);
});

test('a code of a login with another challenge is not redeemed', async (t) => {
  const { home, provider } = await appAndProvider(t);
  const browser = new Browser();

  const begun = await browser.get(`${home}/log-in/panva`);
  const changed = new URL(begun.location);
  const other = new URL((await browser.get(`${home}/log-in/panva`)).location);
  changed.searchParams.set('code_challenge', other.searchParams.get('code_challenge'));
  const callback = await signIn(browser, 'ada', await browser.get(changed.href));
  const page = await browser.get(callback, { from: 'cross-site' });

  await assertRefused(browser, home, page, { status: 400, code: 'code_refused', title: 'The login could not be finished' });
  assert.deepEqual(await provider.requests('/token'), [1]);
});

const fromElsewhere = { status: 400, code: 'answer_from_another_issuer', title: 'The answer came from somewhere else' };
const withoutIssuer = { status: 400, code: 'answer_without_issuer', title: 'The answer cannot be trusted' };
for (const [what, change, refusal] of [
  ["another provider's", (query) => query.set('iss', 'http://127.0.0.1:1'), fromElsewhere],
  ['its own with a slash', (query) => query.set('iss', `${query.get('iss')}/`), fromElsewhere],
  ['taken away', (query) => query.delete('iss'), withoutIssuer],
]) {
  test(`cbk_11 the issuer in the answer of panva's provider is checked: ${what}`, async (t) => {
    const { home, provider } = await appAndProvider(t);
    const browser = new Browser();

    const callback = new URL(await signIn(browser, 'ada', await browser.get(`${home}/log-in/panva`)));
    assert.equal(callback.searchParams.get('iss'), provider.issuer);
    change(callback.searchParams);
    const page = await browser.get(callback.href, { from: 'cross-site' });

    await assertRefused(browser, home, page, refusal);
    assert.deepEqual(await provider.requests('/token'), [0]);
  });
}

test("cbk_08 a person who cancels at panva's provider is told so", async (t) => {
  const { home, provider } = await appAndProvider(t);
  const browser = new Browser();

  const question = await browser.follow(await browser.get(`${home}/log-in/panva`));
  const page = await browser.follow(await browser.get(`${question.url}/abort`, { from: 'same-origin' }));

  assert.equal(new URL(page.url).searchParams.get('error'), 'access_denied');
  await assertRefused(browser, home, page, { status: 403, code: 'login_cancelled', title: 'Login cancelled' });
  assert.deepEqual(await provider.requests('/token'), [0]);
});

test("a client_secret that panva's provider does not know is a page that says so", async (t) => {
  const { home, provider } = await appAndProvider(t, { written: freshSecret() });
  const browser = new Browser();

  const page = await logIn(browser, home);

  await assertRefused(browser, home, page, { status: 502, code: 'client_refused', title: 'The provider does not accept this app' });
  assert.deepEqual(await provider.requests('/token'), [1]);
});

test('a provider that silently lacks prompt=select_account refuses until the file says prompt = ""', async (t) => {
  const silent = { settings: { discovery: {} } };
  const before = await appAndProvider(t, silent);
  const browser = new Browser();

  const page = await browser.follow(await browser.get(`${before.home}/log-in/panva`));
  await assertRefused(browser, before.home, page, { status: 502, code: 'provider_refused', title: 'The provider refused the login' });

  const cured = await appAndProvider(t, { ...silent, more: 'client_kwargs = { prompt = "" }\n' });
  await logIn(browser, cured.home);
  assert.equal((await me(browser, cured.home)).subject, 'ada');
});

/** The page is our own for this failure, and nobody is logged in. */
async function assertRefused(browser, home, page, { status, code, title }) {
  assert.equal(new URL(page.url).origin, home);
  assert.deepEqual(failure(page), { status, code, title });
  assert.equal((await browser.fetch(`${home}/me`)).status, 401);
}
