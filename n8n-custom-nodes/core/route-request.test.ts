import { expect, it } from 'vitest';

import { chatItem } from '../test/samples';
import { routeRequest } from './route-request';

const request = (changes: object = {}) => JSON.parse(JSON.stringify(routeRequest(chatItem(changes)))) as Record<string, unknown>;

it('tells a plain request without what it does not have', () => {
	const sent = request();
	expect(sent).toMatchObject({ messages: [{ role: 'user', content: 'What is Python?' }], needs: { tools: false, json: false }, cloud_only: [] });
	for (const field of ['tools', 'tool_choice', 'json', 'extras', 'betas', 'max_tokens']) expect(sent).not.toHaveProperty(field);
});

it('tells all that the answer depends on, and the words of the system text once', () => {
	const tools = [{ name: 'look', input_schema: { type: 'object' } }];
	const extras = { system: [{ type: 'text', text: 'x' }], thinking: { type: 'adaptive' } };
	const sent = request({ system: 'x', tools, tool_choice: { type: 'any' }, json: { schema: { type: 'object' } }, extras, betas: 'b' });
	expect(sent).toMatchObject({ system: 'x', tools, tool_choice: { type: 'any' }, json: { schema: { type: 'object' } }, betas: 'b' });
	expect(sent.extras).toEqual({ thinking: { type: 'adaptive' } });
	expect([sent.needs, sent.cloud_only]).toEqual([{ tools: true, json: true }, ['thinking', 'a forced tool_choice']]);
});

it('needs tools for a conversation that has called some', () => {
	const messages = [{ role: 'user' as const, content: [{ type: 'tool_result', tool_use_id: 't', content: 'x' }] }];
	expect(request({ messages }).needs).toMatchObject({ tools: true });
});

it('sends the hash of an image and not its data', () => {
	const image = (data: string) => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } });
	const hash = (data: string, inResult = false) => {
		const content = inResult ? [{ type: 'tool_result', tool_use_id: 't', content: [image(data)] }] : [image(data)];
		return JSON.stringify(request({ messages: [{ role: 'user', content }] }).messages);
	};
	expect(hash('A'.repeat(4_000))).toMatch(/"source":\{"type":"base64","media_type":"image\/png","sha256":"[0-9a-f]{64}","bytes":3000\}/);
	expect(hash('A'.repeat(4_000))).toBe(hash('A'.repeat(4_000)));
	expect(hash('A'.repeat(4_000))).not.toBe(hash('B'.repeat(4_000)));
	expect(hash('A'.repeat(4_000), true)).toContain('sha256');
});

it('keeps no answer of a request that wants none', () => {
	expect(request({ max_tokens: 0 }).cache).toBe('off');
	expect(request({ max_tokens: 1, cache: 'refresh' }).cache).toBe('refresh');
});
