/** Where an S3-compatible store is, and who may use it: as the settings say it, and as its driver takes it. */
export interface S3Place {
  /** `https://host`, `http://host:port`, with or without a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /**
   * `''`, or what keys begin with: relative, with segments that are neither empty nor `.` nor `..`, and without a slash
   * at the end.
   */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  /** The bucket in the path rather than in the host's name. */
  readonly forcePathStyle: boolean;
  /** A request that nothing moves in for so long is given up, and so long others are begun in its place. */
  readonly timeoutMs: number;
}
