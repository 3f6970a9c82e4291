import type { IDataObject } from 'n8n-workflow';
import { afterEach, expect, it } from 'vitest';

import { callerWaits } from '../../core/cancel';
import type { ChatItem } from '../../core/chat';
import type { Piece } from '../../core/pieces';
import type { Stack } from '../../core/stack';
import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer, UNENDED } from '../../test/fakes';
import { chatItem, route, target } from '../../test/samples';
import { AskClaude } from './AskClaude.node';

let anthropic: FakeServer;
afterEach(async () => await anthropic.close());

const sse = (...events: IDataObject[]) => events.map((event) => `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`).join('');
const began = { input_tokens: 12, output_tokens: 1, cache_read_input_tokens: 5, cache_creation_input_tokens: 0 };
const start = { type: 'message_start', message: { id: 'msg_1', role: 'assistant', content: [], stop_reason: null, usage: began } };
const block = (index: number, content_block: IDataObject) => ({ type: 'content_block_start', index, content_block });
const delta = (index: number, change: IDataObject) => ({ type: 'content_block_delta', index, delta: change });
const text = (words: string, index = 0) => delta(index, { type: 'text_delta', text: words });
const stop = (index = 0) => ({ type: 'content_block_stop', index });
const end = (stop_reason: string | null = 'end_turn', output_tokens = 34) => ({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens } });
const opened = [start, block(0, { type: 'text', text: '' }), { type: 'ping' }];
const whole = [...opened, text('A '), text('language.'), stop(), end(), { type: 'message_stop' }];

async function ask(changes: Partial<ChatItem> = {}, given: { streaming?: boolean; timeout?: number } = {}) {
	const item = chatItem({ route: { ...route, ...target.sonnet }, stream: true, ...changes });
	const credentials = { anthropicUrl: anthropic.url, anthropicApiKey: 'secret-key' };
	const parameters = { maxTokens: 4096, timeout: given.timeout ?? 2 };
	const { context, chunks } = fakeContext({ items: [item], parameters, credentials, ...given });
	const [answered, failed] = await new AskClaude().execute.call(context);
	const pieces = () => (chunks as Array<{ hybrid_ai_pieces: Piece[] }>).flatMap((chunk) => chunk.hybrid_ai_pieces);
	return { answered: answered?.[0]?.json, failed: failed?.[0]?.json, pieces: pieces() };
}

it('sends the text as it comes, and keeps the exact usage', async () => {
	anthropic = await startServer(() => ({ parts: whole.map((event) => sse(event)) }));
	const { answered, pieces } = await ask();
	expect(pieces).toEqual([
		{ type: 'start', model: 'claude-sonnet-5-5', usage: expect.objectContaining({ input_tokens: 12, cache_read_tokens: 5 }) as unknown },
		{ type: 'text', text: 'A ' },
		{ type: 'text', text: 'language.' },
	]);
	expect(answered).toMatchObject({
		streamed: true,
		answer: { text: 'A language.', stop_reason: 'end_turn', usage: { input_tokens: 12, output_tokens: 34, cache_read_tokens: 5 } },
	});
	expect(anthropic.received[0]?.body.stream).toBe(true);
});

it('counts by the last message_delta, which may know more of the input side too', async () => {
	const last = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { input_tokens: 20, cache_read_input_tokens: null, output_tokens: 40 } };
	anthropic = await startServer(() => ({ parts: [sse(...opened, text('Hi'), end(null, 10), last, { type: 'message_stop' })] }));
	expect((await ask()).answered).toMatchObject({ answer: { usage: { input_tokens: 20, output_tokens: 40, cache_read_tokens: 5 } } });
});

it.each([
	['a request that wants it whole', { stream: false }, {}],
	['a flow that nobody waits for', {}, { streaming: false }],
])('does not stream for %s', async (_what, changes, given) => {
	anthropic = await startServer(() => ({ body: { content: [{ type: 'text', text: 'Whole.' }], stop_reason: 'end_turn', usage: began } }));
	const { answered, pieces } = await ask(changes, given);
	expect([pieces, (answered?.answer as IDataObject).text, anthropic.received[0]?.body.stream]).toEqual([[], 'Whole.', undefined]);
});

it('sends a tool call as it is written, and no thinking', async () => {
	const events = [
		start,
		block(0, { type: 'thinking', thinking: '', signature: '' }),
		delta(0, { type: 'thinking_delta', thinking: 'Hm.' }),
		delta(0, { type: 'signature_delta', signature: 'abc' }),
		stop(0),
		block(1, { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} }),
		delta(1, { type: 'input_json_delta', partial_json: '' }),
		delta(1, { type: 'input_json_delta', partial_json: '{"city":' }),
		delta(1, { type: 'input_json_delta', partial_json: '"Bonn"}' }),
		stop(1),
		end('tool_use'),
		{ type: 'message_stop' },
	];
	anthropic = await startServer(() => ({ parts: [sse(...events)] }));
	const { answered, pieces } = await ask();
	expect(pieces.slice(1)).toEqual([
		{ type: 'tool', index: 0, id: 'toolu_1', name: 'weather' },
		{ type: 'tool_input', index: 0, json: '{"city":' },
		{ type: 'tool_input', index: 0, json: '"Bonn"}' },
	]);
	expect(answered).toMatchObject({ answer: { stop_reason: 'tool_use' } });
});

