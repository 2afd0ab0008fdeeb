import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { METRICS, type MetricRow } from '../../src/core/metrics-table.ts';
import { filled, metricsTable } from '../../tools/metrics-docs.ts';

test('the page of metrics says what the table says', () => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  assert.equal(filled(page), page, 'run: node tools/metrics-docs.ts');
});

test('the table of the page names every metric, its labels and its help', () => {
  const rows = metricsTable().split('\n');
  for (const [name, { help, labels = {} }] of Object.entries<MetricRow>(METRICS)) {
    const row = rows.find((line) => line.startsWith(`| \`${name}\` |`));
    assert.ok(row?.includes(help), name);
    for (const label of Object.keys(labels)) assert.ok(row?.includes(`\`${label}\``), `${name} ${label}`);
  }
});

test('a page without its marks is noticed', () => {
  for (const page of ['', 'metrics:begin', '<!-- metrics:end --><!-- metrics:begin -->'])
    assert.equal(filled(page), undefined);
});
