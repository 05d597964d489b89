import { Metrics } from '@aws-lambda-powertools/metrics';
import { environment as names } from '../run/environment-names.ts';
import { type MetricName, metricDimensions, metricNamespace, metricUnits } from '../run/metric-names.ts';

/** CloudWatch resolves a minute; what runs longer is told of each. */
const publishMs = 60_000;

/**
 * Numbers for CloudWatch, which takes them out of the log (embedded metric format, Powertools' Metrics): no call, no
 * right and no endpoint is needed. Published every minute and when the invocation ends.
 */
export class InvocationMetrics {
  readonly #metrics = new Metrics({ namespace: metricNamespace });
  readonly #timer: NodeJS.Timeout;
  #any = false;

  /** @param gather called before each publication, for what has added up since the last one */
  constructor(gather: (metrics: InvocationMetrics) => void, environment: NodeJS.ProcessEnv = process.env) {
    // Without the dimension `service`, which tells nothing apart and every alarm would have to name.
    this.#metrics.clearDefaultDimensions();
    this.#metrics.setDefaultDimensions(dimensionsOf(environment));
    this.publish = () => {
      gather(this);
      if (this.#any) this.#metrics.publishStoredMetrics();
      this.#any = false;
    };
    this.#timer = setInterval(this.publish, publishMs).unref();
  }

  readonly publish: () => void;

  add(name: MetricName, value: number): void {
    if (!Number.isFinite(value)) return;
    this.#metrics.addMetric(name, metricUnits[name], value);
    this.#any = true;
  }

  /** Publishes for the last time. */
  end(): void {
    clearInterval(this.#timer);
    this.publish();
  }
}

function dimensionsOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const entries = [
    [metricDimensions.stack, environment[names.stack]],
    [metricDimensions.source, environment[names.sourceName]],
    [metricDimensions.target, environment[names.targetName]],
  ] as const;
  return Object.fromEntries(
    entries.filter((entry): entry is [(typeof entry)[0], string] => Boolean(entry[1])),
  );
}
