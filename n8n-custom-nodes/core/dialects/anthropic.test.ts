import { describe, expect, it } from 'vitest';

import { refusal } from '../../test/refusals';
import { answer, chatItem, route } from '../../test/samples';
import { anthropic, parseAsked } from './anthropic';

const user = { role: 'user', content: 'Hi' };
const parse = (more: object) => anthropic.parse({ max_tokens: 10, messages: [user], ...more });
const says = (block: object) => ({ messages: [{ role: 'user', content: [block] }] });

describe('what is asked', () => {
	it('reads what local models can do as well', () => {
		const asked = parse({ model: 'claude-sonnet', system: 'Be brief.', stop_sequences: ['END'], temperature: 0.5, stream: true, metadata: { user_id: 'ann' } });
		expect(asked).toMatchObject({ model: 'claude-sonnet', system: 'Be brief.', stop: ['END'], temperature: 0.5, stream: true, user: 'ann', max_tokens: 10 });
		expect(asked.extras).toEqual({ temperature: 0.5, metadata: { user_id: 'ann' } });
	});

	it('keeps every field that it does not read, and the blocks of the system text, for Claude', () => {
		const system = [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h' } }, { type: 'text', text: 'Be kind.' }];
		const more = { thinking: { type: 'adaptive' }, top_k: 5, service_tier: 'auto', field_of_tomorrow: [1] };
		const asked = parse({ system, ...more });
		expect(asked.system).toBe('Be brief.\n\nBe kind.');
		expect(asked.extras).toEqual({ system, ...more });
	});

	it('keeps messages, tools and the choice of them as they came', () => {
		const content = [
			{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
			{ type: 'image', source: { type: 'file', file_id: 'f' } },
			{ type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' }, title: 't' },
			{ type: 'block_of_tomorrow', x: 1 },
		];
		const results = [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'Rain' }], is_error: true }];
		const messages = [{ role: 'user', content }, { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'look', input: {} }] }, { role: 'user', content: results }];
		const tools = [{ name: 'look', input_schema: { type: 'object' }, cache_control: { type: 'ephemeral' } }, { type: 'web_search_20250305', name: 'web_search', max_uses: 2 }];
		const tool_choice = { type: 'tool', name: 'look', disable_parallel_tool_use: true };
		expect(parse({ messages, tools, tool_choice })).toMatchObject({ messages, tools, tool_choice });
	});

	it('reads the schema of the answer, and leaves it where it is', () => {
		const output_config = { effort: 'low', format: { type: 'json_schema', schema: { type: 'object' } } };
		expect(parse({ output_config })).toMatchObject({ json: { schema: { type: 'object' } }, extras: { output_config } });
		expect(parse({ output_config: { effort: 'low' } }).json).toBeNull();
	});

	it('counts tokens of a body without max_tokens, and takes 0 of them to fill the cache', () => {
		expect(parseAsked({ messages: [user] }).max_tokens).toBeNull();
		expect(parse({ max_tokens: 0 }).max_tokens).toBe(0);
	});

	it('takes a system message between the turns', () => {
		expect(parse({ messages: [user, { role: 'system', content: 'Now be kind.' }, user] }).messages).toHaveLength(3);
	});
});

