import { expect, it } from 'vitest';

import { mostInputTokens } from './reservations';

const tokens = (...texts: string[]) => mostInputTokens({ system: null, messages: texts.map((content) => ({ role: 'user', content })) }) - 32 * (texts.length + 1);

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
