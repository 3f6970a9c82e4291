import { describe, expect, it } from 'vitest';

import { refusal } from '../../test/refusals';
import { answer, chatItem, route } from '../../test/samples';
import { Refusal } from '../refusal';
import { dialects } from '.';

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
		[{ prompt: 'x', stream: 'yes' }, 400, 'stream'],
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
