/** What benches print and publish: a row each, with what was wanted beside what it came to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page, table } from '../../bench/lib/page.ts';
import { plot, plotBounds, plotPeers } from '../../bench/lib/plot.ts';
import { type Figure, keep, type Result } from '../../bench/lib/results.ts';

const measured = { ours: 900, theirs: 1000, median: 1.24, p99: 9.96, rounds: [0.9] };
const below: Result = { name: 'a < b', against: 'bare', ratio: 0.1, goal: 0.5, ...measured };
const goal: Result = { name: 'goal', against: 'bare', ratio: 0.6, goal: 0.5, aim: 0.7, ...measured };
const aim: Result = { name: 'aim', against: 'bare', ratio: 0.9, goal: 0.5, aim: 0.7, ...measured };
const peer: Result = { name: 'peer', against: 'PrivateBin', ratio: 3, ...measured };
const driver: Result = { name: 'driver', against: 'bare', ratio: 0.4, prototype: true, ...measured };
const above: Figure = { name: 'p99', against: 'their median', value: 30.42, unit: '', atMost: 25 };
const within: Figure = { name: 'start', against: '', value: 412.6, unit: 'ms', atMost: 500 };
const none: Figure = { name: 'errors', against: '', value: 0, unit: '', atMost: 0 };
const all = [below, goal, aim, peer, driver, above, within, none];

test('a table tells what reached its goal, and judges nothing that has none', () => {
  const rows = table(all).split('\n').slice(2);
  assert.deepEqual(rows, [
    '| a < b | bare | 0.10 | ≥ 0.5 |  | below | 900 | 1000 | 1.2 | 10.0 |',
    '| goal | bare | 0.60 | ≥ 0.5 | 0.7 | goal | 900 | 1000 | 1.2 | 10.0 |',
    '| aim | bare | 0.90 | ≥ 0.5 | 0.7 | reached | 900 | 1000 | 1.2 | 10.0 |',
    '| peer | PrivateBin | 3.00 |  |  |  | 900 | 1000 | 1.2 | 10.0 |',
    '| driver | bare | 0.40 |  |  |  | 900 | 1000 | 1.2 | 10.0 |',
    '| p99 | their median | 30.4 | ≤ 25 |  | above |  |  |  |  |',
    '| start |  | 413 ms | ≤ 500 |  | reached |  |  |  |  |',
    '| errors |  | 0 | ≤ 0 |  | reached |  |  |  |  |',
  ]);
});

test('ratios, bounded figures and peers have a picture each', () => {
  const bars = (svg: string) => [...svg.matchAll(/text-anchor="end">([^<]*)</g)].map(([, name]) => name);
  assert.deepEqual(bars(plot(all)), ['a &lt; b', 'goal', 'aim']);
  assert.deepEqual(bars(plotBounds(all)), ['p99', 'start', 'errors']);
  assert.deepEqual(bars(plotPeers(all)), ['peer, PrivateBin']);
  const some = plotBounds([none, { ...none, name: 'another', value: 3 }]);
  assert.doesNotMatch(some, /NaN|Infinity/);
});

test('the page speaks of peers only where some were asked', () => {
  const report = { date: '2026-11-22', machine: 'a machine' };
  assert.match(page({ ...report, results: all }), /performance-peers\.svg/);
  assert.doesNotMatch(page({ ...report, results: [below, driver, within] }), /peers/);
  assert.match(page({ ...report, results: all, minutes: 44 }), /took 44 minutes/);
});

test('what came to no number is not published', async () => {
  await assert.rejects(keep({ ...above, value: Number.NaN }), /p99: too little was measured/);
  await assert.rejects(keep({ ...goal, ratio: Number.POSITIVE_INFINITY }), /goal: too little was measured/);
});
