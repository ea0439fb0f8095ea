// What every page looks like, and whether everybody can use it.
//
// `SCREENSHOTS` may name a folder for pictures of each, narrow and wide, light and dark.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { becomeUpToCallback, button, chromiumOfThisFile, leaveFor, logIn, shows } from './support/chromium.js';
import { startExample } from './support/example.js';
import { freePort, startApp, startProvider } from './support/processes.js';
import { secretsFile } from './support/secrets.js';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const heights = { 360: 740, 1200: 800 };
const longName = 'Zoë Ångström-Þórsdóttir Nguyễn-Fußgänger de la Peña y Çelik (山田 葉子)';

const profileOf = chromiumOfThisFile();

/** Each page: how to get there. */
const pages = {
  'start page': async (page, { home }) => page.goto(home),
  'account of ada': async (page, { home }) => logIn(page, home),
  'account of ben': async (page, { home }) => logIn(page, home, { name: 'Ben Newcomer' }),
  'account of zoe': async (page, { home }) => logIn(page, home, { name: longName, provider: 'microsoft' }),
  'provider page': async (page, { home }) => leaveFor(page, home, 'google'),
  'provider page for somebody else': async (page, { home }) => {
    await leaveFor(page, home, 'google');
    await page.getByText('Be somebody else').click();
  },
  'provider page after a mistake': async (page, { home }) => {
    await leaveFor(page, home, 'google');
    await page.getByText('Be somebody else').click();
    await page.getByLabel('Subject').fill('eve');
    await page.getByLabel('Further claims').fill('{"groups": ');
    await button(page, 'Be this person').click();
    await page.getByRole('alert').waitFor();
  },
  'provider refusal': async (page, { home }) => {
    await leaveFor(page, home, 'google');
    await page.goto(page.url().replace('client_id=', 'client_id=x'));
    await shows(page, 'This request cannot be answered');
  },
  'provider goodbye': async (page, { home }) => {
    await leaveFor(page, home, 'google');
    await page.goto(new URL('/end_session', page.url()).href);
    await shows(page, 'You are signed out');
  },
  chooser: async (page, { home }) => {
    await page.goto(`${home}auth/login`);
    await shows(page, 'Log in');
  },
  'logout page': async (page, { home }) => {
    await page.goto(`${home}auth/logout`);
    await shows(page, 'Log out');
  },
  'error of an unknown provider': async (page, { home }) => {
    await page.goto(`${home}auth/login?provider=gogle`);
    await isFailure(page, 'unknown_provider');
  },
  'error after cancelling': async (page, { home }) => {
    await leaveFor(page, home, 'google');
    await button(page, 'Cancel').click();
    await isFailure(page, 'login_cancelled');
  },
  'error of a login that is over': async (page, { home }) => {
    await page.goto(`${home}auth/login?provider=google`);
    await page.goto(`${home}oauth2callback?code=x&state=${'x'.repeat(43)}`);
    await isFailure(page, 'state_unknown');
  },
  'error without the cookie': async (page, { home }) => {
    await leaveFor(page, home, 'google');
    const { url } = await becomeUpToCallback(page, 'Ada Example');
    await page.context().clearCookies();
    await page.goto(url);
    await isFailure(page, 'login_cookie_missing');
  },
  'error while the provider is down': async (page, { orphan }) => {
    await page.goto(`${orphan}log-in/google`);
    await isFailure(page, 'provider_unreachable');
  },
};

for (const [name, goTo] of Object.entries(pages)) {
  test(`${name}: no scrolling sideways, nothing axe objects to, every control by Tab`, async (t) => {
    const apps = await appsFor(t, name);
    const page = await open(t, apps, goTo);
    await look(page, name);
  });
}

for (const name of Object.keys(pages).filter((name) => name.startsWith('error'))) {
  test(`${name}, from afar: nothing for developers, and the same look`, async (t) => {
    const apps = await appsFor(t, name);
    const page = await open(t, apps, async (page, apps) => {
      await page.setExtraHTTPHeaders({ 'x-forwarded-for': '192.0.2.1' });
      await pages[name](page, apps);
    });
    assert.equal(await page.getByText('on this machine only').count(), 0);
    await look(page, `${name} from afar`);
  });
}

async function open(t, apps, goTo) {
  // The pages run no script, and axe is one.
  const page = await (await profileOf(t, { bypassCSP: true })).newPage();
  await goTo(page, apps);
  return page;
}

/** The apps that a page belongs to: the example, or one whose provider is not there. */
async function appsFor(t, name) {
  if (name !== 'error while the provider is down') return startExample(t);
  const provider = await startProvider(t, { name: 'google' });
  await provider.stop();
  const port = await freePort();
  const orphan = `http://localhost:${port}/`;
  await startApp(t, { port, secrets: secretsFile({ redirectUri: `${orphan}oauth2callback`, providers: [provider.secrets] }) });
  return { orphan };
}

async function isFailure(page, code) {
  await page.locator('dl code').filter({ hasText: code }).waitFor();
}

/** All that is asserted of a page as it stands. */
async function look(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of Object.entries(heights)) {
      await page.setViewportSize({ width: Number(width), height });
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scrollWidth <= Number(width), `${name} is ${scrollWidth} px wide in a window of ${width} px`);
      assert.deepEqual(await violations(page), [], `${name}, ${colorScheme}, ${width} px`);
      await picture(page, `${name} ${width} ${colorScheme}`);
    }
  }
  await reachedByTab(page, name);
}

async function violations(page) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`);
  });
}

/** Tab visits every control, in the order of the document, and shows where it is. */
async function reachedByTab(page, name) {
  const expected = await page.evaluate(() => {
    const all = document.querySelectorAll('a[href], button, input:not([type=hidden]), textarea, select, summary');
    globalThis.controls = [...all].filter((it) => it.checkVisibility());
    document.activeElement?.blur();
    return globalThis.controls.map((it) => it.outerHTML.slice(0, 80));
  });
  // From the top, wherever a click has left off.
  await page.evaluate(() => {
    const top = document.createElement('span');
    top.tabIndex = -1;
    document.body.prepend(top);
    top.focus();
  });
  const visited = [];
  for (const control of expected) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return { index: globalThis.controls.indexOf(document.activeElement), isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
    });
    assert.ok(at.isSeen, `${name}: the focus cannot be seen at ${control}`);
    visited.push(expected[at.index]);
  }
  assert.deepEqual(visited, expected, name);
}

async function picture(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name.replaceAll(' ', '-')}.png`), fullPage: true });
}
