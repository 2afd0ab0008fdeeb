/** The one style sheet of the private door. Pages there are plain HTML: no script, and no style but this file. */
import { sha256Hex } from '../../crypto/hash.ts';
import { FRAME } from './css-frame.ts';
import { NARROW } from './css-narrow.ts';
import { PARTS } from './css-parts.ts';

/** Token-neutral: it says nothing of a deployment, so that it may be served to anybody who gets this far. */
export const ADMIN_CSS = FRAME + PARTS + NARROW;

/** Where it lies. The address changes with the text, so that an old copy is never used. */
export const ADMIN_CSS_PATH = `/admin/static/styles.css?v=${sha256Hex(ADMIN_CSS).slice(0, 12)}`;
