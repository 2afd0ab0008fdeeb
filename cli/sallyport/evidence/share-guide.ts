/** One page of plain text for the person who receives wrapped keys by other means than a server. */

import type { StreamKey } from './keys-file.ts';
import { recipientFingerprint, spokenFingerprint } from './recipients.ts';

/**
 * What to do with an age file of keys, for somebody who has never heard of any of this.
 * @param file the age file's name
 * @param recipient whom it was wrapped for
 * @param server the main door, where the bundle comes from
 */
export function shareGuide(
  file: string,
  recipient: string,
  server: string,
  incidentId: string,
  keys: readonly StreamKey[],
): string {
  const hybrid = recipient.startsWith('age1pq1');
  const streams = keys.map(({ streamId, mediaType }) => `      ${streamId}  ${mediaType}`);
  return `How to open a sealed recording
==============================

With this page came ${file}. It holds the keys of a recording, encrypted
so that only your private key opens it. The recording itself comes separately: a
ZIP file (a "bundle"), from whoever sent you this, or by a viewer link.

    Server    ${server}
    Incident  ${incidentId}
    Streams
${streams.join('\n')}

1. Install age${hybrid ? ', version 1.3 or later' : ''} (https://age-encryption.org)

    Debian, Ubuntu   sudo apt install age
    macOS            brew install age
    Windows          winget install FiloSottile.age
${hybrid ? '\n    Your key is one of the new kind (age1pq1): "age --version" must say 1.3 or more.\n' : ''}
2. Is it for you? The SHA-256 of the public key that it was made for:

    ${spokenFingerprint(recipientFingerprint(recipient)).slice(0, 39)}
    ${spokenFingerprint(recipientFingerprint(recipient)).slice(40)}

    Yours, from the file with your private key (here: private.txt):

    age-keygen -y private.txt | tr -d '\\n' | sha256sum

3. Take out the keys

    age -d -i private.txt ${file} > keys.json

    From now on whoever has keys.json can open the recording. Remove it when you
    are done: with ${file} and your private key you can make it again.

4. Check that the bundle is whole, then open it

    sallyport verify BUNDLE.zip
    sallyport open BUNDLE.zip --keys keys.json

    "verify" says whether something is missing or was changed, and works without
    the keys. "open" writes one file for each stream, which ordinary players play,
    and says whether the end of the recording is proven. "sallyport" is part of
    the project that the server runs: node cli/sallyport.ts in its folder, with
    Node 22.18 or later. The format is documented there, in docs/format.md;
    nothing in it needs the server.

5. Keep in mind

    Nobody who helps you needs your private key (AGE-SECRET-KEY-...). Send it to
    nobody, and paste it nowhere. If it is lost, or somebody else may have it, tell
    whoever sent you this: what they share from then on will be for a new key.
    Keep the bundle as you received it, beside what you open: it is the proof.
`;
}
