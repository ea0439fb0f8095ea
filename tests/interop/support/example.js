// The example that people start first, as they start it: with no secrets file.

import { join } from 'node:path';

import { folder, freePort, programs, start } from './processes.js';

/** Starts `login_buttons` on a free port, with its two development providers. Its address is in `.home`. */
export async function startExample(t) {
  const port = await freePort();
  const ready = (line) => line.includes(`Open http://localhost:${port}`);
  const running = await start(t, join(programs, 'login_buttons'), {
    cwd: await folder(t),
    env: { PORT: String(port), RUST_LOG: 'keycard=info' },
    ready,
  });
  running.home = `http://localhost:${port}/`;
  return running;
}
