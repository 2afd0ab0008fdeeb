/**
 * Parameters of the incident rooms. Any segment is taken as an id: whether it has the shape of one is for the core
 * to say, after the gate, with the same answer as for an id that does not exist.
 */
type Raw = Readonly<Record<string, string>>;

/** Of something that is named by its own id alone. */
export const idParams = ({ id = '' }: Raw) => ({ id });
export const incidentParams = ({ id = '' }: Raw) => ({ id });
export const streamParams = ({ id = '', stream_id = '' }: Raw) => ({ id, streamId: stream_id });
export const tokenParams = ({ token_id = '' }: Raw) => ({ tokenId: token_id });
export const incidentTokenParams = ({ id = '', token_id = '' }: Raw) => ({ id, tokenId: token_id });
