import type { IDataObject } from 'n8n-workflow';
import { describe, expect, it } from 'vitest';

import { answer, chatItem, route } from '../../../test/samples';
import type { Dialect } from '../../chat';
import { NO_USAGE } from '../../chat';
import type { Piece } from '../../pieces';
import { dialects } from '..';
import { newEncoder } from '.';

/** The events of a stream, as a client reads them: the name where there is one, and the data. */
function events(stream: string): Array<[string | null, unknown]> {
	return stream
		.split('\n\n')
		.filter((one) => one !== '')
		.map((one) => {
			const name = /^event: (.*)$/m.exec(one)?.[1] ?? null;
			const data = /^data: (.*)$/m.exec(one)?.[1] ?? 'null';
			return [name, data === '[DONE]' ? data : JSON.parse(data)];
		});
}

const data = (stream: string) => events(stream).map(([, one]) => one as IDataObject);
const encoder = (dialect: string, include_usage = false) => newEncoder({ ...chatItem({ include_usage }), dialect: dialect as Dialect });
const start: Piece = { type: 'start', model: 'claude-sonnet-5-5', usage: { ...NO_USAGE, input_tokens: 12, cache_read_tokens: 5 } };
const text = (words: string): Piece => ({ type: 'text', text: words });
const call: Piece[] = [
	{ type: 'tool', index: 0, id: 'toolu_1', name: 'weather' },
	{ type: 'tool_input', index: 0, json: '{"city":' },
	{ type: 'tool_input', index: 0, json: '"Bonn"}' },
];
const item = chatItem({ answer, route, cost: '0.1' });

describe('the native stream', () => {
	it('has a token for each piece, and the whole document at the end', () => {
		const stream = encoder('native');
		const document = dialects.native.answer(item);
		const written = [start, text('A\n'), text('“language”.')].map((piece) => stream.piece(piece)).join('') + stream.close(document);
		expect(events(written)).toEqual([['token', { text: 'A\n' }], ['token', { text: '“language”.' }], ['done', document]]);
	});

	it('writes an answer that came whole as a short stream', () => {
		const document = dialects.native.answer(item);
		expect(events(encoder('native').whole(document))).toEqual([['token', { text: 'A language.' }], ['done', document]]);
		expect(events(encoder('native').whole({ response: '' }))).toEqual([['done', { response: '' }]]);
	});

	it('ends a failed answer with an error', () => {
		const document = dialects.native.failure({ status: 502, code: 'stream_cut', message: 'x' });
		expect(events(encoder('native').failure(document))).toEqual([['error', document]]);
	});

	it('keeps the connection open with a comment, and shows tool calls', () => {
		expect(encoder('native').keepAlive()).toMatch(/^:.*\n\n$/);
		expect(events(call.map((piece) => encoder('native').piece(piece)).join(''))[0]).toEqual(['tool', { index: 0, id: 'toolu_1', name: 'weather' }]);
	});
});

describe('the OpenAI stream', () => {
	const document = dialects.openai.answer({ ...item, dialect: 'openai' });

	it('has the role first, then the text, the reason and [DONE]', () => {
		const stream = encoder('openai');
		const chunks = data([start, text('A '), text('"language".')].map((piece) => stream.piece(piece)).join('') + stream.close(document));
		expect(chunks[0]).toEqual({
			id: 'chatcmpl-r-1',
			object: 'chat.completion.chunk',
			created: Date.UTC(2026, 10, 1) / 1000,
			model: 'claude-sonnet-5-5',
			choices: [{ index: 0, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null }],
		});
		const choices = chunks.slice(1, 4).map((chunk) => (chunk.choices as IDataObject[])[0]);
		expect(choices.map((choice) => [choice?.delta, choice?.finish_reason])).toEqual([[{ content: 'A ' }, null], [{ content: '"language".' }, null], [{}, 'stop']]);
		expect(chunks[3]).toMatchObject({ hybrid_ai: { cost: '0.1' } });
		expect(chunks.slice(4)).toEqual(['[DONE]']);
		expect(JSON.stringify(chunks)).not.toContain('usage');
	});

	it('has the usage in a chunk of its own when it is asked for', () => {
		const stream = encoder('openai', true);
		const chunks = data(stream.piece(start) + stream.piece(text('A')) + stream.close(document));
		expect(chunks.slice(0, 3).map((chunk) => chunk.usage)).toEqual([null, null, null]);
		expect(chunks[3]).toMatchObject({ choices: [], usage: { prompt_tokens: 15, completion_tokens: 20, total_tokens: 35 } });
		expect(chunks.slice(4)).toEqual(['[DONE]']);
	});

	it('writes tool calls as deltas', () => {
		const stream = encoder('openai');
		const chunks = data([start, ...call].map((piece) => stream.piece(piece)).join('')).slice(1);
		expect(chunks.map((chunk) => ((chunk.choices as IDataObject[])[0]?.delta as { tool_calls: unknown[] }).tool_calls)).toEqual([
			[{ index: 0, id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '' } }],
			[{ index: 0, function: { arguments: '{"city":' } }],
			[{ index: 0, function: { arguments: '"Bonn"}' } }],
		]);
	});

	it('writes an answer that came whole as a short stream', () => {
		const tool_calls = [{ id: 'c', type: 'function', function: { name: 'time', arguments: '{}' } }];
		const choices = [{ index: 0, message: { role: 'assistant', content: 'A language.', tool_calls }, finish_reason: 'tool_calls' }];
		const chunks = data(encoder('openai').whole({ ...document, choices })).slice(0, -1);
		expect(chunks.map((chunk) => (chunk.choices as IDataObject[])[0]).map((choice) => [choice?.delta, choice?.finish_reason])).toEqual([
			[{ role: 'assistant', content: '', refusal: null }, null],
			[{ content: 'A language.' }, null],
			[{ tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'time', arguments: '{}' } }] }, null],
			[{}, 'tool_calls'],
		]);
		expect(chunks[0]?.model).toBe('claude-sonnet-5-5');
	});

	it('ends a failed answer with an error and no [DONE]', () => {
		const failure = dialects.openai.failure({ status: 502, code: 'stream_cut', message: 'x' });
		expect(data(encoder('openai').failure(failure))).toEqual([failure]);
	});
});

