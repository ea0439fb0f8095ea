// The text of secrets files.

import { randomBytes } from 'node:crypto';

export const freshSecret = () => randomBytes(32).toString('base64url');

/** A secrets file: the shared table, then each provider's. */
export function secretsFile({ redirectUri, cookieSecret = freshSecret(), more = '', providers }) {
  return `[auth]\nredirect_uri = "${redirectUri}"\ncookie_secret = "${cookieSecret}"\n${more}\n${providers.join('\n')}`;
}

/** The table of a provider with a metadata URL; without a secret where the client has none to write. */
export function section(name, { clientId, clientSecret, metadata, more = '' }) {
  const secret = clientSecret === undefined ? '' : `client_secret = "${clientSecret}"\n`;
  return `[auth.${name}]\nclient_id = "${clientId}"\n${secret}server_metadata_url = "${metadata}"\n${more}`;
}
