// The examples, as people start them first, with no secrets file; or with one.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { folder, freePort, programs, start } from './processes.js';

/** Starts `login_buttons`, with its two development providers, or another example, on a free port. Its address is in `.home`. */
export async function startExample(t, name = 'login_buttons', { port, secrets } = {}) {
  port ??= await freePort();
  const cwd = await folder(t);
  if (secrets) {
    await mkdir(join(cwd, '.streamlit'));
    await writeFile(join(cwd, '.streamlit/secrets.toml'), secrets, { mode: 0o600 });
  }
  const ready = (line) => line.includes(`Open http://localhost:${port}`);
  const running = await start(t, join(programs, name), {
    cwd,
    env: { PORT: String(port), RUST_LOG: 'keycard=info' },
    ready,
  });
  running.home = `http://localhost:${port}/`;
  return running;
}