it('hands Anthropic’s own events on to a caller of that dialect, thinking too', async () => {
	const thinking = [block(0, { type: 'thinking', thinking: '' }), delta(0, { type: 'thinking_delta', thinking: 'Hm.' }), stop(0)];
	const events = [start, ...thinking, block(1, { type: 'text', text: '' }), text('Hi', 1), stop(1), end(), { type: 'message_stop' }];
	anthropic = await startServer(() => ({ parts: [sse(...events)] }));
	const { pieces } = await ask({ dialect: 'anthropic' as ChatItem['dialect'] });
	expect(pieces.slice(1).map((piece) => (piece as { event: IDataObject }).event)).toEqual(events.slice(1, 7));
});

const written = 'A balanced tree rotates.';
const spentOf = (failed: IDataObject | undefined) => (failed?.error as { spent?: unknown }).spent;

it.each([
	['is broken off', [sse(...opened, text(written)), null], 'stream_cut'],
	['ends early', [sse(...opened, text(written))], 'stream_cut'],
	['stops without a reason', [sse(...opened, text(written), stop(), { type: 'message_stop' })], 'stream_cut'],
	['is not JSON', [sse(...opened, text(written)), 'data: <html>\n\n'], 'stream_cut'],
	['has an error', [sse(...opened, text(written), { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })], 'model_overloaded'],
	['takes too long', [sse(...opened, text(written)), UNENDED], 'model_timeout'],
])('when the stream %s, books what was used and can fall back no more', async (_what, parts, code) => {
	anthropic = await startServer(() => ({ parts }));
	const { failed } = await ask({}, { timeout: 0.3 });
	expect(failed).toMatchObject({ streamed: true, error: { code }, tries: [{ model: 'claude-sonnet-5-5', code }] });
	// 24 bytes are about 6 tokens: the API said nothing of its own about them.
	expect(spentOf(failed)).toMatchObject({ model: 'claude-sonnet-5-5', backend: 'cloud', usage: { input_tokens: 12, output_tokens: 6, cache_read_tokens: 5 } });
});

it('trusts the API’s count when the stream breaks off after it', async () => {
	anthropic = await startServer(() => ({ parts: [sse(...opened, text(written), stop(), end()), null] }));
	expect(spentOf((await ask()).failed)).toMatchObject({ usage: { output_tokens: 34 } });
});

it('leaves the way open for another model when it fails before its first piece, and keeps what it used', async () => {
	anthropic = await startServer(() => ({ parts: [sse(start, { type: 'error', error: { type: 'api_error', message: 'no' } })] }));
	const { failed, pieces } = await ask();
	expect([failed?.streamed, pieces]).toEqual([false, []]);
	expect(failed?.tries).toMatchObject([{ code: 'model_error', spent: { usage: { input_tokens: 12, output_tokens: 1 } } }]);
});

it.each([
	[{ status: 529, body: { error: { message: 'busy' } } }, 'model_error'],
	[{ drop: true }, 'model_unavailable'],
	[{ parts: [] }, 'stream_cut'],
])('tells %j as without streaming, and has used nothing', async (behaviour, code) => {
	anthropic = await startServer(() => behaviour);
	const { failed } = await ask();
	expect(failed).toMatchObject({ streamed: false, error: { code } });
	expect(spentOf(failed)).toBeUndefined();
});

const stack = { scorerUrl: '' } as Stack;

it('gives the call up when the caller goes away, and keeps what was used', async () => {
	anthropic = await startServer(() => ({ parts: [sse(...opened, text(written)), UNENDED] }));
	const waiting = callerWaits(stack, 'r-1');
	const call = ask({}, { timeout: 20 });
	setTimeout(() => waiting.gone(), 100);
	const { failed } = await call;
	await anthropic.givenUp;
	waiting.ended();
	expect(failed).toMatchObject({ error: { status: 499, code: 'client_gone' } });
	expect(spentOf(failed)).toMatchObject({ usage: { input_tokens: 12, output_tokens: 6 } });
});

it('gives a call for a whole answer up too: the prompt is paid for', async () => {
	anthropic = await startServer(() => ({ delay: 60_000 }));
	const waiting = callerWaits(stack, 'r-1');
	const call = ask({ stream: false, error: { status: 402, code: 'budget_exceeded', message: 'x' } }, { timeout: 20 });
	setTimeout(() => waiting.gone(), 50);
	const { failed } = await call;
	await anthropic.givenUp;
	waiting.ended();
	expect(failed).toMatchObject({ error: { status: 499, code: 'client_gone', spent: { usage: { input_tokens: 4, output_tokens: 0 } } } });
});

it('asks nothing for a caller that is gone already', async () => {
	anthropic = await startServer(() => ({}));
	const waiting = callerWaits(stack, 'r-1');
	waiting.gone();
	const { failed } = await ask();
	waiting.ended();
	expect([(failed?.error as IDataObject).code, spentOf(failed), anthropic.received]).toEqual(['client_gone', undefined, []]);
});

it.each([
	[{ streamed: true, error: { status: 502, code: 'stream_cut', message: 'x' } }],
	[{ error: { status: 499, code: 'client_gone', message: 'x' } }],
])('passes on by Failed, unasked: %j', async (changes) => {
	anthropic = await startServer(() => ({}));
	const { failed } = await ask(changes);
	expect([failed?.error, failed?.tries, anthropic.received]).toEqual([changes.error, undefined, []]);
});