describe('the Anthropic stream', () => {
	const usage = { input_tokens: 12, output_tokens: 34, cache_read_input_tokens: 5 };
	const document = { id: 'msg_r-1', type: 'message', role: 'assistant', model: 'claude-sonnet-5-5', content: [], stop_reason: 'end_turn', stop_sequence: null, usage };
	const types = (stream: string) => data(stream).map((one) => [one.type, one.index].filter((part) => part !== undefined).join(' '));

	it('has the events of a message, each under its name', () => {
		const stream = encoder('anthropic');
		const written = [start, text('A '), text('language.'), ...call].map((piece) => stream.piece(piece)).join('') + stream.close({ ...document, stop_reason: 'tool_use' });
		expect(types(written)).toEqual([
			'message_start',
			'content_block_start 0', 'content_block_delta 0', 'content_block_delta 0', 'content_block_stop 0',
			'content_block_start 1', 'content_block_delta 1', 'content_block_delta 1', 'content_block_stop 1',
			'message_delta', 'message_stop',
		]);
		expect(events(written).every(([name, one]) => name === (one as IDataObject).type)).toBe(true);
		const [first, , ...rest] = data(written);
		expect(first?.message).toMatchObject({ id: 'msg_r-1', role: 'assistant', model: 'claude-sonnet-5-5', content: [], usage: { input_tokens: 12, cache_read_input_tokens: 5 } });
		expect(rest).toContainEqual({ type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage });
		expect(rest).toContainEqual({ type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} } });
		expect(rest).toContainEqual({ type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"city":' } });
	});

	it('hands on the provider’s own events between start and end', () => {
		const stream = encoder('anthropic');
		const raw = [
			{ type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } },
			{ type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm.' } },
			{ type: 'content_block_stop', index: 0 },
		];
		const written = [start, ...raw.map((event): Piece => ({ type: 'raw', event }))].map((piece) => stream.piece(piece)).join('') + stream.close(document);
		expect(data(written).slice(1, 4)).toEqual(raw);
		expect(types(written).slice(4)).toEqual(['message_delta', 'message_stop']);
	});

	it('writes a message that came whole as a short stream', () => {
		const content = [
			{ type: 'thinking', thinking: 'Hm.', signature: 'abc' },
			{ type: 'text', text: 'Hi' },
			{ type: 'tool_use', id: 't', name: 'weather', input: { city: 'Bonn' } },
			{ type: 'redacted_thinking', data: 'xyz' },
		];
		const written = data(encoder('anthropic').whole({ ...document, content }));
		const deltas = written.filter((one) => one.type === 'content_block_delta').map((one) => one.delta);
		expect(deltas).toEqual([
			{ type: 'thinking_delta', thinking: 'Hm.' },
			{ type: 'signature_delta', signature: 'abc' },
			{ type: 'text_delta', text: 'Hi' },
			{ type: 'input_json_delta', partial_json: '{"city":"Bonn"}' },
		]);
		expect(written.filter((one) => one.type === 'content_block_start').map((one) => one.content_block)).toEqual([
			{ type: 'thinking', thinking: '', signature: '' },
			{ type: 'text', text: '' },
			{ type: 'tool_use', id: 't', name: 'weather', input: {} },
			{ type: 'redacted_thinking', data: 'xyz' },
		]);
		expect(written.filter((one) => one.type === 'content_block_stop')).toHaveLength(4);
		expect(written.at(-2)).toMatchObject({ type: 'message_delta', usage });
	});

	it('keeps the connection open with a ping, and ends a failed answer with an error', () => {
		expect(events(encoder('anthropic').keepAlive())).toEqual([['ping', { type: 'ping' }]]);
		const failure = { type: 'error', error: { type: 'api_error', message: 'x' } };
		expect(events(encoder('anthropic').failure(failure))).toEqual([['error', failure]]);
	});
});
