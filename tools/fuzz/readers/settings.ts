/** Readers of what operators write: settings files, networks, addresses, URLs. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { parse, TomlError } from 'smol-toml';
import { mayConnect } from '../../../src/core/public-address.ts';
import { inNetworks, parseSettings } from '../../../src/core/settings.ts';
import * as net from '../../../src/core/settings-net.ts';
import * as text from '../../../src/core/settings-parse.ts';
import { plainAddress } from '../../../src/core/visitor.ts';
import { must } from '../target.ts';
import { ofText, orRefused, type Reader, same } from './reader.ts';

const FILE = `[server]
main_bind_addrs = ["127.0.0.1:8080"]
trusted_proxies = ["10.0.0.0/8", "fd00::/8"]
url_prefix = "/vault"

[paste]
default_expiry = "5d"
min_entropy = 7.2

[rate_limits.main_api]
enabled = true
`;

const toml = ofText({
  name: 'toml',
  summary: 'settings files, and the settings in them',
  words: [
    '[',
    ']',
    '[[',
    ']]',
    '=',
    '"""',
    "'''",
    '.',
    '{',
    '}',
    '\n',
    '#',
    '\\u',
    'inf',
    'nan',
    '1979-05-27T07:32:00Z',
    '[server]',
    '[paste]',
    '__proto__',
  ],
  seeds: () => [FILE, 'a.b.c = 1\n', '[[x]]\ny = {z = [1, 2]}\n', '__proto__.x = 1\n'],
  readText(said) {
    const value = orRefused(
      () => parse(said),
      (thrown) => thrown instanceof TomlError,
    );
    if (value === undefined) return;
    const result = parseSettings({ toml: value, tomlName: 'sallyport.toml', env: {} });
    if (!result.ok) must(result.problems.length > 0, () => 'refused without a reason');
    must(
      Object.getPrototypeOf({}) === Object.prototype && !('x' in {}),
      () => 'the prototype of objects is changed',
    );
  },
});

const environment = ofText({
  name: 'settings-values',
  summary: 'durations, sizes, numbers, lists, origins, URLs and prefixes',
  words: ['https://', 'http://', '://', '/', ':', '@', '[::1]', '1h30m', '10GB', ',', '%', '..', '\u3002'],
  seeds: () => [
    '1h30m',
    '10GB',
    '0.5',
    'https://paste.example.org',
    '127.0.0.1:8080',
    '[::1]:443',
    '/a/b',
    'https://[::1]:8443/x?y#z',
  ],
  readText(said) {
    const again = <T>(what: string, read: (text: string) => text.Parsed<T>, write: (value: T) => string) => {
      const value = read(said);
      if (!value.ok) must(value.wrong !== '', () => `${what} is refused without a word`);
      else same(what, read(write(value.value)), value);
    };
    again('an address', net.parseAddress, net.addressText);
    again('a host name', net.parseHostName, String);
    again('an origin', net.parseOrigin, String);
    again('a URL', net.parseUrl, ({ href }) => href);
    again('a prefix', net.parseUrlPrefix, String);
    again('a duration', text.parseDuration, (ms) => `${ms}ms`);
    again('a size', text.parseBytes, String);
    again('a number', (given) => text.parseInteger(given, 0, 1e15), String);
    text.parseDecimal(said, 0, 8);
    text.parseBoolean(said);
    text.parseBase64(said);
    text.parseToken(said, 100);
    const origin = net.parseOrigin(said);
    if (origin.ok) must(new URL(origin.value).origin === origin.value, () => `the origin ${origin.value}`);
  },
});

/** Addresses at which networks are tried, besides their own. */
const TRIED = [
  '10.0.0.1',
  '127.0.0.1',
  '192.168.1.1',
  '8.8.8.8',
  '::1',
  'fd00::1',
  '2001:db8::1',
  '0.0.0.0',
  '255.255.255.255',
];

const cidrs = ofText({
  name: 'networks',
  summary: 'networks in CIDR notation, beside those of the platform',
  words: ['/', '.', ':', '::', '0', '255', '10.0.0.0', 'fd00::', '::ffff:', '%eth0', '0x', '08'],
  seeds: () => ['10.0.0.0/8', 'fd00::/8', '::ffff:10.0.0.0/104', '127.0.0.1', '::/0', '192.168.1.128/25'],
  readText(said) {
    const read = net.parseCidr(said);
    if (!read.ok) return;
    const [host = ''] = said.split('/');
    must(isIP(host) !== 0, () => `${host} is no address to the platform`);
    const [first = '', bits = ''] = read.value.text.split('/');
    same('written and read again', net.parseCidr(read.value.text), read);
    must(inNetworks([read.value], first), () => `${read.value.text} is not in itself`);
    const family = isIPv4(first) ? 'ipv4' : 'ipv6';
    const platform = new BlockList();
    platform.addSubnet(first, Number(bits), family);
    for (const address of TRIED) {
      if ((isIPv4(address) ? 'ipv4' : 'ipv6') !== family) continue;
      const held = inNetworks([read.value], address);
      must(held === platform.check(address, family), () => `${address} in ${read.value.text}: ${held}`);
    }
  },
});

/** What no webhook may reach by default, as the registries of IANA have it: special-purpose IPv4, and IPv6 by prefix. */
const RESERVED = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [network, bits] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ] as const),
  ...([
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.168.0.0', 16],
  ] as const),
  ...([
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ] as const),
] as const)
  RESERVED.ipv4.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  ...([
    ['::', 3],
    ['4000::', 2],
    ['8000::', 1],
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
  ] as const),
  ...([['3fff::', 20]] as const),
] as const)
  RESERVED.ipv6.addSubnet(network, bits, 'ipv6');

const addresses = ofText({
  name: 'peer-addresses',
  summary: 'addresses of peers in every spelling, beside those of the platform',
  words: [
    '.',
    ':',
    '::',
    '::ffff:',
    '%1',
    '127',
    '0',
    'fe80',
    '1.2.3.4',
    '64:ff9b::',
    '2002:',
    '3fff:',
    '2001:',
  ],
  seeds: () => [
    '127.0.0.1',
    '::1',
    '::ffff:1.2.3.4',
    'fe80::1%eth0',
    '2001:db8::1',
    '1:2:3:4:5:6:1.2.3.4',
    '8.8.8.8',
    '2620:fe::fe',
    '64:ff9b::7f00:1',
  ],
  readText(said) {
    const plain = plainAddress(said);
    if (mayConnect(said, false)) {
      const [address = ''] = said.split('%');
      must(isIP(address) !== 0, () => `${said} may be connected to, and is no address`);
      const family = isIPv4(address) ? 'ipv4' : 'ipv6';
      const reserved = RESERVED[family].check(address, family);
      must(!reserved, () => `${said} may be connected to`);
      must(mayConnect(said, true), () => `${said} may be connected to by default alone`);
    }
    if (plain === undefined) return;
    must(isIP(plain) !== 0, () => `${said} becomes ${plain}`);
    must(isIP(said) !== 0, () => `${said} is no address to the platform`);
    same('read again', plainAddress(plain), plain);
  },
});

export const settingsReaders: readonly Reader[] = [toml, environment, cidrs, addresses];
