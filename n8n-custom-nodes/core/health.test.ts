import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { AskClaude } from '../nodes/AskClaude/AskClaude.node';
import type { FakeServer } from '../test/fakes';
import { fakeContext, startServer } from '../test/fakes';
import { chatItem, route, target } from '../test/samples';
import { callerWaits } from './cancel';
import { readRetryAfter } from './health';
import type { Stack } from './stack';

let claude: FakeServer;
let scorer: FakeServer;
let status: number;
let parts: Array<string | null> | undefined;
const message = { content: [{ type: 'text', text: 'Yes.' }], stop_reason: 'end_turn', usage: { input_tokens: 1, output_tokens: 1 } };

beforeEach(async () => {
	[status, parts] = [200, undefined];
	claude = await startServer(() => (status === 0 ? { drop: true } : parts ? { parts } : { status, body: message }));
	scorer = await startServer(() => ({ status: 204, raw: '' }));
});
afterEach(async () => await Promise.all([claude.close(), scorer.close()]));

async function ask(changes: object = {}, stream = false) {
	const credentials = { anthropicUrl: claude.url, anthropicApiKey: 'secret-key', scorerUrl: scorer.url };
	const item = chatItem({ route: { ...route, ...target.sonnet, ...changes }, stream });
	const { context } = fakeContext({ items: [item], parameters: { maxTokens: 10, timeout: 1 }, credentials });
	await new AskClaude().execute.call(context);
}

it.each([
	[529, { status: 529, code: 'model_error' }],
	[429, { status: 429, code: 'model_overloaded' }],
	[400, { status: 400, code: 'model_refused' }],
	[0, { status: null, code: 'model_unavailable' }],
])('tells the scorer of a failure with status %i', async (given, expected) => {
	status = given;
	await ask();
	await vi.waitFor(() => expect(scorer.received).toHaveLength(1));
	expect(scorer.received[0]).toMatchObject({ url: '/v1/health', body: { model: 'claude-sonnet-5-5', ok: false, ...expected } });
	expect(scorer.received[0]?.body.seconds).toBeGreaterThan(0);
});

it('tells of a good answer only where the model failed lately', async () => {
	await ask();
	await ask({ on_trial: ['tinyllama'] });
	await ask({ on_trial: ['claude-sonnet-5-5'] });
	await vi.waitFor(() => expect(scorer.received).toHaveLength(1));
	expect(scorer.received[0]?.body).toMatchObject({ model: 'claude-sonnet-5-5', ok: true });
});

it('tells of an answer that broke off', async () => {
	const start = { type: 'message_start', message: { content: [], usage: { input_tokens: 1, output_tokens: 1 } } };
	parts = [`data: ${JSON.stringify(start)}\n\n`, null];
	await ask({}, true);
	await vi.waitFor(() => expect(scorer.received).toHaveLength(1));
	expect(scorer.received[0]?.body).toMatchObject({ ok: false, status: null, code: 'stream_cut' });
});

it('does not blame a model for a caller who left', async () => {
	const waiting = callerWaits({} as Stack, 'r-1');
	waiting.gone();
	await ask();
	waiting.ended();
	await ask({ on_trial: ['claude-sonnet-5-5'] });
	await vi.waitFor(() => expect(scorer.received).toHaveLength(1));
	expect(scorer.received[0]?.body.ok).toBe(true);
});

it('answers as ever when nobody can be told', async () => {
	await scorer.close();
	status = 500;
	await ask();
	scorer = await startServer(() => ({}));
});

it.each([
	['7', 7],
	['1.5', 1.5],
	['Sun, 01 Nov 2026 00:00:30 GMT', 30],
	['Sun, 01 Nov 2026 00:00:00 GMT', 0],
	['soon', undefined],
	[undefined, undefined],
])('reads Retry-After: %s', (header, expected) => {
	expect(readRetryAfter(header, Date.UTC(2026, 10, 1))).toBe(expected);
});
