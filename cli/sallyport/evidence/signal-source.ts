/**
 * Recordings made of nothing, for rehearsals and tests: a tone (WAV), a moving pattern (Y4M), positions and notes
 * (JSON lines). The byte at an offset is always the same, so a rehearsal can go on where it broke off.
 */

import type { MediaType } from '../../../src/crypto/sealed.ts';

/** A signal: its bytes from any offset on, and how many of them a second has. */
export interface Signal {
  readonly bytesPerSecond: number;
  /** The bytes `from` to `to` (not included). */
  slice(from: number, to: number): Uint8Array;
}

const RATE = 8000;
const FRAMES = 10;
const [WIDTH, HEIGHT] = [64, 48];

/** The signal of a kind of media. */
export function signalOf(media: MediaType): Signal {
  if (media === 'audio') return tone();
  if (media === 'video') return pattern();
  return lines(media === 'location' ? position : note);
}

/** 440 Hz, 16 bits, one channel. The lengths in the header say "until the end". */
function tone(): Signal {
  const header = new Uint8Array(44);
  const view = new DataView(header.buffer);
  const encoder = new TextEncoder();
  encoder.encodeInto('RIFF', header);
  encoder.encodeInto('WAVEfmt ', header.subarray(8));
  encoder.encodeInto('data', header.subarray(36));
  view.setUint32(4, 0xffffffff, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  view.setUint32(40, 0xffffffff, true);
  return headed(header, RATE * 2, (at) => {
    const sample = Math.round(Math.sin((2 * Math.PI * 440 * Math.floor(at / 2)) / RATE) * 12_000);
    return (at % 2 === 0 ? sample : sample >> 8) & 0xff;
  });
}

/** A grey gradient that moves, ten frames a second. */
function pattern(): Signal {
  const header = new TextEncoder().encode(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES}:1 Ip A1:1 Cmono\n`);
  const head = new TextEncoder().encode('FRAME\n');
  const frame = head.length + WIDTH * HEIGHT;
  return headed(header, frame * FRAMES, (at) => {
    const inside = at % frame;
    if (inside < head.length) return head[inside] ?? 0;
    const pixel = inside - head.length;
    return ((pixel % WIDTH) * 3 + Math.floor(pixel / WIDTH) * 2 + Math.floor(at / frame) * 5) & 0xff;
  });
}

function headed(header: Uint8Array, bytesPerSecond: number, byteAt: (at: number) => number): Signal {
  return {
    bytesPerSecond,
    slice(from, to) {
      const bytes = new Uint8Array(to - from);
      for (let at = from; at < to; at += 1)
        bytes[at - from] = at < header.length ? (header[at] ?? 0) : byteAt(at - header.length);
      return bytes;
    },
  };
}

const LINE = 100;

/** One line a second, each of exactly {@link LINE} bytes. */
function lines(line: (number: number) => object): Signal {
  return {
    bytesPerSecond: LINE,
    slice(from, to) {
      let text = '';
      const first = Math.floor(from / LINE);
      for (let number = first; number * LINE < to; number += 1)
        text += `${JSON.stringify(line(number)).padEnd(LINE - 1)}\n`;
      return new TextEncoder().encode(text.slice(from - first * LINE, to - first * LINE));
    },
  };
}

function position(number: number): object {
  const angle = (number / 60) * 2 * Math.PI;
  const round = (degrees: number): number => Number(degrees.toFixed(6));
  return {
    second: number,
    latitude: round(Math.sin(angle) / 1000),
    longitude: round(Math.cos(angle) / 1000),
    accuracy_meters: 5,
  };
}

function note(number: number): object {
  return { second: number, note: 'A rehearsal.' };
}
