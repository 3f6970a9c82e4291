import { describe, expect, it } from 'vitest';

import { refusal } from '../../test/refusals';
import { chatItem, target } from '../../test/samples';
import { beyondLocal, ollamaBody, readOllamaAnswer } from './ollama';

const preset = { systemText: '', temperature: 0 };
const body = (changes: object) => ollamaBody(chatItem(changes), target.large, 100, preset);
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
const tool = { name: 'look', description: 'd', input_schema: { type: 'object' } };
const use = { type: 'tool_use', id: 't1', name: 'look', input: { x: 1 } };
const says = (...content: object[]) => ({ messages: [{ role: 'user', content }] });

describe('what a local model is asked', () => {
	it('gets texts, images, calls and results in Ollama’s words', () => {
		const messages = [
			{ role: 'user', content: [{ type: 'text', text: 'What?' }, image] },
			{ role: 'assistant', content: [{ type: 'text', text: 'Let me see.' }, use] },
			{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'Rain' }] }, { type: 'text', text: 'And?' }] },
			{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 't9', content: 'gone', is_error: true }] },
		];
		expect(body({ system: 'Be brief.', messages }).messages).toEqual([
			{ role: 'system', content: 'Be brief.' },
			{ role: 'user', content: 'What?', images: ['AAAA'] },
			{ role: 'assistant', content: 'Let me see.', tool_calls: [{ function: { name: 'look', arguments: { x: 1 } } }] },
			{ role: 'tool', content: 'Rain', tool_name: 'look' },
			{ role: 'user', content: 'And?' },
			{ role: 'tool', content: 'Error: gone' },
		]);
	});

	it('gets the tools, unless it may use none', () => {
		expect(body({ tools: [tool] }).tools).toEqual([{ type: 'function', function: { name: 'look', description: 'd', parameters: { type: 'object' } } }]);
		expect(body({ tools: [tool], tool_choice: { type: 'none' } }).tools).toBeUndefined();
	});

	it('is held to JSON, or to a schema', () => {
		expect(body({}).format).toBeUndefined();
		expect(body({ json: { schema: null } }).format).toBe('json');
		expect(body({ json: { schema: { type: 'object' } } }).format).toEqual({ type: 'object' });
	});

	it('gets top_k and top_p where the request has them', () => {
		expect(body({ extras: { top_k: 5, top_p: 0.5 } }).options).toMatchObject({ top_k: 5, top_p: 0.5 });
	});
});

describe('what a local model answers', () => {
	const calls = [{ function: { name: 'look', arguments: { x: 1 } } }, { function: { name: 'look', arguments: '{"x":2}' } }];
	const reply = { message: { content: '', tool_calls: calls }, done_reason: 'stop', eval_count: 3 };

	it('has calls of tools with ids of their own', () => {
		const { content, text } = readOllamaAnswer(reply, chatItem(), target.large);
		expect([text, content]).toEqual(['', [{ ...use, id: expect.stringMatching(/^toolu_[0-9a-f]{24}$/) as string }, { ...use, input: { x: 2 }, id: expect.any(String) as string }]]);
		expect(new Set(content.map(({ id }) => id)).size).toBe(2);
	});

	it('has one call only where the caller wants no parallel ones', () => {
		const item = chatItem({ tool_choice: { type: 'auto', disable_parallel_tool_use: true } });
		expect(readOllamaAnswer(reply, item, target.large).content).toHaveLength(1);
	});

	it.each([[{ function: {} }], [{}], [{ function: { name: 'f', arguments: '{' } }]])('fails on the broken call %j', (call) => {
		const broken = { message: { content: '', tool_calls: [call] } };
		expect(refusal(() => readOllamaAnswer(broken, chatItem(), target.large))).toMatchObject({ status: 502, code: 'model_error' });
	});
});

describe('what only a cloud model can do', () => {
	it.each([
		[{ extras: { thinking: { type: 'adaptive' } } }, 'thinking'],
		[{ extras: { output_config: { effort: 'high' } } }, 'output_config'],
		[{ extras: { field_of_tomorrow: 1 } }, 'field_of_tomorrow'],
		[{ extras: { speed: 'fast' } }, 'speed'],
		[{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'the tool web_search_20250305'],
		[{ tools: [{ ...tool, strict: true }] }, 'strict of a tool'],
		[{ tools: [tool], tool_choice: { type: 'any' } }, 'a forced tool_choice'],
		[{ max_tokens: 0 }, 'max_tokens 0'],
		[says({ type: 'image', source: { type: 'url', url: 'https://example.com/x.png' } }), 'an image by its address'],
		[says({ type: 'document', source: {} }), 'document blocks'],
		[says({ type: 'tool_result', tool_use_id: 't', content: [image] }), 'a tool result that is not text'],
		[{ messages: [{ role: 'assistant', content: [{ type: 'thinking', thinking: 'x' }] }] }, 'thinking blocks'],
	])('is named for %j', (changes, name) => {
		expect(beyondLocal(chatItem(changes as object))).toEqual([name]);
	});

	it.each([
		{},
		{ extras: { metadata: {}, temperature: 0, top_k: 5, top_p: 0.5, service_tier: 'auto', thinking: { type: 'disabled' }, container: null, speed: 'standard' } },
		{ extras: { output_config: { format: {} }, system: [], cache_control: { type: 'ephemeral' } } },
		{ tools: [{ ...tool, cache_control: { type: 'ephemeral' } }, { ...tool, type: 'custom', strict: false }], tool_choice: { type: 'auto' } },
		says(image, { type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }, { type: 'tool_result', tool_use_id: 't', content: 'x' }),
	])('is not %j', (changes) => {
		expect(beyondLocal(chatItem(changes as object))).toEqual([]);
	});
});
