/** How bytes lie in the table `segments`. */

/** Every segment of a blob but the last has so many bytes: what a libSQL server takes and gives in one statement. */
export const SEGMENT_BYTES = 1024 * 1024;
