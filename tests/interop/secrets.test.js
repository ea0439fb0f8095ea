// The corpus of secrets files, read by Streamlit's own loader.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { folder } from './support/processes.js';

const here = (name) => new URL(name, import.meta.url).pathname;

/** Files that work here and not with Streamlit, and what it finds in them. */
const ONLY_HERE = {
  // Python's TOML takes no byte order mark, and none of what TOML 1.1 allows.
  byte_order_mark: { refused: 'StreamlitSecretNotFoundError' },
  inline_over_lines: { refused: 'StreamlitSecretNotFoundError' },
  name_with_underscore: { providers: [] },
  // It knows no client without a secret.
  apple: { providers: [] },
  private_key: { providers: [] },
  // Nor a provider without metadata.
  mix_up: { providers: ['google'] },
};

test('each file that loads gives the providers that Streamlit sees in it', async (t) => {
  const place = await folder(t);
  const expected = await providersOfIndex();
  const files = await readdir(here('../secrets/loads'));
  for (const name of files) {
    await writeFile(join(place, name), filledIn(await readFile(here(`../secrets/loads/${name}`))));
  }

  const args = [here('streamlit_loader.py'), ...files];
  // Without a home of its own it would read the secrets of whoever runs the tests.
  const options = { cwd: place, env: { ...process.env, HOME: place } };
  const { stdout } = await promisify(execFile)(here('venv/bin/python'), args, options);

  const found = Object.entries(JSON.parse(stdout)).map(([file, outcome]) => [file.replace('.toml', ''), outcome]);
  assert.ok(found.length >= 70);
  assert.deepEqual(Object.fromEntries(found), { ...expected, ...ONLY_HERE });
});

/** What index.md says of each file. */
async function providersOfIndex() {
  const index = await readFile(here('../secrets/index.md'), 'utf8');
  const table = index.split('## Files that load\n')[1].split('\n## ')[0];
  const rows = [...table.matchAll(/^\| (\w+) \|.*\| ([^|]+) \| \d+ \|$/gm)];
  return Object.fromEntries(rows.map(([, file, names]) => [file, { providers: names.split(', ').toSorted() }]));
}

/** The file with a secret for each `{{…}}`; one in another encoding is as it is. */
function filledIn(bytes) {
  const secret = () => randomBytes(32).toString('base64url');
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text.replaceAll(/\{\{\w+\}\}/g, secret) : bytes;
}
