/** What a bundler for workerd makes of imports that Node does not know. */

declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

declare module 'cloudflare:workers' {
  /** Keeps what began in the present request alive after its answer, for at most 30 seconds. */
  export function waitUntil(promise: Promise<unknown>): void;
}
