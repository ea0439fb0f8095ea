// Starts the programs of a test and stops them by their pid.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const programs = process.env.INTEROP_PROGRAMS;
if (!programs) throw new Error('run tests/interop/run, which builds the programs first');

/** How long a program may take to be ready, in milliseconds. */
const PATIENCE = 30_000;

/** A port that is free at this moment. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A folder that is gone when the test is over. */
export async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), 'keycard-interop-'));
  // A browser that has just ended may still be writing.
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  return path;
}

/** A file in a folder of its own. */
export async function file(t, name, text) {
  const path = join(await folder(t), name);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

/**
 * Starts a program, which ends with the test. `ready` sees each line of its output, and says true
 * when it is up. What it wrote is in `.log`, and is shown if it never gets ready.
 */
export async function start(t, command, { args = [], env = {}, cwd, ready }) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const running = { pid: child.pid, log: '', lines: [], stop: () => stop(child) };
  t.after(running.stop);
  await new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${command} ${why}\n${running.log}`));
    const patience = setTimeout(() => fail('was not ready in time'), PATIENCE);
    const hear = (line) => {
      running.log += `${line}\n`;
      running.lines.push(line);
      if (ready(line)) {
        clearTimeout(patience);
        resolve();
      }
    };
    createInterface(child.stdout).on('line', hear);
    createInterface(child.stderr).on('line', hear);
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code) => fail(`ended with ${code}`));
  });
  return running;
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

/** Starts the app of app.rs on a port, with the text of its secrets file, or with one that is at this path. */
export async function startApp(t, { port, secrets, path, nest = '', fallback = '' }) {
  path ??= await file(t, 'secrets.toml', secrets);
  const env = { PORT: String(port), SECRETS: path, NEST: nest, FALLBACK: fallback, RUST_LOG: 'keycard=info' };
  const ready = (line) => line === 'listening';
  return start(t, join(programs, 'interop_app'), { env, ready });
}

/** Starts a development provider, with the people's claims. Its table for a secrets file is in `.secrets`. */
export async function startProvider(t, { name, people, signingAlg, claimsOnlyAtUserinfo = false }) {
  const env = { NAME: name, PORT: String(await freePort()) };
  if (people) env.PEOPLE = await file(t, 'people.json', JSON.stringify(people));
  if (signingAlg) env.SIGNING_ALG = signingAlg;
  if (claimsOnlyAtUserinfo) env.CLAIMS_ONLY_AT_USERINFO = '1';
  const running = await start(t, join(programs, 'interop_provider'), { env, ready: (line) => line === '' });
  running.secrets = running.lines.join('\n');
  return running;
}

/** What a development provider's table says for this key. */
export function secretOf(running, key) {
  return running.secrets.match(new RegExp(`^${key} = "(.*)"$`, 'm'))[1];
}
