/** What a server does by itself again and again, and how that is measured. */
import type { Deps } from './deps.ts';
import type { Round } from './leases.ts';

/** The names stand in metrics. */
export type WorkName = 'sweep' | 'log_upkeep' | 'deletion' | 'mail_outbox' | 'webhooks' | 'timestamping';

/** The same work, each round of which says how it ended. Under a lease, only rounds that are done here count. */
export function measured(deps: Pick<Deps, 'metrics' | 'now'>, work: WorkName, round: Round): Round {
  // There from the start: an increase is seen only of a series that was there before.
  deps.metrics.add('sallyport_work_failures_total', 0, { work });
  return async (stop) => {
    try {
      await round(stop);
    } catch (thrown) {
      deps.metrics.add('sallyport_work_failures_total', 1, { work });
      throw thrown;
    }
    deps.metrics.set('sallyport_work_last_success_timestamp_seconds', deps.now() / 1000, { work });
  };
}
