/** Answers to what never became a request: bytes that are no HTTP, a head that is too large or too slow. */
import type { Duplex } from 'node:stream';
import { OTHER_METHOD, UNKNOWN_ROUTE } from '../src/core/metrics.ts';
import { PRIVATE } from '../src/handlers/kit/headers.ts';
import type { ListenerPlan } from './listener.ts';

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly code: string;
  readonly message: string;
}

const malformed: Refusal = {
  status: 400,
  reason: 'Bad Request',
  code: 'bad_request',
  message: 'the request is not valid HTTP',
};

export const refusals = {
  malformed,
  badHost: { ...malformed, message: 'the Host header is not valid' },
  tooLarge: {
    status: 431,
    reason: 'Request Header Fields Too Large',
    code: 'header_too_large',
    message: 'the request header is too large',
  },
  tooSlow: {
    status: 408,
    reason: 'Request Timeout',
    code: 'request_timeout',
    message: 'the request header took too long to arrive',
  },
  expectation: {
    status: 417,
    reason: 'Expectation Failed',
    code: 'expectation_failed',
    message: 'the only expectation that is known here is 100-continue',
  },
  unknownCoding: {
    status: 501,
    reason: 'Not Implemented',
    code: 'not_implemented',
    message: 'the only transfer coding that is known here is chunked',
  },
  tunnel: { ...malformed, message: 'this is no proxy, so there is no tunnel to be had' },
  broken: {
    status: 500,
    reason: 'Internal Server Error',
    code: 'internal_error',
    message: 'internal server error',
  },
} as const satisfies Record<string, Refusal>;

/** The refusal that fits a parser's error code. */
export function refusalFor(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') return refusals.tooLarge;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return refusals.tooSlow;
  return malformed;
}

type RefusingPlan = Pick<ListenerPlan, 'door' | 'log' | 'requestId' | 'refused'>;

/** The header and body of a refusal, with the same header set as every other answer, and its log line written. */
export function describeRefusal(plan: RefusingPlan, refusal: Refusal) {
  const requestId = plan.requestId();
  const { code, message, status } = refusal;
  const body = JSON.stringify({ error: { code, message, request_id: requestId } });
  const headers = {
    ...PRIVATE,
    'content-type': 'application/json',
    'content-length': String(body.length),
    'x-request-id': requestId,
    connection: 'close',
  };
  plan.refused?.(status);
  plan.log.write(status === 500 ? 'error' : 'info', 'request', {
    request_id: requestId,
    listener: plan.door,
    // What the client sent as its method and its path was not understood, or cannot be trusted to be either.
    method: OTHER_METHOD,
    route: UNKNOWN_ROUTE,
    status,
    bytes: body.length,
    duration_ms: 0,
  });
  return { status, headers, body };
}

/** Writes a refusal straight to a socket that has no response object, and ends it. */
export function refuseSocket(plan: RefusingPlan, socket: Duplex, refusal: Refusal): void {
  const { headers, body } = describeRefusal(plan, refusal);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${refusal.status} ${refusal.reason}\r\n${lines.join('')}\r\n${body}`, 'latin1');
  // A moment in which the client can read the answer; what it still sends is not kept.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), 1_000);
  socket.once('close', () => clearTimeout(timer));
}
