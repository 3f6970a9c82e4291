import { describe, expect, it } from 'vitest';

import { answer, chatItem, route } from '../../test/samples';
import { Refusal } from '../refusal';
import { dialects } from '.';

function refusal(run: () => unknown): Refusal {
	try {
		run();
	} catch (error) {
		return error as Refusal;
	}
	throw new Error('nothing was refused');
}

describe('native requests', () => {
	it('reads a prompt and defaults to the automatic model', () => {
		expect(dialects.native.parse({ prompt: 'Hi' })).toMatchObject({
			model: 'auto',
			messages: [{ role: 'user', content: 'Hi' }],
			max_tokens: null,
		});
	});

	it.each([
		[{}, 400, 'prompt'],
		[{ prompt: '' }, 400, 'prompt'],
		[{ prompt: ' \n' }, 400, 'prompt'],
		[{ prompt: 5 }, 400, 'prompt'],
		[{ prompt: null }, 400, 'prompt'],
		[{ prompt: 'x', model: 7 }, 400, 'model'],
		[{ prompt: 'x', max_tokens: '5' }, 400, 'max_tokens'],
		[{ prompt: 'x', max_tokens: 0 }, 400, 'max_tokens'],
		[{ prompt: 'x', temperature: NaN }, 400, 'temperature'],
		[{ prompt: 'x', tags: [1] }, 400, 'tags'],
		[{ prompt: 'x', stream: 1 }, 400, 'stream'],
		[{ prompt: 'x', privacy: 'secret' }, 400, 'privacy'],
		[{ prompt: 'half a pair: \ud83d' }, 400, 'prompt'],
		[{ prompt: 'x', system: '\udc00' }, 400, 'system'],
		[{ prompt: 'x', user: 'two\nlines' }, 400, 'user'],
		[{ prompt: 'x', user: 'x'.repeat(129) }, 400, 'user'],
		[{ prompt: 'x', tags: ['a\u0000b'] }, 400, 'tags'],
		[{ prompt: 'x', promt: 'y' }, 400, 'promt'],
		[{ prompt: 'x'.repeat(100_001) }, 413, 'prompt'],
		[{ prompt: 'x'.repeat(99_000), system: 'y'.repeat(1_001) }, 413, 'prompt'],
	])('refuses %j with %i and names the field', (body, status, field) => {
		const error = refusal(() => dialects.native.parse(body));
		expect(error).toBeInstanceOf(Refusal);
		expect([error.status, error.field]).toEqual([status, field]);
		expect(error.message).toContain(field);
	});

	it('streams when it is asked to', () => {
		expect([dialects.native.parse({ prompt: 'x' }).stream, dialects.native.parse({ prompt: 'x', stream: true }).stream]).toEqual([false, true]);
	});

	it('takes exactly 100,000 characters', () => {
		expect(dialects.native.parse({ prompt: 'x'.repeat(100_000) }).messages[0]?.content).toHaveLength(100_000);
	});

	it('answers with cost, route and all prompt tokens', () => {
		const body = dialects.native.answer(chatItem({ answer, route, cost: '0.00123' }));
		expect(body).toMatchObject({
			model: 'claude-sonnet-5-5',
			backend: 'cloud',
			response: 'A language.',
			cost: 0.00123,
			cached: false,
			input_tokens: 15,
			output_tokens: 20,
			routing: { complexity: 0.12, reasoning: 'A short plain question.', estimated_cost: 0 },
		});
	});

	it('says null, not zero, when the cost is not known', () => {
		expect(dialects.native.answer(chatItem({ answer, route, cost: null })).cost).toBeNull();
	});
});

describe('OpenAI requests', () => {
	const user = { role: 'user', content: 'Hi' };

	it('keeps turns, joins system texts and text parts', () => {
		const parts = { role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] };
		const body = { model: 'auto', messages: [{ role: 'developer', content: 'Be brief.' }, user, { role: 'assistant', content: 'Yes?' }, parts] };
		const asked = dialects.openai.parse(body);
		expect(asked.system).toBe('Be brief.');
		expect(asked.messages.map(({ role, content }) => `${role}: ${content}`)).toEqual(['user: Hi', 'assistant: Yes?', 'user: ab']);
	});

	it.each([
		[{ messages: 'Hi' }, 'messages'],
		[{}, 'messages'],
		[{ messages: [] }, 'messages'],
		[{ messages: [{ role: 'assistant', content: 'x' }] }, 'messages'],
		[{ messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role'],
		[{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'messages[0].content'],
		[{ messages: [user], stream: 'yes' }, 'stream'],
		[{ messages: [user], stream_options: { include_usage: true } }, 'stream_options'],
		[{ messages: [user], stream: true, stream_options: 1 }, 'stream_options'],
		[{ messages: [user], stream: true, stream_options: { include_usage: 1 } }, 'include_usage'],
		[{ messages: [user], stream: true, stream_options: { x: 1 } }, 'x'],
		[{ messages: [user], n: 2 }, 'n'],
		[{ messages: [user], tools: [] }, 'tools'],
		[{ messages: [user], response_format: { type: 'json_object' } }, 'response_format'],
	])('refuses %j and names the field', (body, field) => {
		expect(refusal(() => dialects.openai.parse(body)).field).toBe(field);
	});

	it.each([
		[{}, false, false],
		[{ stream: false }, false, false],
		[{ stream: true }, true, false],
		[{ stream: true, stream_options: { include_usage: true, include_obfuscation: false } }, true, true],
	])('reads of %j whether to stream, and whether with the usage', (more, stream, include_usage) => {
		expect(dialects.openai.parse({ messages: [user], ...more })).toMatchObject({ stream, include_usage });
	});

	it('answers as a chat completion', () => {
		const body = dialects.openai.answer(chatItem({ dialect: 'openai', answer, route, cost: '0.1' }));
		expect(body).toMatchObject({
			id: 'chatcmpl-r-1',
			object: 'chat.completion',
			choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'A language.' } }],
			usage: { prompt_tokens: 15, completion_tokens: 20, total_tokens: 35 },
			hybrid_ai: { cost: '0.1' },
		});
	});

	it.each([['max_tokens', 'length'], ['length', 'length'], ['end_turn', 'stop'], [null, 'stop'], ['refusal', 'content_filter']])(
		'says for the stop reason %s: %s',
		(stop_reason, expected) => {
			const body = dialects.openai.answer(chatItem({ answer: { ...answer, stop_reason } }));
			expect((body.choices as Array<{ finish_reason: string }>)[0]?.finish_reason).toBe(expected);
		},
	);

	it('tells failures in the shape of the SDK’s errors', () => {
		expect(dialects.openai.failure({ status: 400, code: 'invalid_request', message: 'n: no', field: 'n' })).toEqual({
			error: { message: 'n: no', type: 'invalid_request_error', param: 'n', code: 'invalid_request' },
		});
	});
});
