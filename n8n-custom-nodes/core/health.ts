/** Telling the scorer how models do, so that it leaves out those that fail. */
import type { Stack } from './stack';
import { callService } from './stack';

export interface CallReport {
	model: string;
	ok: boolean;
	/** What the model's server answered with; null when it gave no status. */
	status: number | null;
	code: string | null;
	seconds: number;
	/** Seconds, as the server asks for. */
	retry_after?: number;
}

const TIMEOUT_MS = 1_000;

/** Sends a report and waits for nothing: it is advice, and a lost one costs another try. */
export function tellHealth(stack: Stack, report: CallReport): void {
	void callService(stack, `${stack.scorerUrl}/v1/health`, { body: report, timeout: TIMEOUT_MS }).catch(() => undefined);
}

/** Seconds of a `Retry-After` header, which holds a number or a date; undefined when it holds neither. */
export function readRetryAfter(header: string | undefined, now = Date.now()): number | undefined {
	if (header === undefined) return undefined;
	const seconds = /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now) / 1000;
	return Number.isFinite(seconds) ? Math.max(seconds, 0) : undefined;
}
