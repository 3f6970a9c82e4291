/**
 * Requests whose caller went away. The trigger holds the socket and tells it; the nodes that ask a model
 * give up their call. In queue mode they run in other processes, which learn of it from the scorer.
 */
import type { Stack } from './stack';
import { callService } from './stack';

const TIMEOUT_MS = 1_000;
const POLL_MS = 2_000;
/** A request that was forgotten to be ended is forgotten here after this time. */
const LONGEST_MS = 3_600_000;

const controllers = new Map<string, AbortController>();

export interface Waiting {
	/** The caller went away. */
	gone(): void;
	/** The flow is at its end: nobody will ask any more. */
	ended(): void;
}

/** A caller waits for this request from now on. */
export function callerWaits(stack: Stack, requestId: string): Waiting {
	const controller = new AbortController();
	controllers.set(requestId, controller);
	const ended = () => {
		clearTimeout(timer);
		controllers.delete(requestId);
	};
	const timer = setTimeout(ended, LONGEST_MS).unref();
	const gone = () => {
		controller.abort();
		if (inQueueMode()) tellScorer(stack, requestId);
	};
	return { gone, ended };
}

function inQueueMode(): boolean {
	return process.env.EXECUTIONS_MODE === 'queue';
}

function tellScorer(stack: Stack, requestId: string): void {
	// Without the mark the model writes to its end, and the books are right all the same.
	const body = { request_id: requestId };
	void callService(stack, `${stack.scorerUrl}/v1/cancel`, { body, requestId, timeout: TIMEOUT_MS }).catch(() => undefined);
}

/** Runs `call` with a signal that fires when the caller of the request goes away. */
export async function whileWanted<Value>(
	stack: Stack,
	requestId: string,
	call: (signal: AbortSignal | undefined) => Promise<Value>,
): Promise<Value> {
	const known = controllers.get(requestId);
	if (known || !inQueueMode()) return await call(known?.signal);
	const controller = new AbortController();
	const poll = setInterval(() => void isCancelled(stack, requestId).then((yes) => yes && controller.abort()), POLL_MS);
	try {
		return await call(controller.signal);
	} finally {
		clearInterval(poll);
	}
}

async function isCancelled(stack: Stack, requestId: string): Promise<boolean> {
	const url = `${stack.scorerUrl}/v1/cancelled/${encodeURIComponent(requestId)}`;
	try {
		const { status, body } = await callService(stack, url, { requestId, timeout: TIMEOUT_MS });
		return status === 200 && body.cancelled === true;
	} catch {
		return false;
	}
}
