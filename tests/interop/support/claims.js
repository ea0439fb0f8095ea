// Claims of any size. They are the same in each run.

import { createHash } from 'node:crypto';

const hash = (text) => createHash('sha256').update(text);

/** GUIDs, as Entra has them for groups. */
export const guids = (count) =>
  Array.from({ length: count }, (_, at) => hash(`guid ${at}`).digest('hex').slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));

/** Names of groups that are alike, as directories have them. */
export const groupNames = (count) => Array.from({ length: count }, (_, at) => `APP-Reporting-Department-${String((at * 7) % 1000).padStart(3, '0')}-Readers`);

/** Text that no packing makes smaller than three quarters. */
export const noise = (length) =>
  Array.from({ length: Math.ceil(length / 43) }, (_, at) => hash(`noise ${at}`).digest('base64url')).join('').slice(0, length);

/** What Entra says of somebody, but for the groups. */
export const entra = {
  sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
  name: 'Alexandra Constantinescu-Featherstonehaugh',
  preferred_username: 'alexandra.constantinescu@contoso.example.com',
  email: 'alexandra.constantinescu@contoso.example.com',
  oid: '6e0ca2de-3a04-4d8f-9a0e-2f0a6f1f1a51',
  tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
  uti: 'x4Pz1zZ0Y0a0b0c0d0e0AA',
  ver: '2.0',
};
