import { describe, expect, it } from 'vitest';

import { refusal } from '../../test/refusals';
import { answer, chatItem, route } from '../../test/samples';
import { openai } from './openai';

const user = { role: 'user', content: 'Hi' };
const parse = (more: object) => openai.parse({ messages: [user], ...more });
const conversation = (...messages: object[]) => openai.parse({ messages }).messages;
const weather = {
	type: 'function',
	function: { name: 'get_weather', description: 'The weather.', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};
const call = (id: string, city = 'Oslo') => ({ id, type: 'function', function: { name: 'get_weather', arguments: `{"city":"${city}"}` } });
const called = { role: 'assistant', content: null, tool_calls: [call('c1'), call('c2', 'Rome')] };
const result = (id: string, content: unknown = 'Rain') => ({ role: 'tool', tool_call_id: id, content });

describe('what is asked', () => {
	it('keeps turns, joins system texts and text parts', () => {
		const parts = { role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] };
		const asked = parse({ messages: [{ role: 'developer', content: 'Be brief.' }, user, { role: 'assistant', content: 'Yes?' }, { role: 'system', content: [{ type: 'text', text: 'Be kind.' }] }, parts] });
		expect(asked.system).toBe('Be brief.\n\nBe kind.');
		expect(asked.messages).toEqual([user, { role: 'assistant', content: 'Yes?' }, { role: 'user', content: 'ab' }]);
	});

	it('reads limits, stops, the user and a stream', () => {
		expect(parse({ max_tokens: 5, max_completion_tokens: 9, stop: 'END', user: 'ann', temperature: 0.5 })).toMatchObject({
			model: 'auto', max_tokens: 9, stop: ['END'], user: 'ann', temperature: 0.5, stream: false, include_usage: false, json: null,
		});
		const stream = { stream: true, stream_options: { include_usage: true, include_obfuscation: false }, safety_identifier: 'bob' };
		expect(parse(stream)).toMatchObject({ stream: true, include_usage: true, user: 'bob' });
	});

	it('makes images of data and of addresses', () => {
		const image = (url: string) => ({ type: 'image_url', image_url: { url, detail: 'high' } });
		const content = [{ type: 'text', text: 'What?' }, image('data:image/png;base64,iVBORw0KGgo='), image('https://example.com/cat.jpg')];
		expect(conversation({ role: 'user', content })[0]?.content).toEqual([
			{ type: 'text', text: 'What?' },
			{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
			{ type: 'image', source: { type: 'url', url: 'https://example.com/cat.jpg' } },
		]);
	});

	it('makes blocks of calls, and one message of the results that follow each other', () => {
		expect(conversation(user, called, result('c1'), result('c2', [{ type: 'text', text: 'Sun' }]), { role: 'user', content: 'And?' })).toEqual([
			user,
			{
				role: 'assistant',
				content: [
					{ type: 'tool_use', id: 'c1', name: 'get_weather', input: { city: 'Oslo' } },
					{ type: 'tool_use', id: 'c2', name: 'get_weather', input: { city: 'Rome' } },
				],
			},
			{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: 'Rain' }, { type: 'tool_result', tool_use_id: 'c2', content: 'Sun' }] },
			{ role: 'user', content: 'And?' },
		]);
	});

	it('takes an answer back as the SDK sends it, with its empty fields', () => {
		const empty = { refusal: null, annotations: [], audio: null, function_call: null };
		expect(conversation(user, { ...called, ...empty, content: 'Let me see.' }, result('c1'))[1]?.content).toMatchObject([{ type: 'text', text: 'Let me see.' }, { id: 'c1' }, { id: 'c2' }]);
		expect(conversation(user, { role: 'assistant', content: 'No.', ...empty, tool_calls: null }, user)[1]).toEqual({ role: 'assistant', content: 'No.' });
	});

	it('reads tools, and a function without parameters', () => {
		const bare = { type: 'function', function: { name: 'now', strict: true } };
		expect(parse({ tools: [weather, bare] }).tools).toEqual([
			{ name: 'get_weather', description: 'The weather.', input_schema: weather.function.parameters },
			{ name: 'now', input_schema: { type: 'object', properties: {} }, strict: true },
		]);
	});

	it.each([
		[{}, null],
		[{ tool_choice: 'auto' }, null],
		[{ tool_choice: 'none' }, { type: 'none' }],
		[{ tool_choice: 'required' }, { type: 'any' }],
		[{ tool_choice: { type: 'function', function: { name: 'get_weather' } } }, { type: 'tool', name: 'get_weather' }],
		[{ parallel_tool_calls: true }, null],
		[{ parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
		[{ parallel_tool_calls: false, tool_choice: 'required' }, { type: 'any', disable_parallel_tool_use: true }],
		[{ parallel_tool_calls: false, tool_choice: 'none' }, { type: 'none' }],
	])('reads the choice of tools %j', (given, expected) => {
		expect(parse({ tools: [weather], ...given }).tool_choice).toEqual(expected);
	});

	it.each([
		[{ type: 'text' }, null],
		[{ type: 'json_object' }, { schema: null }],
		[{ type: 'json_schema', json_schema: { name: 'x', strict: true, schema: { type: 'object' } } }, { schema: { type: 'object' } }],
	])('reads the form of the answer %j', (response_format, json) => {
		expect(parse({ response_format }).json).toEqual(json);
	});

	it('takes values that change nothing', () => {
		const usual = { n: 1, store: false, logprobs: false, top_logprobs: null, logit_bias: {}, presence_penalty: 0, top_p: 1, seed: null, modalities: ['text'], service_tier: 'auto', functions: null, metadata: { a: 'b' }, tools: [], parallel_tool_calls: true };
		expect(parse(usual)).toMatchObject({ extras: {}, tools: [], tool_choice: null });
	});
});

describe('what is refused', () => {
	it.each([
		[{ messages: 'Hi' }, 'messages'],
		[{ messages: undefined }, 'messages'],
		[{ messages: [] }, 'messages'],
		[{ messages: [5] }, 'messages[0]'],
		[{ messages: [{ role: 'assistant', content: 'x' }] }, 'messages'],
		[{ messages: [{ role: 'user', content: ' ' }] }, 'messages'],
		[{ messages: [{ role: 'user', content: 'half \ud83d' }] }, 'messages'],
		[{ messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role'],
		[{ messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
		[{ messages: [{ role: 'user', content: 'x', name: 'ann' }] }, 'messages[0].name'],
		[{ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, 'messages[0].content[0]'],
		[{ messages: [{ role: 'user', content: [{ type: 'file', file: {} }] }] }, 'messages[0].content[0]'],
		[{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: 'x' }] }] }, 'messages[0].content[0].image_url'],
		[{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///x' } }] }] }, 'messages[0].content[0].image_url.url'],
		[{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/tiff;base64,AA==' } }] }] }, 'messages[0].content[0].image_url.url'],
		[{ messages: [{ role: 'system', content: [{ type: 'image_url' }] }, user] }, 'messages[0].content[0]'],
		[{ messages: [user, result('c1')] }, 'messages[1].tool_call_id'],
		[{ messages: [user, { role: 'tool', content: 'x' }] }, 'messages[1].tool_call_id'],
		[{ messages: [user, { role: 'assistant', tool_calls: [{ ...call('c1'), function: { name: 'f', arguments: '{' } }] }] }, 'messages[1].tool_calls[0].function.arguments'],
		[{ messages: [user, { role: 'assistant', tool_calls: [{ ...call('c1'), function: { name: 'f', arguments: '[1]' } }] }] }, 'messages[1].tool_calls[0].function.arguments'],
		[{ messages: [user, { role: 'assistant', tool_calls: [{ ...call('c1'), type: 'custom' }] }] }, 'messages[1].tool_calls[0].type'],
		[{ messages: [user, { role: 'assistant', content: null, function_call: { name: 'f' } }] }, 'messages[1].function_call'],
		[{ stream: 'yes' }, 'stream'],
		[{ stream: true, stream_options: { more: 1 } }, 'stream_options.more'],
		[{ stream_options: { include_usage: true } }, 'stream_options'],
		[{ stream: true, stream_options: 1 }, 'stream_options'],
		[{ stream: true, stream_options: { include_usage: 1 } }, 'include_usage'],
		[{ n: 2 }, 'n'],
		[{ seed: 1 }, 'seed'],
		[{ logprobs: true }, 'logprobs'],
		[{ top_p: 0.5 }, 'top_p'],
		[{ presence_penalty: 1 }, 'presence_penalty'],
		[{ reasoning_effort: 'high' }, 'reasoning_effort'],
		[{ modalities: ['text', 'audio'] }, 'modalities'],
		[{ functions: [] }, 'functions'],
		[{ colour: 'red' }, 'colour'],
		[{ temperature: 3 }, 'temperature'],
		[{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
		[{ tools: 'x' }, 'tools'],
		[{ tools: [{ type: 'custom', custom: {} }] }, 'tools[0].type'],
		[{ tools: [{ type: 'function', function: { name: 'two words' } }] }, 'tools[0].function.name'],
		[{ tools: [{ type: 'function', function: { name: 'f', parameters: 'x' } }] }, 'tools[0].function.parameters'],
		[{ tools: [{ type: 'function', function: { name: 'f', more: 1 } }] }, 'more'],
		[{ tool_choice: 'required' }, 'tool_choice'],
		[{ tools: [weather], tool_choice: 'maybe' }, 'tool_choice'],
		[{ tools: [weather], tool_choice: { type: 'allowed_tools' } }, 'tool_choice.type'],
		[{ tools: [weather], tool_choice: { type: 'function', function: { name: 'other' } } }, 'tool_choice.function.name'],
		[{ tools: [weather], parallel_tool_calls: 'no' }, 'parallel_tool_calls'],
		[{ response_format: { type: 'grammar' } }, 'response_format.type'],
		[{ response_format: { type: 'json_schema', json_schema: {} } }, 'response_format.json_schema.schema'],
	])('refuses %j and names the field', (body, field) => {
		const error = refusal(() => parse(body));
		expect([error.status, error.field]).toEqual([400, field]);
		expect(error.message).toContain(field);
	});
});

describe('what is answered', () => {
	it('answers as a chat completion', () => {
		expect(openai.answer(chatItem({ dialect: 'openai', answer, route, cost: '0.1' }))).toMatchObject({
			id: 'chatcmpl-r-1',
			object: 'chat.completion',
			choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'A language.' } }],
			usage: { prompt_tokens: 15, completion_tokens: 20, total_tokens: 35 },
			hybrid_ai: { cost: '0.1' },
		});
	});

	it('answers with calls of tools', () => {
		const use = { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Oslo' } };
		const body = openai.answer(chatItem({ answer: { ...answer, text: '', content: [{ type: 'thinking', thinking: 'x' }, use], stop_reason: 'tool_use' } }));
		expect(body.choices).toEqual([
			{
				index: 0,
				finish_reason: 'tool_calls',
				logprobs: null,
				message: {
					role: 'assistant',
					content: null,
					refusal: null,
					tool_calls: [{ id: 'toolu_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } }],
				},
			},
		]);
	});

	it.each([['max_tokens', 'length'], ['length', 'length'], ['end_turn', 'stop'], ['stop_sequence', 'stop'], [null, 'stop'], ['refusal', 'content_filter']])(
		'says for the stop reason %s: %s',
		(stop_reason, expected) => {
			const body = openai.answer(chatItem({ answer: { ...answer, stop_reason } }));
			expect((body.choices as Array<{ finish_reason: string }>)[0]?.finish_reason).toBe(expected);
		},
	);

	it.each([
		[400, 'invalid_request', 'invalid_request_error'],
		[401, 'invalid_api_key', 'authentication_error'],
		[402, 'budget_exceeded', 'insufficient_quota'],
		[403, 'model_not_allowed', 'permission_error'],
		[413, 'prompt_too_long', 'invalid_request_error'],
		[429, 'rate_limited', 'rate_limit_error'],
		[502, 'model_error', 'server_error'],
	])('tells %i %s as a %s', (status, code, type) => {
		expect(openai.failure({ status, code, message: 'n: no', field: 'n' })).toEqual({ error: { message: 'n: no', type, param: 'n', code } });
	});

	it('tells an unknown model as the SDK’s own not-found error', () => {
		const failure = { status: 400, code: 'unknown_model', message: 'No.' };
		expect([openai.status(failure), openai.failure(failure).error]).toEqual([404, expect.objectContaining({ code: 'model_not_found' })]);
	});
});
