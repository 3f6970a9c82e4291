import { expect, it } from 'vitest';

import type { Block } from './chat';
import { cacheTtls, mostInputTokens } from './input-bound';

const tokens = (...texts: string[]) => mostInputTokens({ messages: texts.map((content) => ({ role: 'user', content })) }) - 32 * (texts.length + 1);

it.each([
	['plain text', 10],
	['', 0],
	['größer', 8],
	['你好', 6],
	['🙂🙂', 8],
	['👩‍👩‍👧', 18],
])('counts the bytes of %j', (text, bytes) => {
	expect(tokens(text)).toBe(bytes);
});

it('counts what the compatibility form has more', () => {
	// One character of three bytes that stands for a phrase of eighteen characters.
	expect(tokens('\ufdfa')).toBe(Buffer.byteLength('\ufdfa'.normalize('NFKC')));
	expect(tokens('\ufdfa')).toBeGreaterThan(30);
	// Never fewer than the text's own, where the form is shorter.
	expect(tokens('ﬀ')).toBe(3);
});

it('counts every message and the system text, with something for each', () => {
	expect(tokens('ab', 'c')).toBe(3);
	const given = { system: 'Be brief.', messages: [{ role: 'user' as const, content: 'Hi' }] };
	expect(mostInputTokens(given)).toBe(9 + 2 + 2 * 32);
});

it('is quick for the longest prompt', () => {
	const begun = performance.now();
	tokens('你'.repeat(100_000));
	expect(performance.now() - begun).toBeLessThan(250);
});

const asked = (...content: Block[]) => ({ messages: [{ role: 'user' as const, content }] });
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(400_000) } };
const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBER' } };

it('counts an image as the most that any model makes of it, whatever its bytes', () => {
	const dearest = 4_784;
	expect(mostInputTokens(asked(image))).toBeGreaterThan(dearest);
	expect(mostInputTokens(asked(image))).toBeLessThan(6_000);
	const inResult = { type: 'tool_result', tool_use_id: 't', content: [image, image] };
	expect(mostInputTokens(asked(inResult))).toBeGreaterThan(2 * dearest);
});

it('counts tools, calls and their results by all their bytes, and the words of the API about them', () => {
	const tool = { name: 'look', description: 'd'.repeat(500), input_schema: { type: 'object', properties: { x: { type: 'string' } } } };
	const plain = mostInputTokens(asked({ type: 'text', text: 'Hi' }));
	expect(mostInputTokens({ ...asked({ type: 'text', text: 'Hi' }), tools: [tool] }) - plain).toBeGreaterThan(JSON.stringify(tool).length + 500);
	const use = { type: 'tool_use', id: 't', name: 'look', input: { x: 'y'.repeat(300) } };
	const result = { type: 'tool_result', tool_use_id: 't', content: 'r'.repeat(700) };
	expect(mostInputTokens(asked(use, result))).toBeGreaterThan(1_000);
});

it('counts fields that it does not know', () => {
	const more = mostInputTokens({ ...asked({ type: 'text', text: 'Hi' }), context_of_tomorrow: { text: 'x'.repeat(900) } });
	expect(more).toBeGreaterThan(900);
	expect(mostInputTokens({ ...asked({ type: 'text', text: 'Hi' }), metadata: { user_id: 'x'.repeat(200) } })).toBeLessThan(100);
});

it.each([
	['a PDF', asked(pdf)],
	['a PDF in a result', asked({ type: 'tool_result', tool_use_id: 't', content: [pdf] })],
	['a file', asked({ type: 'document', source: { type: 'file', file_id: 'f' } })],
	['a tool of the provider', { ...asked({ type: 'text', text: 'Hi' }), tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
	['a container', { ...asked({ type: 'text', text: 'Hi' }), container: 'c' }],
])('takes the whole window for %s, whose words are not in the request', (_what, body) => {
	expect(mostInputTokens(body, 1_000_000)).toBe(1_000_000);
});

it('counts a document of words by its words', () => {
	const words = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x'.repeat(5_000) } };
	const bound = mostInputTokens(asked(words), 1_000_000);
	expect(bound).toBeGreaterThan(5_000);
	expect(bound).toBeLessThan(6_000);
	const blocks = { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'x'.repeat(5_000) }, image] } };
	expect(mostInputTokens(asked(blocks), 1_000_000)).toBeGreaterThan(10_000);
});

it.each([
	[{}, []],
	[{ cache_control: { type: 'ephemeral' } }, ['5m']],
	[{ system: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }] }, ['1h']],
	[{ tools: [{ name: 'x', cache_control: { type: 'ephemeral', ttl: '5m' } }] }, ['5m']],
	[asked({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }] }), ['1h']],
	[asked({ type: 'text', text: 'x', cache_control: null }), []],
])('finds the writes to the cache in %j', (body, ttls) => {
	expect([...cacheTtls(body)]).toEqual(ttls);
});
