/** `sallyport`: the operator's command, on the machine that runs the server. */
import { run } from './sallyport/main.ts';

process.exitCode = await run(process.argv.slice(2));
