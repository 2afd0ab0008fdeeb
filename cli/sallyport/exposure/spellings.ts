/** Other ways to write a path of the private door, which careless matchers take for it and careless lists do not. */

const encoded = (letter: string) => `%${letter.charCodeAt(0).toString(16)}`;

/** Targets for a request line, all of them printable ASCII without a space. */
export function spellings(path: string): readonly string[] {
  const rest = path.slice(1);
  const first = rest.charAt(0);
  return [
    path.toUpperCase(),
    `/${first.toUpperCase()}${rest.slice(1)}`,
    `/${encoded(first)}${rest.slice(1)}`,
    `/${encoded(first).replace('%', '%25')}${rest.slice(1)}`,
    `/${[...rest].map((letter) => (letter === '/' ? letter : encoded(letter))).join('')}`,
    `/${path}`,
    `//${path}`,
    `/%2f${rest}`,
    `/%2F${rest}`,
    `/\\${rest}`,
    `/%5c${rest}`,
    `/.${path}`,
    `/x/..${path}`,
    `/x/%2e%2e${path}`,
    `/x%2f..%2f${rest}`,
    `/..${path}`,
    `/%2e%2e${path}`,
    `/..;${path}`,
    `/;${path}`,
    `/;a=b${path}`,
    `${path}/`,
    `${path}//`,
    `${path}/.`,
    `${path}/x/..`,
    `${path}.`,
    `${path}..`,
    `${path};`,
    `${path};a=b`,
    `${path}%20`,
    `${path}%09`,
    `${path}%00`,
    `${path}%2f`,
    `${path}%3f`,
    `${path}%23`,
    `${path}?`,
    `${path}?a=b`,
    `${path}.json`,
    `${path}~`,
    rest.includes('/') ? `/${rest.replaceAll('/', '%2f')}` : `${path}%2f..`,
    `http://localhost${path}`,
    `http://127.0.0.1:8081${path}`,
  ];
}
