// docs/deploy.md: what stands there in blocks, as it stands there.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { Browser } from './support/browser.js';
import { button, chromiumIn, shows, socket } from './support/chromium.js';
import { blocks, nginxBlock } from './support/docs.js';
import { startExample } from './support/example.js';
import { startNginx } from './support/nginx.js';
import { failure } from './support/pages.js';
import { folder, freePort, programs, secretOf, start, startApp, startProvider } from './support/processes.js';
import { freshSecret, secretsFile, section } from './support/secrets.js';

const site = 'https://app.example.com';

/** How long, in milliseconds, what an app says at once may be under way. */
const PROMPT = 5_000;

test('the block of nginx takes a login, a guarded page and a guarded socket over https', async (t) => {
  const [app, panva, http, https] = [await freePort(), await freePort(), await freePort(), await freePort()];
  await startApp(t, { port: app, secrets: await startPanva(t, panva) });
  const nginx = await startNginx(t, { port: https, site: await withTls(t, { app, http, https }) });
  const profile = await chromiumAtTheSite(t, { http, https });
  const page = await profile.newPage();

  await page.goto(`${site.replace('https', 'http')}/private/reports?year=2026`);
  await logInAsAda(page);

  await shows(page, 'Ada Example at /private/reports?year=2026');
  assert.equal(page.url(), `${site}/private/reports?year=2026`);
  const ours = (await profile.cookies(site)).filter(({ name }) => name.includes('keycard'));
  assert.ok(ours.length > 0 && ours.every(({ name, secure, httpOnly }) => name.startsWith('__Host-') && secure && httpOnly));
  assert.equal(await socket(page, `${site.replace('https', 'wss')}/private/socket`), 'Ada Example heard hello');
  assert.deepEqual(await nginx.complaints(), []);
});

test('what stays open comes through nginx as it is sent, and so does its end', async (t) => {
  const [app, panva, http, https] = [await freePort(), await freePort(), await freePort(), await freePort()];
  await startExample(t, 'live', { port: app, secrets: await startPanva(t, panva) });
  await startNginx(t, { port: https, site: await withTls(t, { app, http, https }) });
  const profile = await chromiumAtTheSite(t, { http, https });
  const [page, other] = [await profile.newPage(), await profile.newPage()];

  await page.goto(site);
  await logInAsAda(page);
  await shows(page, / UTC$/);
  await page.getByText(/^Logged in for \d+ s$/).waitFor({ timeout: PROMPT });
  await other.goto(site);
  await button(other, 'Log out').click({ noWaitAfter: true });

  await page.getByText('No more time for you: logged out.').waitFor({ timeout: PROMPT });
  await page.getByText('No more events for you: logged out.').waitFor({ timeout: PROMPT });
});

test('the variables are all that an app needs, and count over what is compiled in', async (t) => {
  const variables = variablesOf(blocks('In a container')[0]);
  const [shared] = blocks('Development, staging and production');
  assert.ok(Object.keys(variables).length > 4);

  assert.deepEqual(await check(t, ['check', '--json', '--offline'], variables), { code: 0, complaints: [] });
  for (const settings of [variables, { ...variables, SHARED: shared }]) {
    const { said } = await startFromVariables(t, settings);
    const posture = await said('keycard is set up');
    for (const words of ['origin="https://app.example.com"', 'relaxed="nothing"', 'strict=true']) assert.ok(posture.includes(words), posture);
  }
});

test('the directory of Kubernetes is read as it is mounted', async (t) => {
  const paths = blocks('Kubernetes')[0].trim().split('\n');
  const place = await folder(t);
  // The kubelet keeps the files in a folder of their own, and links to it.
  for (const path of paths) {
    const file = join(place, path.replace('keycard/', 'keycard/..2026_01_31/'));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, path.endsWith('redirect_uri') ? `${site}/oauth2callback` : freshSecret());
  }
  const mounted = join(place, '/run/secrets/keycard');
  await symlink('..2026_01_31', join(mounted, '..data'));
  await symlink('..data/auth', join(mounted, 'auth'));

  const settings = { KEYCARD_SECRETS_FILES: mounted };
  assert.deepEqual(await check(t, ['check', '--json', '--offline'], settings), { code: 0, complaints: [] });
});

test('both commands end with 0 where all is well, and with 1 where something is missing', async (t) => {
  const commands = blocks('Checked before it runs')[0].trim().split('\n');
  const provider = await startProvider(t, { name: 'google' });
  const settings = {
    KEYCARD_AUTH__REDIRECT_URI: 'http://localhost:8501/oauth2callback',
    KEYCARD_AUTH__COOKIE_SECRET: freshSecret(),
  };
  // Google itself is out of reach here.
  for (const key of ['client_id', 'client_secret', 'server_metadata_url']) {
    settings[`KEYCARD_AUTH__GOOGLE__${key.toUpperCase()}`] = secretOf(provider, key);
  }
  const { KEYCARD_AUTH__GOOGLE__CLIENT_SECRET: _, ...lacking } = settings;

  assert.equal(commands.length, 2);
  for (const command of commands) {
    const args = command.replace('keycard ', '').split(' ');
    assert.deepEqual(await check(t, args, settings), { code: 0, complaints: [] }, command);
    assert.equal((await check(t, args, lacking)).code, 1, command);
  }
});

