/** `sallyport` as an executable of one file: the operator's command, both doors (`sallyport serve`) among them. */
import { run } from './sallyport/main.ts';

run(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    // Its message may quote anything; its kind does not.
    process.stderr.write(
      `Something unexpected happened (${error instanceof Error ? error.name : typeof error}).\n`,
    );
    process.exitCode = 1;
  },
);