describe('what is refused', () => {
	it.each([
		[{ max_tokens: undefined }, 'max_tokens'],
		[{ max_tokens: -1 }, 'max_tokens'],
		[{ max_tokens: '5' }, 'max_tokens'],
		[{ messages: undefined }, 'messages'],
		[{ messages: [] }, 'messages'],
		[{ messages: 'Hi' }, 'messages'],
		[{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].role'],
		[{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
		[{ messages: [{ role: 'user', content: ['x'] }] }, 'messages[0].content[0]'],
		[says({ text: 'x' }), 'messages[0].content[0].type'],
		[says({ type: 'text' }), 'messages[0].content[0].text'],
		[says({ type: 'image' }), 'messages[0].content[0].source'],
		[says({ type: 'image', source: { type: 'base64', media_type: 'image/png' } }), 'messages[0].content[0].source.data'],
		[says({ type: 'image', source: { type: 'url' } }), 'messages[0].content[0].source.url'],
		[says({ type: 'tool_use', id: 't', name: 'f', input: '{}' }), 'messages[0].content[0].input'],
		[says({ type: 'tool_result' }), 'messages[0].content[0].tool_use_id'],
		[says({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text' }] }), 'messages[0].content[0].content[0].text'],
		[{ system: 5 }, 'system'],
		[{ system: [{ type: 'image', source: { type: 'file' } }] }, 'system'],
		[{ system: '\udc00' }, 'system'],
		[{ model: 7 }, 'model'],
		[{ stop_sequences: [1] }, 'stop_sequences'],
		[{ tools: {} }, 'tools'],
		[{ tools: [{ name: 'f' }] }, 'tools[0].input_schema'],
		[{ tools: [{ input_schema: {} }] }, 'tools[0].name'],
		[{ tool_choice: 'auto' }, 'tool_choice'],
		[{ tool_choice: { type: 'maybe' } }, 'tool_choice.type'],
		[{ metadata: { user_id: 'x'.repeat(257) } }, 'user_id'],
		[{ output_config: { format: { type: 'xml' } } }, 'output_config.format.type'],
		[{ stream: 1 }, 'stream'],
		[{ speed: 'fast' }, 'speed'],
		[{ inference_geo: 'u\ns' }, 'inference_geo'],
	])('refuses %j and names the field', (body, field) => {
		const error = refusal(() => parse(body));
		expect([error.status, error.field]).toEqual([400, field]);
		expect(error.message).toContain(field);
	});
});

describe('what is answered', () => {
	it('answers as a message, with Claude’s own usage and details', () => {
		const content = [{ type: 'thinking', thinking: 'Hm.', signature: 's' }, { type: 'text', text: 'A language.' }];
		const usage = { input_tokens: 10, output_tokens: 20, cache_read_input_tokens: 5, service_tier: 'standard' };
		const given = { ...answer, content, provider_usage: usage, stop_reason: 'stop_sequence', stop_sequence: 'END', details: { container: { id: 'c' } } };
		expect(anthropic.answer(chatItem({ dialect: 'anthropic', answer: given, route, cost: '0.1' }))).toEqual({
			id: 'msg_r-1',
			type: 'message',
			role: 'assistant',
			model: 'claude-sonnet-5-5',
			content,
			stop_reason: 'stop_sequence',
			stop_sequence: 'END',
			usage,
			container: { id: 'c' },
			hybrid_ai: { backend: 'cloud', cost: '0.1', complexity: 0.12, reasoning: 'A short plain question.' },
		});
	});

	const use = { type: 'tool_use', id: 't', name: 'f', input: {} };
	it.each([
		['stop', answer.content, 'end_turn'],
		['length', answer.content, 'max_tokens'],
		['stop', [use], 'tool_use'],
		[null, answer.content, 'end_turn'],
		['pause_turn', answer.content, 'pause_turn'],
	])('says for the stop reason %s with %j: %s', (stop_reason, content, expected) => {
		expect(anthropic.answer(chatItem({ answer: { ...answer, stop_reason, content } })).stop_reason).toBe(expected);
	});

	it('counts a local model’s tokens in the same words', () => {
		const local = { ...answer, backend: 'local' as const, provider_usage: null };
		expect(anthropic.answer(chatItem({ answer: local })).usage).toEqual({
			input_tokens: 10,
			output_tokens: 20,
			cache_creation_input_tokens: 0,
			cache_read_input_tokens: 5,
		});
	});

	it.each([
		[400, 'invalid_request', 400, 'invalid_request_error'],
		[400, 'unknown_model', 404, 'not_found_error'],
		[401, 'invalid_api_key', 401, 'authentication_error'],
		[402, 'budget_exceeded', 402, 'billing_error'],
		[403, 'model_not_allowed', 403, 'permission_error'],
		[409, 'already_booked', 409, 'invalid_request_error'],
		[413, 'prompt_too_long', 413, 'request_too_large'],
		[429, 'rate_limited', 429, 'rate_limit_error'],
		[503, 'model_overloaded', 429, 'rate_limit_error'],
		[500, 'no_answer', 500, 'api_error'],
		[502, 'model_error', 502, 'api_error'],
		[503, 'no_model', 503, 'overloaded_error'],
		[504, 'model_timeout', 504, 'timeout_error'],
	])('tells %i %s with %i as a %s', (status, code, told, type) => {
		const failure = { status, code, message: 'Why.' };
		expect(anthropic.status(failure)).toBe(told);
		expect(anthropic.failure(failure, [], 'r-1')).toEqual({ type: 'error', error: { type, message: 'Why.', code }, request_id: 'r-1' });
	});
});