test('a failure looks on the page and in the log as it is told', async (t) => {
  const { home, said } = await startFromVariables(t, variablesOf(blocks('In a container')[0]));

  const page = await new Browser().get(`${home}/oauth2callback?code=x&state=${'x'.repeat(43)}`);

  const [shown, logged] = blocks("When a login fails at a customer's");
  const [, code, example] = shown.match(/^Code +(\S+)\nRequest id +(\S+)\n$/);
  assert.equal(failure(page).code, code);
  const [, id] = page.body.match(/<dt>Request id<\/dt>\s*<dd><code>(.*?)<\/code>/);
  assert.equal((await said(id)).replace(/^\S+ +/, '').replace(id, example), logged.trim());
});

/** A Chromium for which the site is this nginx. */
async function chromiumAtTheSite(t, { http, https }) {
  const args = [`--host-resolver-rules=MAP app.example.com:80 127.0.0.1:${http}, MAP app.example.com:443 127.0.0.1:${https}`];
  return chromiumIn(t, await folder(t), { args, ignoreHTTPSErrors: true });
}

/** Logs in at the provider's own pages. */
async function logInAsAda(page) {
  await page.getByPlaceholder('Enter any login').fill('ada');
  await page.getByPlaceholder('and password').fill('any');
  await button(page, 'Sign-in').click();
  await button(page, 'Continue').click();
}

/** The block with its ports, its certificate and the app's address changed to what there is. */
async function withTls(t, { app, http, https }) {
  const place = await folder(t);
  const [key, certificate] = [join(place, 'key.pem'), join(place, 'certificate.pem')];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=app.example.com'];
  execFileSync('openssl', [...args, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const changes = [
    ['listen 80;', `listen 127.0.0.1:${http};`],
    ['listen 443 ssl;', `listen 127.0.0.1:${https} ssl;`],
    ['/etc/ssl/app.example.com.pem', certificate],
    ['/etc/ssl/app.example.com.key', key],
  ];
  let text = nginxBlock('Behind nginx, with https', /ssl_certificate/, `http://127.0.0.1:${app}`);
  for (const [written, here] of changes) {
    assert.ok(text.includes(written), written);
    text = text.replace(written, here);
  }
  return text;
}

/** A provider that knows the app by its address on the internet, as a development provider does not. The app's secrets file. */
async function startPanva(t, port) {
  const redirectUri = `${site}/oauth2callback`;
  const clientSecret = freshSecret();
  const client = { client_id: 'an-app', client_secret: clientSecret, redirect_uris: [redirectUri] };
  const env = { PORT: String(port), CLIENT: JSON.stringify(client), SETTINGS: '{}' };
  await start(t, process.execPath, { args: ['panva_provider.js'], env, ready: (line) => line === 'listening' });
  const metadata = `http://127.0.0.1:${port}/.well-known/openid-configuration`;
  const more = 'client_kwargs = { prompt = "" }\n';
  return secretsFile({ redirectUri, providers: [section('panva', { clientId: 'an-app', clientSecret, metadata, more })] });
}

/** The app with these variables and no file. `.said(…)` is the line of its log that has this in it, once it is there. */
async function startFromVariables(t, variables) {
  const [port, home] = [await freePort(), await folder(t)];
  const env = { ...variables, PORT: String(port), HOME: home, RUST_LOG: 'keycard=info' };
  const { lines } = await start(t, join(programs, 'interop_app'), { cwd: home, env, ready: (line) => line === 'listening' });
  const said = async (what) => {
    for (;;) {
      const line = lines.find((line) => line.includes(what));
      if (line) return line.replaceAll(/\x1b\[\d+m/g, '');
      await setTimeout(20);
    }
  };
  return { home: `http://127.0.0.1:${port}`, said };
}

/** The variables of a block, with something in the place of each `…`. */
const variablesOf = (text) =>
  Object.fromEntries(text.trim().split('\n').map((line) => line.replace('…', freshSecret()).split(/=(.*)/, 2)));

/** The command to its end, where there are these variables and no file. */
async function check(t, args, variables) {
  const cwd = await folder(t);
  const options = { cwd, env: { ...process.env, HOME: cwd, ...variables } };
  return new Promise((resolve) => {
    execFile(join(programs, '../keycard'), args, options, (error, out) => {
      const { mistakes, warnings } = args.includes('--json') ? JSON.parse(out) : { mistakes: [], warnings: [] };
      resolve({ code: error?.code ?? 0, complaints: [...mistakes, ...warnings] });
    });
  });
}
