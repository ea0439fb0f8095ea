// Who an app takes a browser for.

import assert from 'node:assert/strict';

/** The subject that the app knows, `undefined` if it knows nobody. Anything else is a failure. */
export async function whoIs(browser, home, headers) {
  const answer = await browser.fetch(`${home}/me`, { headers });
  if (answer.status === 401) return undefined;
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body).subject;
}

/** Nobody is logged in, nothing is wrong, and no cookie is touched. */
export async function isAnonymous(browser, home, headers) {
  const page = await browser.get(`${home}/`, { headers });
  assert.equal(page.status, 200, page.body);
  assert.match(page.body, /<h1>nobody<\/h1>/);
  assert.equal(page.headers['set-cookie'], undefined);
  assert.equal(await whoIs(browser, home, headers), undefined);
}
