// What a person does at a provider's page.

import assert from 'node:assert/strict';

/** Follows a login to the development provider's page, and becomes somebody there. Ends at the callback's address, not yet opened. */
export const become = (browser, subject, start) => choose(browser, { dev_person: subject }, start);

/** Becomes somebody with these claims, whom the development provider did not know. */
export const becomeSomebody = (browser, { sub, ...claims }, start) =>
  choose(browser, { dev_other: 'other', dev_subject: sub, dev_claims: JSON.stringify(claims) }, start);

async function choose(browser, choice, start) {
  const page = await browser.follow(start);
  assert.match(page.body, /Who do you want to be\?/, `${page.status} ${page.url}\n${page.body}`);
  const answer = await browser.post(page.url, { ...hiddenFields(page.body), ...choice });
  assert.equal(answer.status, 303, answer.body);
  return answer.location;
}

/** Opens a callback, as the provider sends the browser there, and goes on where keycard's page says so. All answers up to the first that leads elsewhere, or nowhere. */
export async function finish(browser, callback) {
  const first = await browser.get(callback, { from: 'cross-site' });
  const [, onwards] = first.body.match(/<meta http-equiv="refresh" content="0; url=([^"]*)">/) ?? [];
  if (!onwards) return [first];
  return [first, await browser.get(new URL(unescape(onwards), first.url).href, { from: 'same-origin' })];
}

/** The hidden fields of the first form of a page. */
export function hiddenFields(html) {
  const form = html.slice(html.indexOf('<form'), html.indexOf('</form>'));
  const fields = form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
  return Object.fromEntries([...fields].map(([, name, value]) => [unescape(name), unescape(value)]));
}

function unescape(text) {
  const names = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&amp;': '&' };
  return text.replace(/&(lt|gt|quot|amp);/g, (name) => names[name]);
}

/** What our page for a failure says. */
export function failure(page) {
  const text = (pattern) => unescape(page.body.match(pattern)?.[1] ?? '');
  return { status: page.status, code: text(/<dt>Code<\/dt>\s*<dd><code>(.*?)<\/code>/), title: text(/<h1>(.*?)<\/h1>/) };
}
