/** Why this Worker cannot serve. `message` says what to do, to the operator. */
export class Misfit extends Error {
  override readonly name = 'Misfit';
}
