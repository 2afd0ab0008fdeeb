import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { documents } from '../../tools/openapi.ts';

describe('the OpenAPI documents', () => {
  for (const [name, generated] of Object.entries(documents())) {
    it(`${name} is what the route table says`, async () => {
      const written = await readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
      assert.ok(written === generated, `${name} is out of date: run node tools/openapi.ts`);
    });

    it(`${name} is a valid OpenAPI 3.1 document`, async () => {
      const validator = new Validator();
      const result = await validator.validate(JSON.parse(generated) as Record<string, unknown>);
      assert.deepEqual(result.errors ?? [], []);
      assert.ok(result.valid);
      assert.equal(validator.version, '3.1');
    });

    it(`${name} gives every operation a name of its own, a summary, a limit class and a gate`, () => {
      const { paths } = JSON.parse(generated) as {
        paths: Record<string, Record<string, Record<string, unknown>>>;
      };
      const operations = Object.values(paths).flatMap((item) => Object.values(item));
      const names = operations.map(({ operationId }) => operationId);
      assert.ok(operations.length > 0);
      assert.equal(new Set(names).size, names.length);
      for (const operation of operations) {
        for (const member of ['summary', 'x-limit-class', 'x-gate']) {
          assert.equal(typeof operation[member], 'string', `${operation.operationId} has no ${member}`);
        }
      }
    });

    it(`${name} answers HEAD wherever it answers GET`, () => {
      const { paths } = JSON.parse(generated) as { paths: Record<string, Record<string, unknown>> };
      for (const [path, item] of Object.entries(paths)) {
        assert.equal('head' in item, 'get' in item, path);
      }
    });
  }
});
