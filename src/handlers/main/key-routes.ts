/** The routes that both rooms of public keys have: a key is listed, read, changed, ended and replaced in one way. */
import * as v from 'valibot';
import type { Origin } from '../../core/audit.ts';
import type { Deps } from '../../core/deps.ts';
import { Fault, type FaultKind } from '../../core/faults.ts';
import type { KeyRecords } from '../../core/key-records.ts';
import type { LiveSession } from '../../store/accounts.ts';
import { JSON_FAULTS, readFields, readOptionalFields } from '../kit/body.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute, type Route } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { idParams } from './incident-params.ts';
import { CHANGE_FIELDS, keyFormOf, newKeyState } from './key-view.ts';
import { originOf } from './origin.ts';

/** The limit class of every route of keys. */
export const CLASS = 'account';

/** What {@link KeyRoom.form} refuses of the members that every new key has. */
export const NEW_KEY_FAULTS: readonly FaultKind[] = [
  'invalid_public_key',
  'invalid_public_key_fingerprint',
  'invalid_display_label',
  'invalid_key_state',
];

/** One member by which a request says whose key it is. */
export interface KeyIdentity<Key> {
  readonly name: string;
  readonly schema: v.GenericSchema;
  readonly of: (key: Key) => string;
  /** What is refused where it is another. */
  readonly otherwise: FaultKind;
}

/** What makes one room of keys differ from the other. */
export interface KeyRoom<Key, Field extends string, Form> {
  /** The first half of its routes' ids. */
  readonly name: string;
  readonly root: string;
  /** The member of an answer that holds a key, and the one that holds a page of them. */
  readonly one: string;
  readonly many: string;
  readonly schema: v.GenericSchema;
  readonly view: (key: Key) => object;
  readonly records: KeyRecords<Key>;
  readonly missing: FaultKind;
  readonly final: FaultKind;
  /** A new key in the place of another: the members of its request, what they are read as, what is refused of them. */
  readonly form: v.ObjectEntries;
  readonly fields: readonly Field[];
  readonly formOf: (fields: Readonly<Partial<Record<Field, unknown>>>) => Form;
  readonly formFaults: readonly FaultKind[];
  /** Members of a first key's request that name whose it is. A replacement may repeat them, and nothing else. */
  readonly identity: readonly KeyIdentity<Key>[];
  readonly replace: (deps: Deps, origin: Origin, live: LiveSession, id: string, form: Form) => Promise<Key>;
  /** For documents. */
  readonly summaries: Readonly<Record<'list' | 'read' | 'change' | 'revoke' | 'lost' | 'replace', string>>;
  readonly replacing: { readonly body: string; readonly answer: string };
}

/** Every route of a room but the one that makes the first key. */
export function keyRoutes<Key, Field extends string, Form>(
  room: KeyRoom<Key, Field, Form>,
): readonly Route<'main'>[] {
  const { root, records, missing, final, summaries } = room;
  const Answer = v.strictObject({ [room.one]: room.schema });
  const answer = (status: number, key: Key) => json(status, { [room.one]: room.view(key) });
  const own = { limit: CLASS, gate: account, params: idParams } as const;

  const list = productRoute({
    id: `${room.name}.list`,
    method: 'GET',
    path: root,
    limit: CLASS,
    gate: account,
    params: noParams,
    summary: summaries.list,
    answers: {
      200: {
        description: 'A page of keys.',
        schema: v.strictObject({ [room.many]: v.array(room.schema) }),
        headers: PAGE_HEADERS,
      },
    },
    faults: PAGING_FAULTS,
    async reply({ deps, request, who }) {
      const page = await records.list(deps, who.live, pagingIn(request));
      return json(200, { [room.many]: page.items.map(room.view) }, pageHeaders(request, page));
    },
  });

  const read = productRoute({
    ...own,
    id: `${room.name}.read`,
    method: 'GET',
    path: `${root}/:id`,
    summary: summaries.read,
    answers: { 200: { description: 'The key.', schema: Answer } },
    faults: [missing],
    async reply({ deps, who, params: { id } }) {
      return answer(200, await records.read(deps, who.live, id));
    },
  });

  const change = productRoute({
    ...own,
    id: `${room.name}.change`,
    method: 'PATCH',
    path: `${root}/:id`,
    summary: summaries.change,
    body: {
      description: 'What is absent stays; a label that is null goes.',
      types: [],
      json: v.strictObject({ display_label: v.optional(v.nullable(v.string())), key_state: newKeyState }),
    },
    answers: { 200: { description: 'As it is now.', schema: Answer } },
    faults: [...JSON_FAULTS, 'invalid_display_label', 'invalid_key_state', missing, final],
    async reply({ deps, request, who, params: { id } }) {
      const form = keyFormOf(await readOptionalFields(request, deps, CHANGE_FIELDS));
      return answer(200, await records.change(deps, originOf(who, CLASS), who.live, id, form));
    },
  });

  const ending = (verb: 'revoke' | 'lost', as: 'revoked' | 'lost') =>
    productRoute({
      ...own,
      id: `${room.name}.${verb}`,
      method: 'POST',
      path: `${root}/:id/${verb}`,
      summary: summaries[verb],
      body: { description: 'Nothing.', types: [], json: v.strictObject({}) },
      answers: { 200: { description: 'Ended, now or before.', schema: Answer } },
      faults: [...JSON_FAULTS, missing, final],
      async reply({ deps, request, who, params: { id } }) {
        await readOptionalFields(request, deps, []);
        return answer(200, await records.end(deps, originOf(who, CLASS), who.live, id, as));
      },
    });

  const identity = Object.fromEntries(room.identity.map(({ name, schema }) => [name, v.optional(schema)]));
  const names: readonly string[] = [...room.identity.map(({ name }) => name), ...room.fields];
  const replace = productRoute({
    ...own,
    id: `${room.name}.replace`,
    method: 'POST',
    path: `${root}/:id/replace`,
    summary: summaries.replace,
    body: {
      description: room.replacing.body,
      types: [],
      json: v.strictObject({ ...identity, ...room.form }),
    },
    answers: { 201: { description: room.replacing.answer, schema: Answer } },
    faults: [...room.formFaults, ...room.identity.map(({ otherwise }) => otherwise), missing, final],
    async reply({ deps, request, who, params: { id } }) {
      const fields: Readonly<Partial<Record<string, unknown>>> = await readFields(request, deps, names);
      const named = room.identity.filter(({ name }) => fields[name] !== undefined);
      if (named.length > 0) {
        const old = await records.read(deps, who.live, id);
        for (const { name, of, otherwise } of named) if (fields[name] !== of(old)) throw new Fault(otherwise);
      }
      return answer(201, await room.replace(deps, originOf(who, CLASS), who.live, id, room.formOf(fields)));
    },
  });

  return [list, read, change, ending('revoke', 'revoked'), ending('lost', 'lost'), replace];
}
