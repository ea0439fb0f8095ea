// Servers of the test's own: a page of somebody else's, and a recorder in front of the app.

import { once } from 'node:events';
import { createServer, request } from 'node:http';

import { Browser } from './browser.js';
import { become } from './pages.js';

/** Serves one page: `foreign` to the app at localhost, and as a `sibling` at another port of it. */
export async function startSite(t, html) {
  const server = await listen(t, (_, answer) => {
    answer.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    answer.end(html);
  });
  const { port } = server.address();
  return { foreign: `http://127.0.0.1:${port}/`, sibling: `http://localhost:${port}/` };
}

/**
 * Stands at a development provider's authorization endpoint, where whoever comes is this person at once,
 * without a page. The key for the provider's section is in `.secrets`.
 */
export async function startDoor(t, metadata, subject) {
  const { authorization_endpoint: endpoint } = await (await fetch(metadata)).json();
  const server = await listen(t, async ({ url }, answer) => {
    const browser = new Browser();
    const location = await become(browser, subject, await browser.get(new URL(url, endpoint).href));
    answer.writeHead(303, { location });
    answer.end();
  });
  const origin = `http://localhost:${server.address().port}`;
  return { origin, secrets: `authorization_endpoint = "${origin}/authorize"\n` };
}

/** How long a request may be waited for, in milliseconds. */
const PATIENCE = 30_000;

/**
 * Passes everything on to an app at a port of 127.0.0.1, and keeps what was asked and answered.
 * The pages (path → HTML) are the recorder's own, of the app's origin.
 */
export async function startRecorder(t, port, pages = {}) {
  const [seen, waiting] = [[], []];
  const keep = (record) => {
    seen.push(record);
    for (const { wanted, resolve } of waiting) if (wanted(record)) resolve(record);
  };
  const server = await listen(t, (asked, answer) => {
    const { method, url, headers } = asked;
    if (Object.hasOwn(pages, url)) {
      answer.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      answer.end(pages[url]);
      return;
    }
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (response) => {
      const { statusCode: status, headers: answered } = response;
      keep({ method, url, request: headers, response: { status, headers: answered } });
      answer.writeHead(status, response.rawHeaders);
      response.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    asked.pipe(onward);
  });
  return {
    home: `http://localhost:${server.address().port}/`,
    seen,
    /** The first request from here on that is wanted. */
    next(wanted) {
      return new Promise((resolve, reject) => {
        const patience = setTimeout(() => reject(new Error(`nobody asked, but for ${JSON.stringify(seen, null, 1)}`)), PATIENCE);
        const found = (record) => {
          clearTimeout(patience);
          resolve(record);
        };
        waiting.push({ wanted, resolve: found });
      });
    },
  };
}

async function listen(t, answer) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return server;
}
