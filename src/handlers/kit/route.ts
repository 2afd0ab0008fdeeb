/** A route is a value: from the tables come routing, limits, logs, documents and the exposure tests alike. */
import type { GenericSchema } from 'valibot';
import type { Deps } from '../../core/deps.ts';
import type { Fault, FaultKind } from '../../core/faults.ts';
import type { LimitClass, Settings } from '../../core/settings.ts';
import type { Visitor } from '../../core/visitor.ts';
import type { Reply } from './reply.ts';

export type Listener = 'main' | 'admin';
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a gate may look at. */
export interface Asked {
  readonly deps: Deps;
  readonly listener: Listener;
  readonly request: Request;
  readonly visitor: Visitor;
}

/**
 * Proves who is asking, or throws. It cannot return nothing: a handler receives what the gate proved as an
 * argument, so that a handler without a gate does not compile.
 */
export interface Gate<Who> {
  /** How it stands in documents and route lists. */
  readonly name: string;
  /** What it throws. */
  readonly faults: readonly FaultKind[];
  prove(asked: Asked): Who | Promise<Who>;
}

/** For routes that ask for nothing: who asks is the visitor. */
export const anyone: Gate<Visitor> = { name: 'anyone', faults: [], prove: ({ visitor }) => visitor };

export interface Call<Who, Params> extends Asked {
  readonly who: Who;
  readonly params: Params;
  readonly requestId: string;
  /** True for HEAD, which is served by the route of GET; the body is dropped afterwards. */
  readonly head: boolean;
  /** What this listener serves. */
  readonly endpoints: readonly Endpoint[];
}

/** A place in the table, for people to read. */
export interface Endpoint {
  readonly method: Method;
  /** `/{id}/raw`, with the prefix. */
  readonly pattern: string;
  readonly prefixed: boolean;
}

/** A header that a route reads or sends. */
export interface HeaderNote {
  readonly description: string;
  readonly required?: boolean;
}

/** One possible success: its status is the key in {@link RouteNote.answers}. */
export interface AnswerNote {
  readonly description: string;
  /** Of a JSON body. */
  readonly schema?: GenericSchema;
  /** Media types of a body that is not JSON. */
  readonly types?: readonly string[];
  readonly headers?: Readonly<Record<string, HeaderNote>>;
}

/** What documents say about a route. Answers of the suite are held against it. */
export interface RouteNote {
  readonly summary: string;
  readonly headers?: Readonly<Record<string, HeaderNote>>;
  readonly body?: {
    readonly description: string;
    readonly types: readonly string[];
    readonly json?: GenericSchema;
  };
  readonly answers: Readonly<Record<number, AnswerNote>>;
  /** Refusals of this route besides those that every route has. */
  readonly faults: readonly FaultKind[];
  /** Media types of refusals, where they are not JSON alone. */
  readonly refusedAs?: readonly string[];
}

/** A route as the tables hold it: what kind of caller and parameters it has is its own business by now. */
export interface Route<L extends Listener = Listener> extends RouteNote {
  readonly listener: L;
  /** `room.verb`, unique in its table. */
  readonly id: string;
  readonly method: Method;
  /** Static segments and `:name` parameters. The table's mount puts a prefix before it. */
  readonly path: string;
  /** Whether the path moves with `SAFE_URL_PREFIX`. */
  readonly prefixed: boolean;
  /** Whether pages of the operator's allowed origins may call it. */
  readonly cors: boolean;
  readonly limit: LimitClass;
  /** The gate's name. */
  readonly gate: string;
  /** Checks the decoded parameters; undefined when they are not of the route's shape, which is a 404. */
  accepts(params: Readonly<Record<string, string>>): unknown;
  answer(call: Omit<Call<never, unknown>, 'who'>): Promise<Reply>;
  /** How this route refuses, where that is not the JSON of all others: a page, for a person. */
  readonly refuse?: Refuse;
  /** What a path of this pattern is told whose parameters are of no possible shape; `not_found` unless given. */
  readonly missing?: FaultKind;
  /** What OPTIONS says here to anybody, where a protocol asks for that: nothing but settings goes into it. */
  readonly options?: Announce;
}

export type Announce = (settings: Settings) => Readonly<Record<string, string>>;

export type Refuse = (fault: Fault, requestId: string, request: Request) => Reply;

export interface RouteSpec<Who, Params> extends RouteNote {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly prefixed?: boolean;
  readonly cors?: boolean;
  readonly limit: LimitClass;
  readonly gate: Gate<Who>;
  /** Undefined when the parameters are not of the route's shape. */
  readonly params: (params: Readonly<Record<string, string>>) => Params | undefined;
  readonly reply: (call: Call<Who, Params>) => Promise<Reply>;
  readonly refuse?: Refuse;
  readonly missing?: FaultKind;
  readonly options?: Announce;
}

/** For routes without parameters. */
export const noParams = (): Readonly<Record<string, never>> => ({});

function route<L extends Listener, Who, Params>(listener: L, spec: RouteSpec<Who, Params>): Route<L> {
  const { gate, params, reply, ...rest } = spec;
  return {
    ...rest,
    listener,
    prefixed: spec.prefixed ?? false,
    cors: spec.cors ?? false,
    gate: gate.name,
    faults: [...gate.faults, ...spec.faults],
    accepts: params,
    async answer(call) {
      const who = await gate.prove(call);
      // `accepts` made these parameters for this route a moment ago.
      return reply({ ...call, who, params: call.params as Params });
    },
  };
}

/** A route behind the public door. */
export function mainRoute<Who, Params>(spec: RouteSpec<Who, Params>): Route<'main'> {
  return route('main', spec);
}

/** A route of the product behind the public door: the operator's allowed origins may call it from a browser. */
export function productRoute<Who, Params>(spec: RouteSpec<Who, Params>): Route<'main'> {
  return route('main', { ...spec, cors: true });
}

/** A route behind the private door. */
export function adminRoute<Who, Params>(spec: RouteSpec<Who, Params>): Route<'admin'> {
  return route('admin', spec);
}
