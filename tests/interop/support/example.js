// The examples, as people start them first: with no secrets file.

import { join } from 'node:path';

import { folder, freePort, programs, start } from './processes.js';

/** Starts `login_buttons`, with its two development providers, or another example, on a free port. Its address is in `.home`. */
export async function startExample(t, name = 'login_buttons') {
  const port = await freePort();
  const ready = (line) => line.includes(`Open http://localhost:${port}`);
  const running = await start(t, join(programs, name), {
    cwd: await folder(t),
    env: { PORT: String(port), RUST_LOG: 'keycard=info' },
    ready,
  });
  running.home = `http://localhost:${port}/`;
  return running;
}
