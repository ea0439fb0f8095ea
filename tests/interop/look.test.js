// What every page looks like, and whether everybody can use it.
//
// `SCREENSHOTS` may name a folder for pictures of each, narrow and wide, light and dark.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { become, becomeUpToCallback, button, chromiumOfThisFile, leaveFor, link, logIn, shows } from './support/chromium.js';
import { noise } from './support/claims.js';
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
  'chooser for who was here before': async (page, { home }) => {
    await logIn(page, home, { provider: 'microsoft' });
    await button(page, 'Log out').click();
    await shows(page, 'Welcome');
    await page.goto(`${home}auth/login`);
    await page.getByText('last used').waitFor();
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
  'error while the provider is down': async (page, { home, provider }) => {
    await provider.stop();
    await page.goto(`${home}log-in/google`);
    await isFailure(page, 'provider_unreachable');
  },
  'error of a form that was sent before the login': async (page, { home }) => {
    await page.goto(home);
    await page.evaluate(() => {
      document.body.innerHTML = '<form method="post" action="/private/page"></form>';
      document.forms[0].submit();
    });
    await isFailure(page, 'sent_before_login');
  },
  'error of an account that may not see it': async (page, { home }) => {
    await page.goto(`${home}private/admin`);
    await button(page, 'Ada Example').click();
    await isFailure(page, 'denied');
    await link(page, 'Use another account').waitFor();
  },
  'way on to the second part of an identity': async (page, { home }) => {
    await page.goto(`${home}private/page`);
    // The page leads on at once, so what it leads to is left out.
    await page.route(({ pathname }) => pathname === '/oauth2callback', (route) => route.fulfill({ status: 204 }));
    await page.getByText('Be somebody else').click();
    await page.getByLabel('Subject').fill('eve');
    await page.getByLabel('Further claims').fill(JSON.stringify({ noise: noise(4500) }));
    await button(page, 'Be this person').click();
    await shows(page, 'Logging you in');
  },
  'logged out of this app alone': async (page, { home, provider, restart }) => {
    await page.goto(`${home}private/page`);
    await become(page, 'Ada Example');
    await provider.stop();
    // What it knows of the provider would do.
    await restart();
    await page.goto(`${home}auth/logout`);
    await button(page, 'Log out').click();
    await shows(page, 'Logged out of this app');
  },
  'page for a password': async (page, { home }) => {
    await page.goto(`${home}auth/login?provider=typed`);
    await page.getByLabel('Password').waitFor();
  },
  "page of a provider of the app's own": async (page, { home }) => {
    await page.goto(home);
    await button(page, 'Log in').click();
    await shows(page, 'Are you at the terminal?');
  },
  "chooser of the app's own": async (page, { home }) => {
    await page.goto(`${home}auth/login`);
    await shows(page, 'Which key is yours?');
  },
  "denied page of the app's own": async (page, { home }) => {
    await page.goto(`${home}lamp`);
    await button(page, 'island').click();
    await button(page, 'Eve').click();
    await shows(page, 'The door stays shut');
  },
};

/** The app that a page belongs to, where it is not the example that people start first. */
const apps = {
  'error while the provider is down': startPlainApp,
  'error of a form that was sent before the login': startPlainApp,
  'error of an account that may not see it': startPlainApp,
  'way on to the second part of an identity': startPlainApp,
  'logged out of this app alone': startPlainApp,
  'page for a password': (t) => startPlainApp(t, { name: 'typed', more: 'grant = "password"' }),
  "page of a provider of the app's own": (t) => startExample(t, 'own_provider'),
  "chooser of the app's own": (t) => startExample(t, 'custom_pages'),
  "denied page of the app's own": (t) => startExample(t, 'custom_pages'),
};

for (const [name, goTo] of Object.entries(pages)) {
  test(`${name}: no scrolling sideways, nothing axe objects to, every control by Tab`, async (t) => {
    const page = await open(t, name, goTo);
    await look(page, name);
  });
}

for (const name of Object.keys(pages).filter((name) => name.startsWith('error'))) {
  test(`${name}, from afar: nothing for developers, and the same look`, async (t) => {
    const page = await open(t, name, async (page, app) => {
      await page.setExtraHTTPHeaders({ 'x-forwarded-for': '192.0.2.1' });
      await pages[name](page, app);
    });
    assert.equal(await page.getByText('on this machine only').count(), 0);
    await look(page, `${name} from afar`);
  });
}

async function open(t, name, goTo) {
  const app = await (apps[name] ?? startExample)(t);
  // The pages run no script, and axe is one.
  const page = await (await profileOf(t, { bypassCSP: true })).newPage();
  await goTo(page, app);
  return page;
}

/** The app of the tests, with one provider. */
async function startPlainApp(t, { name = 'google', more = '' } = {}) {
  const provider = await startProvider(t, { name });
  const port = await freePort();
  const home = `http://localhost:${port}/`;
  const secrets = secretsFile({ redirectUri: `${home}oauth2callback`, providers: [provider.secrets, more] });
  let running = await startApp(t, { port, secrets });
  const restart = async () => {
    await running.stop();
    running = await startApp(t, { port, secrets });
  };
  return { home, provider, restart };
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
