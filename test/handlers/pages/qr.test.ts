import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from 'uqr';
import { qrSvg } from '../../../src/handlers/pages/qr.ts';

const LINK = 'otpauth://totp/Sallyport:reader?issuer=Sallyport&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const svg = qrSvg(LINK, 'QR code for your authenticator app');

/** The dark modules, painted from the path as a browser would. */
function painted(source: string): boolean[][] {
  const size = Number(/viewBox="0 0 (\d+) \1"/.exec(source)?.[1]);
  const rows = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
  const path = /fill="#000" d="([^"]*)"/.exec(source)?.[1] ?? '';
  const runs = [...path.matchAll(/M(\d+) (\d+)h(\d+)v1h-(\d+)z/g)];
  assert.equal(runs.map(([text]) => text).join(''), path, 'the path holds something else besides');
  for (const [, x, y, width, back] of runs) {
    assert.equal(width, back);
    const row = rows[Number(y)];
    assert(row !== undefined && Number(x) + Number(width) <= size);
    row.fill(true, Number(x), Number(x) + Number(width));
  }
  return rows;
}

describe('a QR code as SVG', () => {
  it('paints exactly the modules of the text, four light ones around them', () => {
    const expected = encode(LINK, { ecc: 'M', border: 4 });
    assert.deepEqual(painted(svg), expected.data);
    const rows = painted(svg);
    for (const edge of [0, 1, 2, 3]) {
      assert(rows[edge]?.every((dark) => !dark));
      assert(rows.at(-1 - edge)?.every((dark) => !dark));
      assert(rows.every((row) => row[edge] === false && row.at(-1 - edge) === false));
    }
    // The corner of a finder pattern, right behind the quiet zone.
    assert.deepEqual(rows[4]?.slice(4, 12), [true, true, true, true, true, true, true, false]);
  });

  it('is dark on white whatever the page is, at a whole number of pixels a module', () => {
    const [, view, width] = /viewBox="0 0 (\d+) \d+" width="(\d+)"/.exec(svg) ?? [];
    assert.equal(Number(width) % Number(view), 0);
    assert.match(svg, new RegExp(`<path fill="#fff" d="M0 0h${view}v${view}H0z"/>`));
    assert.match(svg, /shape-rendering="crispEdges"/);
  });

  it('needs nothing that a strict policy forbids', () => {
    assert.doesNotMatch(svg, /<script|<style|style=|data:|href|url\(|<image|<foreignObject|\son\w+=/i);
  });

  it('is an image with a name to a screen reader, and the name is not the secret', () => {
    assert.match(svg, /role="img" aria-label="QR code for your authenticator app"/);
    assert.match(svg, /<title>QR code for your authenticator app<\/title>/);
    assert(!svg.includes('GEZDGNBV') && !svg.includes('otpauth'));
  });

  it('a title cannot break out of its place', () => {
    const hostile = qrSvg('x', `"><script>alert(1)</script>&`);
    assert(!hostile.includes('<script'));
    assert.match(hostile, /aria-label="&quot;&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;&amp;"/);
  });

  it('refuses a text that no phone could read off a screen', () => {
    assert.throws(() => qrSvg('x'.repeat(513), 'x'), RangeError);
  });
});
