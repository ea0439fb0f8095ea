// What docs/deploy.md has in its blocks.

import { readFileSync } from 'node:fs';

const deploy = readFileSync(new URL('../../../docs/deploy.md', import.meta.url), 'utf8');

/** The blocks under a heading, without what indents them. */
export function blocks(heading) {
  const part = deploy.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0];
  if (!part) throw new Error(`docs/deploy.md has no part ${heading}`);
  const found = part.matchAll(/^( *)```\w+\n(.*?)^ *```$/gms);
  return [...found].map(([, indent, text]) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

/** The one block of nginx's under a heading that has this in it, with the app at another address. */
export function nginxBlock(heading, having, app) {
  const [block, ...others] = blocks(heading).filter((text) => having.test(text));
  if (!block || others.length > 0) throw new Error(`${heading} has not one block with ${having}`);
  return block.replace('http://127.0.0.1:8501', app);
}
