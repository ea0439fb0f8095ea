// Debian's nginx, as a proxy with the buffers that it has by default.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { folder, start } from './processes.js';

/**
 * Starts nginx on a port of 127.0.0.1. `server` is what stands in its server block, `upstreams`
 * what stands beside it; `site` stands in the place of both. `.complaints()` is what it complained about, `.visits()` are the requests
 * that it answered.
 */
export async function startNginx(t, { port, server, upstreams = '', site }) {
  const prefix = await folder(t);
  const settings = join(prefix, 'nginx.conf');
  site ??= `${upstreams} server { listen 127.0.0.1:${port}; ${server} }`;
  await writeFile(settings, configuration({ prefix, site }));
  const args = ['-p', prefix, '-c', settings, '-e', 'stderr'];
  const running = await start(t, '/usr/sbin/nginx', { args, ready: (line) => /using the "\w+" event method/.test(line) });
  running.home = `http://localhost:${port}`;
  // Files, since a line is there before its answer is; a pipe is read some time later.
  const lines = async (log) => (await readFile(join(prefix, log), 'utf8')).split('\n').filter(Boolean);
  running.complaints = async () => (await lines('error.log')).filter((line) => COMPLAINT.test(line));
  running.visits = async () => (await lines('access.log')).map(visit);
  return running;
}

/** What it says of a request or an answer that does not fit, and everything above a notice. */
const COMPLAINT = /\[(warn|error|crit|alert|emerg)\]|too (big|large|long)|buffer/;

// One process, which ends with the pid that was started and may read the folder. Not a word about
// the size of buffers: the defaults are what is tested.
const configuration = ({ prefix, site }) => `
daemon off;
master_process off;
pid ${prefix}/nginx.pid;
error_log stderr notice;
error_log ${prefix}/error.log info;
events {}
http {
  log_format visit escape=json '{"status":"$status","path":"$uri","cookie":"$http_cookie",'
    '"received":"$upstream_bytes_received","body":"$upstream_response_length"}';
  access_log ${prefix}/access.log visit;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  ${site}
}
`;

function visit(line) {
  const { status, path, cookie, received, body } = JSON.parse(line);
  return {
    status: Number(status),
    path,
    /** The bytes of the request's Cookie header. */
    cookie: cookie && Buffer.byteLength(`Cookie: ${cookie}\r\n`),
    /** The bytes that the app's answer has before its body: its status line and headers. */
    head: Number(received) - Number(body),
  };
}
