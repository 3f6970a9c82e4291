import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { FakeServer } from '../test/fakes';
import { startServer } from '../test/fakes';
import { callerWaits, whileWanted } from './cancel';
import type { Stack } from './stack';

let scorer: FakeServer;
let stack: Stack;
let cancelled: boolean;
beforeEach(async () => {
	cancelled = false;
	scorer = await startServer(() => ({ body: { cancelled } }));
	stack = { scorerUrl: scorer.url, serviceToken: 't' } as Stack;
});
afterEach(async () => {
	vi.unstubAllEnvs();
	vi.useRealTimers();
	await scorer.close();
});

/** A model that writes until nobody wants it. */
async function untilAborted(signal: AbortSignal | undefined): Promise<string> {
	if (!signal) return 'no signal';
	await new Promise((resolve) => signal.addEventListener('abort', resolve));
	return 'given up';
}

it('tells the call of a request that its caller is gone, and asks no scorer', async () => {
	const waiting = callerWaits(stack, 'r-1');
	const call = whileWanted(stack, 'r-1', untilAborted);
	waiting.gone();
	expect(await call).toBe('given up');
	expect(scorer.received).toEqual([]);
	waiting.ended();
});

it('tells a later call of the same request too', async () => {
	const waiting = callerWaits(stack, 'r-2');
	waiting.gone();
	expect(await whileWanted(stack, 'r-2', async (signal) => signal?.aborted)).toBe(true);
	waiting.ended();
	expect(await whileWanted(stack, 'r-2', untilAborted)).toBe('no signal');
});

it('leaves other requests alone', async () => {
	const [waiting, other] = [callerWaits(stack, 'r-3'), callerWaits(stack, 'r-4')];
	waiting.gone();
	expect(await whileWanted(stack, 'r-4', async (signal) => signal?.aborted)).toBe(false);
	waiting.ended();
	other.ended();
});

it('marks the request with the scorer in queue mode', async () => {
	vi.stubEnv('EXECUTIONS_MODE', 'queue');
	const waiting = callerWaits(stack, 'r-5');
	waiting.gone();
	await vi.waitFor(() => expect(scorer.received).toMatchObject([{ url: '/v1/cancel', body: { request_id: 'r-5' } }]));
	waiting.ended();
});

it('asks the scorer in queue mode while the model writes, and stops asking', async () => {
	vi.stubEnv('EXECUTIONS_MODE', 'queue');
	vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
	const call = whileWanted(stack, 'r/6', untilAborted);
	await vi.advanceTimersByTimeAsync(2_000);
	await vi.waitFor(() => expect(scorer.received.map(({ url }) => url)).toEqual(['/v1/cancelled/r%2F6']));
	cancelled = true;
	await vi.advanceTimersByTimeAsync(2_000);
	expect(await call).toBe('given up');
	await vi.advanceTimersByTimeAsync(10_000);
	expect(scorer.received).toHaveLength(2);
});

it('lets the model write on when the scorer does not answer', async () => {
	vi.stubEnv('EXECUTIONS_MODE', 'queue');
	await scorer.close();
	vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
	const call = whileWanted(stack, 'r-7', async (signal) => {
		await vi.advanceTimersByTimeAsync(2_000);
		return signal?.aborted;
	});
	expect(await call).toBe(false);
});
