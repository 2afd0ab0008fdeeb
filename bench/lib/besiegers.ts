/**
 * Besiegers in a process of their own, so that whoever measures does not wait for them: says a line once all of them
 * are connected, and ends with its standard input.
 *
 *     node bench/lib/besiegers.ts SIEGE '{"url":…,"count":…,"fromEach":…}'
 */
import { besiege, type Siege, type SiegePlan } from '../../test/support/siege.ts';

const [siege, plan] = process.argv.slice(2);
const besiegers = await besiege(siege as Siege, JSON.parse(plan ?? '') as SiegePlan);
console.log(besiegers.here);
process.stdin.resume().once('end', () => process.exit());
