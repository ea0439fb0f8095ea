// Debian's Chromium, and what a person does in it.

import { after, before } from 'node:test';

import { chromium } from 'playwright-core';

import { folder, start } from './processes.js';

/** How long a page may take to show what is waited for, in milliseconds. */
const PATIENCE = 20_000;

const options = {
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

/** One Chromium for all tests of a file. Gives what opens a fresh profile of it for a test. */
export function chromiumOfThisFile() {
  let browser;
  before(async () => {
    browser = await chromium.launch(options);
  });
  after(() => browser.close());
  return async (t, settings) => {
    const profile = await browser.newContext(settings);
    t.after(() => profile.close());
    profile.setDefaultTimeout(PATIENCE);
    return profile;
  };
}

/** A Chromium of its own that keeps its profile in a folder. */
export async function chromiumIn(t, folder, { args = [], ...settings } = {}) {
  const profile = await chromium.launchPersistentContext(folder, { ...options, ...settings, args: [...options.args, ...args] });
  t.after(() => profile.close());
  profile.setDefaultTimeout(PATIENCE);
  return profile;
}

/** A Chromium that nobody steers, at this address: a steered one prerenders nothing. */
export async function leaveChromiumAt(t, url) {
  const args = ['--headless', `--user-data-dir=${await folder(t)}`, ...options.args, '--remote-debugging-port=0', url];
  // The last line before it opens the page.
  await start(t, options.executablePath, { args, ready: (line) => line.startsWith('DevTools listening on') });
}

export const button = (page, name) => page.getByRole('button', { name });
export const link = (page, name) => page.getByRole('link', { name });

/** Waits until a page has this heading. */
export const shows = (page, heading) => page.getByRole('heading', { level: 1, name: heading }).waitFor();

/** Follows one of the example's buttons to the provider's page. */
export async function leaveFor(page, home, provider) {
  await page.goto(home);
  await button(page, `Log in with ${provider}`).click();
  await shows(page, 'Who do you want to be?');
}

/** Becomes somebody at the provider's page, and is back at the app. */
export async function become(page, name) {
  await button(page, name).click();
  await shows(page, name);
}

/**
 * Becomes somebody at the provider's page, up to the callback: gives its address, and what goes on
 * there. Playwright routes no redirects, so it is the answer before it that is held back.
 */
export async function becomeUpToCallback(page, name) {
  let hold;
  const posted = new Promise((resolve) => {
    hold = resolve;
  });
  await page.route((url) => url.pathname.endsWith('/authorize'), hold);
  await button(page, name).click({ noWaitAfter: true });
  const route = await posted;
  const response = await route.fetch({ maxRedirects: 0 });
  return { url: response.headers().location, goOn: () => route.fulfill({ response }) };
}

/** Logs in by a button of the example, or by the login link `start`. */
export async function logIn(page, home, { provider = 'google', name = 'Ada Example', start } = {}) {
  if (start) await page.goto(start);
  else await leaveFor(page, home, provider);
  await become(page, name);
}

/** What a page hears from the app's guarded socket: whose it is, and what it was told; or why there is none. */
export async function socket(page, url) {
  const refused = new Promise((resolve) => {
    page.once('websocket', (socket) => socket.once('socketerror', resolve));
  });
  const heard = page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const heard = [];
        const socket = new WebSocket(url);
        socket.onopen = () => socket.send('hello');
        socket.onerror = () => resolve();
        socket.onmessage = ({ data }) => {
          heard.push(data);
          if (heard.length === 2) resolve(heard.join(' heard '));
        };
      }),
    url,
  );
  return (await heard) ?? refused;
}

/** The cookies of logins that were begun and not finished. */
export async function pendingLogins(profile) {
  const cookies = await profile.cookies();
  return cookies.filter(({ name }) => /^keycard-[a-z2-7]{8}-p-/.test(name));
}
