import { describe, expect, it } from 'vitest';

import { chatItem, target } from '../../test/samples';
import { claudeBody, fitsGrammar, readClaudeAnswer } from './claude';

const body = (changes: object) => JSON.parse(JSON.stringify(claudeBody(chatItem(changes), target.sonnet, 100))) as Record<string, unknown>;
const closed = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };
const tool = { name: 'look', description: 'd', input_schema: closed };

it('sends the fields of the Messages API as they came, but for the model and the limit', () => {
	const system = [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }];
	const extras = { system, thinking: { type: 'adaptive' }, temperature: 1, field_of_tomorrow: 1 };
	const tools = [{ ...tool, strict: true, input_schema: { type: 'object' } }];
	expect(body({ dialect: 'anthropic', system: 'x', extras, tools, tool_choice: { type: 'any' } })).toEqual({
		...extras,
		model: 'claude-sonnet-5-5',
		max_tokens: 100,
		messages: [{ role: 'user', content: 'What is Python?' }],
		tools,
		tool_choice: { type: 'any' },
	});
});

it('sends no temperature of another dialect: current models refuse it', () => {
	expect(body({ dialect: 'openai', temperature: 0 })).not.toHaveProperty('temperature');
});

describe('JSON', () => {
	it('asks for a schema by the API’s own field where it fits there', () => {
		const sent = body({ json: { schema: closed } });
		expect(sent.output_config).toEqual({ format: { type: 'json_schema', schema: closed } });
		expect(sent).not.toHaveProperty('system');
	});

	it('asks in words for any JSON, and for a schema that the API would refuse', () => {
		expect(body({ system: 'Be brief.', json: { schema: null } }).system).toMatch(/^Be brief\.\n\nAnswer with one JSON document only/);
		const open = { type: 'object', properties: { n: { type: 'integer', minimum: 1 } } };
		const sent = body({ json: { schema: open } });
		expect(sent.system).toContain(JSON.stringify(open));
		expect(sent).not.toHaveProperty('output_config');
	});

	it('leaves alone what the caller said in the API’s own words', () => {
		const output_config = { format: { type: 'json_schema', schema: { type: 'object' } } };
		const sent = body({ dialect: 'anthropic', extras: { output_config }, json: { schema: { type: 'object' } } });
		expect([sent.output_config, sent.system]).toEqual([output_config, undefined]);
	});
});

it('holds a tool to its schema only where the API can', () => {
	const strict = { ...tool, strict: true };
	const loose = { ...strict, input_schema: { type: 'object', properties: { n: { type: 'number', maximum: 3 } } } };
	const sent = body({ dialect: 'openai', tools: [strict, loose] });
	expect((sent.tools as Array<{ strict?: boolean }>).map((one) => one.strict)).toEqual([true, undefined]);
});

it.each([
	[closed, true],
	[{ type: 'object', properties: { list: { type: 'array', items: closed } }, additionalProperties: false }, true],
	[{ anyOf: [closed, { type: 'null' }] }, true],
	[{ type: 'object', properties: {} }, false],
	[{ type: 'object', properties: { list: { type: 'array', items: { type: 'object' } } }, additionalProperties: false }, false],
	[{ type: 'string', minLength: 2 }, false],
	[{ anyOf: [{ type: 'string', pattern: 'x' }] }, false],
	[null, false],
])('knows whether structured outputs take %j', (schema, expected) => {
	expect(fitsGrammar(schema)).toBe(expected);
});

it('keeps blocks, the stop sequence and what else the message says', () => {
	const content = [{ type: 'thinking', thinking: 'x', signature: 's' }, { type: 'text', text: 'a' }, { type: 'tool_use', id: 't', name: 'f', input: {} }];
	const message = { id: 'msg', type: 'message', role: 'assistant', model: 'm', content, stop_reason: 'tool_use', stop_sequence: null, usage: { input_tokens: 1 }, container: { id: 'c' }, diagnostics: null };
	expect(readClaudeAnswer(message, target.sonnet)).toMatchObject({ text: 'a', content, stop_reason: 'tool_use', stop_sequence: null, details: { container: { id: 'c' } } });
	expect(readClaudeAnswer(message, target.sonnet).details).not.toHaveProperty('diagnostics');
});
