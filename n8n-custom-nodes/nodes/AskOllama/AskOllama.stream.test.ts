import type { IDataObject } from 'n8n-workflow';
import { afterEach, expect, it } from 'vitest';

import { callerWaits } from '../../core/cancel';
import type { ChatItem } from '../../core/chat';
import type { Piece } from '../../core/pieces';
import type { Stack } from '../../core/stack';
import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer, UNENDED } from '../../test/fakes';
import { chatItem, route } from '../../test/samples';
import { AskOllama } from './AskOllama.node';

let ollama: FakeServer;
afterEach(async () => await ollama.close());

const line = (message: IDataObject, more: IDataObject = { done: false }) => `${JSON.stringify({ model: 'tinyllama', message: { role: 'assistant', ...message }, ...more })}\n`;
const said = (content: string) => line({ content });
const end = line({ content: '' }, { done: true, done_reason: 'stop', prompt_eval_count: 11, eval_count: 3 });

async function ask(changes: Partial<ChatItem> = {}) {
	const parameters = { maxTokens: 512, systemText: '', temperature: 0, timeout: 1 };
	const items = [chatItem({ route, stream: true, ...changes })];
	const { context, chunks } = fakeContext({ items, parameters, credentials: { ollamaUrl: ollama.url } });
	const [answered, failed] = await new AskOllama().execute.call(context);
	const pieces = (chunks as Array<{ hybrid_ai_pieces: Piece[] }>).flatMap((chunk) => chunk.hybrid_ai_pieces);
	return { answered: answered?.[0]?.json, failed: failed?.[0]?.json, pieces };
}

it('sends the text as it comes, without the thinking, and counts real tokens', async () => {
	ollama = await startServer(() => ({ parts: [line({ content: '', thinking: 'Hm.' }), said('A '), said('language.'), end] }));
	const { answered, pieces } = await ask();
	expect(pieces).toMatchObject([{ type: 'start', model: 'tinyllama' }, { type: 'text', text: 'A ' }, { type: 'text', text: 'language.' }]);
	expect(answered).toMatchObject({
		streamed: true,
		answer: { text: 'A language.', stop_reason: 'stop', usage: { input_tokens: 11, output_tokens: 3 } },
	});
	expect(ollama.received[0]?.body).toMatchObject({ stream: true, model: 'tinyllama' });
});

it('sends tool calls, with an id that a result can name', async () => {
	const tool_calls = [{ function: { name: 'weather', arguments: { city: 'Bonn' } } }, { id: 'mine', function: { name: 'time' } }];
	ollama = await startServer(() => ({ parts: [line({ content: '', tool_calls }), end] }));
	const { answered, pieces } = await ask();
	expect(pieces.slice(1)).toEqual([
		{ type: 'tool', index: 0, id: expect.stringMatching(/^toolu_[0-9a-f]{24}$/) as unknown, name: 'weather' },
		{ type: 'tool_input', index: 0, json: '{"city":"Bonn"}' },
		{ type: 'tool', index: 1, id: 'mine', name: 'time' },
		{ type: 'tool_input', index: 1, json: '{}' },
	]);
	const ids = pieces.flatMap((piece) => (piece.type === 'tool' ? [piece.id] : []));
	expect(answered).toMatchObject({ answer: { content: ids.map((id) => ({ type: 'tool_use', id })) } });
});

it('sends one call where the caller wants no more at a time', async () => {
	const tool_calls = ['weather', 'time'].map((name) => ({ function: { name } }));
	ollama = await startServer(() => ({ parts: [line({ content: '', tool_calls }), end] }));
	const { answered, pieces } = await ask({ tool_choice: { type: 'auto', disable_parallel_tool_use: true } });
	expect(pieces.filter(({ type }) => type === 'tool')).toMatchObject([{ name: 'weather' }]);
	expect(answered).toMatchObject({ answer: { content: [{ name: 'weather' }] } });
});

it.each([
	['is broken off', [said('A '), said('language'), null], 'stream_cut'],
	['ends early', [said('A '), said('language')], 'stream_cut'],
	['has an error', [said('A '), said('language'), '{"error":"out of memory"}\n'], 'model_error'],
	['takes too long', [said('A '), said('language'), UNENDED], 'model_timeout'],
])('when the stream %s, keeps the tokens so far', async (_what, parts, code) => {
	ollama = await startServer(() => ({ parts }));
	expect((await ask()).failed).toMatchObject({
		streamed: true,
		error: { code, spent: { model: 'tinyllama', backend: 'local', usage: { input_tokens: 4, output_tokens: 2 } } },
	});
});

it.each([
	[{ status: 404, body: { error: 'not found' } }, 'model_error'],
	[{ parts: ['{"error":"no memory"}\n'] }, 'model_error'],
	[{ drop: true }, 'model_unavailable'],
])('leaves the way open for another model on %j', async (behaviour, code) => {
	ollama = await startServer(() => behaviour);
	expect((await ask()).failed).toMatchObject({ streamed: false, error: { code } });
});

it('gives the call up when the caller goes away', async () => {
	ollama = await startServer(() => ({ parts: [said('A '), said('language'), UNENDED] }));
	const waiting = callerWaits({} as Stack, 'r-1');
	setTimeout(() => waiting.gone(), 100);
	const { failed } = await ask();
	await ollama.givenUp;
	waiting.ended();
	expect(failed).toMatchObject({ error: { status: 499, code: 'client_gone', spent: { usage: { output_tokens: 2 } } } });
});
