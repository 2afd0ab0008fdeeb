/** What the build of an executable of one file makes up. */
declare module 'sallyport:worker-sources' {
  /** The code of each thread, by the path of its source. */
  export const WORKER_SOURCES: Readonly<Record<string, string>>;
}
