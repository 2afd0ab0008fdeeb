/**
 * The ways in which a path can be written so that a careless matcher, or a reverse proxy in front, takes it for
 * another one. Everything here is generated from the path itself.
 */

const hex = (letter: string, upper: boolean) => {
  const code = letter.charCodeAt(0).toString(16).padStart(2, '0');
  return `%${upper ? code.toUpperCase() : code}`;
};

/** The Unicode full-width form of a printable ASCII character, which some normalisations fold back. */
const fullWidth = (letter: string) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0);

/** The path with one character of its first segment replaced, once for each. */
function eachLetter(path: string, replaced: (letter: string) => string): string[] {
  const end = path.indexOf('/', 1);
  const last = end < 0 ? path.length : end;
  const results: string[] = [];
  for (let i = 1; i < last; i += 1) {
    const letter = path.charAt(i);
    results.push(path.slice(0, i) + replaced(letter) + path.slice(i + 1));
  }
  return results;
}

/** Every slash but the first, replaced. */
const slashes = (path: string, by: string) => `/${path.slice(1).replaceAll('/', by)}`;

/**
 * Spellings of an absolute path that can stand in a URL as they are. None of them climbs above the path, so that
 * each either means the path or nothing.
 */
export function spellings(path: string): string[] {
  const rest = path.slice(1);
  const every = [
    path,
    // Percent-encoding: each letter of the first segment, twice encoded, and all of it.
    ...eachLetter(path, (letter) => hex(letter, false)),
    ...eachLetter(path, (letter) => hex(letter, true)),
    ...eachLetter(path, (letter) => hex(letter, false).replace('%', '%25')),
    `/${[...rest].map((letter) => hex(letter, true)).join('')}`,
    `/${[...rest].map((letter) => (letter === '/' ? '/' : hex(letter, false))).join('')}`,
    ...eachLetter(path, (letter) => `%u00${letter.charCodeAt(0).toString(16)}`),
    ...eachLetter(path, (letter) => `%c1%${(letter.charCodeAt(0) | 0x80).toString(16)}`),
    // Slashes: encoded, doubled, twice encoded, the other one.
    slashes(path, '%2f'),
    slashes(path, '%2F'),
    slashes(path, '%252f'),
    slashes(path, '%5c'),
    slashes(path, '\\'),
    slashes(path, '//'),
    slashes(path, '/%2f'),
    slashes(path, '%c0%af'),
    slashes(path, '%ef%bc%8f'),
    `/${path}`,
    `//${path}`,
    `/\\${rest}`,
    `\\${rest}`,
    `/%2f${rest}`,
    `/%5c${rest}`,
    // Dots.
    `/.${path}`,
    `/./.${path}`,
    `/x/..${path}`,
    `/x/../y/..${path}`,
    `/..${path}`,
    `/../..${path}`,
    `/%2e${path}`,
    `/%2E%2e${path}`,
    `/.%2e${path}`,
    `/x/%2e%2e${path}`,
    `/x%2f..${path}`,
    `/x/..%2f${rest}`,
    `/%252e%252e${path}`,
    `/...${path}`,
    `/..;${path}`,
    `/x/..;${path}`,
    `${path}/.`,
    `${path}/./`,
    `${path}/x/..`,
    `${path}/%2e`,
    `${path}%2f%2e`,
    `${path}/..;/`,
    `${path}.`,
    `${path}%2e`,
    // What follows.
    `${path}/`,
    `${path}//`,
    `${path}%2f`,
    `${path}\\`,
    `${path}%5c`,
    `${path};`,
    `${path};a=b`,
    `${path};/`,
    `/;${path}`,
    `/;a=b${path}`,
    path.replace(/[^/]$/, '$&;x=1'),
    `${path}?`,
    `${path}?a=b`,
    `${path}?path=/`,
    `${path}?/../..`,
    `/x?${path}`,
    `${path}%3fa=b`,
    `${path}%23`,
    `${path}#x`,
    `${path}%00`,
    `${path}%00.css`,
    `/%00${path}`,
    `${path}%20`,
    `/%20${rest}`,
    `${path}%09`,
    `${path}%0a`,
    `${path}%0d%0a`,
    `${path}%ff`,
    `${path}%`,
    `${path}%zz`,
    `${path}.json`,
    `${path}.css`,
    `${path}~`,
    `${path}*`,
    `${path}:`,
    `${path}@main`,
    // Other letters.
    path.toUpperCase(),
    path.replace(/[a-z]/, (letter) => letter.toUpperCase()),
    ...eachLetter(path, fullWidth),
    ...eachLetter(path, (letter) => encodeURIComponent(fullWidth(letter))),
    path.replace(/i/g, '\u0131'),
    path.replace(/s/g, '\u017f'),
    path.replace(/[a-z]/, '\u200b$&'),
    path.replace(/[a-z]/, '$&\u0301'),
    path.replace(/[a-z]/, '$&\u00ad'),
  ];
  return [...new Set(every)];
}

/** Spellings that only bytes on a socket can have: a URL library would repair or refuse them. */
export function rawSpellings(path: string): string[] {
  const rest = path.slice(1);
  return [
    `http://main${path}`,
    `http://admin${path}`,
    `http://127.0.0.1:1${path}`,
    `HTTP://USER:PASS@localhost${path}`,
    `https://localhost${path}`,
    `http://${path}`,
    `http:${path}`,
    `http:/${rest}`,
    `ftp://localhost${path}`,
    `file://${path}`,
    `localhost${path}`,
    `localhost:80`,
    `//localhost${path}`,
    `///localhost${path}`,
    rest,
    `./${rest}`,
    `../${rest}`,
    `*${path}`,
    `*`,
    `?${path}`,
    `#${path}`,
    `${path}\0`,
    `/\0${rest}`,
    `${path}\t`,
    `/\t${rest}`,
    `/a\td\tm\ti\tn`,
    `${path}\x01`,
    `${path}\x7f`,
    `${path}\x0b`,
    `${path}\xff`,
    `/\xc0\xaf${rest}`,
    `${path}<>"{}|^\``,
    `${path} x`,
    `${path}\r`,
  ];
}
