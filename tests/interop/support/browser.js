// A browser without a screen: it keeps cookies as browsers do, per origin and path, and says of its
// requests what browsers say (Fetch metadata, Accept, Origin).

import { request } from 'node:http';

/** An answer, as far as the tests look at it. */
export class Answer {
  constructor(url, response, body) {
    this.url = url;
    this.status = response.statusCode;
    this.headers = response.headers;
    this.body = body;
  }

  /** Where it sends the browser, whole. */
  get location() {
    return this.headers.location && new URL(this.headers.location, this.url).href;
  }
}

export class Browser {
  /** Cookies: host → name and path → { name, value, path, sameSite }. Ports share them, as RFC 6265 §8.5 says. */
  #jar = new Map();

  /** Opens a page as somebody who types its address, or follows a link from `from`. */
  get(url, { from = 'none', headers = {} } = {}) {
    return this.#send('GET', new URL(url), { 'sec-fetch-site': from, ...navigation, ...headers });
  }

  /** Sends a form of the page's own. */
  post(url, fields = {}, { from } = {}) {
    const goal = new URL(url);
    const origin = from ?? goal.origin;
    const headers = {
      ...navigation,
      origin,
      'sec-fetch-site': origin === goal.origin ? 'same-origin' : 'cross-site',
      'content-type': 'application/x-www-form-urlencoded',
    };
    return this.#send('POST', goal, headers, new URLSearchParams(fields).toString());
  }

  /** Asks as a script of the page does. */
  fetch(url, { headers = {} } = {}) {
    const script = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*' };
    return this.#send('GET', new URL(url), { ...script, ...headers });
  }

  /** Follows redirects from an answer until a page comes, at most twenty. */
  async follow(answer) {
    for (let hop = 0; hop < 20; hop++) {
      if (!answer.location) return answer;
      const from = new URL(answer.location).origin === new URL(answer.url).origin ? 'same-origin' : 'cross-site';
      answer = await this.get(answer.location, { from });
    }
    throw new Error(`redirects without end, at ${answer.url}`);
  }

  /** The cookies that a request to this URL carries: name → value. */
  cookies(url) {
    // The narrowest path counts, as with apps that take the first of a name.
    return new Map(this.#carried(new URL(url)).reverse().map(({ name, value }) => [name, value]));
  }

  setCookie(url, name, value, path = '/', sameSite = 'lax') {
    const { hostname } = new URL(url);
    if (!this.#jar.has(hostname)) this.#jar.set(hostname, new Map());
    this.#jar.get(hostname).set(`${name};${path}`, { name, value, path, sameSite });
  }

  /** RFC 6265 §5.4: narrower paths first. */
  #carried({ hostname, pathname }) {
    const ours = [...(this.#jar.get(hostname)?.values() ?? [])].filter(({ path }) => covers(path, pathname));
    return ours.sort((one, other) => other.path.length - one.path.length);
  }

  #send(method, url, headers, body) {
    // With a form of another site go only the cookies that say so.
    const withForm = method === 'POST' && headers['sec-fetch-site'] === 'cross-site';
    const carried = this.#carried(url).filter(({ sameSite }) => !withForm || sameSite === 'none');
    const cookies = carried.map(({ name, value }) => `${name}=${value}`).join('; ');
    if (cookies) headers.cookie = cookies;
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
    // TLS would end at a proxy, and there is none: what is for https is said in the clear.
    const { hostname, port, pathname, search, host } = url;
    const goal = { hostname, port, path: pathname + search, headers: { host, ...headers } };
    return new Promise((resolve, reject) => {
      const sent = request({ ...goal, method, agent: false }, async (response) => {
        response.setEncoding('utf8');
        let text = '';
        for await (const chunk of response) text += chunk;
        for (const line of response.headers['set-cookie'] ?? []) this.#keep(url, line);
        resolve(new Answer(url.href, response, text));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  #keep(url, line) {
    const [pair, ...attributes] = line.split(';').map((part) => part.trim());
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const attribute = (wanted) => attributes.map((it) => it.split('=')).find(([key]) => key.toLowerCase() === wanted)?.[1];
    const path = attribute('path') ?? '/';
    const isGone = Number(attribute('max-age') ?? 1) <= 0 || Date.parse(attribute('expires')) <= Date.now();
    if (isGone) this.#jar.get(url.hostname)?.delete(`${name};${path}`);
    else this.setCookie(url, name, value, path, attribute('samesite')?.toLowerCase());
  }
}

const navigation = {
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
};

// RFC 6265 §5.1.4.
function covers(path, pathname) {
  return pathname === path || (pathname.startsWith(path) && (path.endsWith('/') || pathname[path.length] === '/'));
}
