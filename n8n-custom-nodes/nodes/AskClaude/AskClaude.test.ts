import { afterEach, beforeEach, expect, it } from 'vitest';

import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer } from '../../test/fakes';
import { chatItem, route, target } from '../../test/samples';
import { readUsage } from '../../core/models/claude';
import { AskClaude } from './AskClaude.node';

let anthropic: FakeServer;
let behaviour: { status?: number; body?: unknown; drop?: boolean; delay?: number };
const message = {
	content: [{ type: 'thinking', thinking: '...' }, { type: 'text', text: 'A ' }, { type: 'text', text: 'language.' }],
	stop_reason: 'end_turn',
	usage: { input_tokens: 12, output_tokens: 34, service_tier: 'standard' },
};

beforeEach(async () => (anthropic = await startServer(() => behaviour)));
afterEach(async () => await anthropic.close());

async function ask(item = chatItem({ route: { ...route, ...target.sonnet } }), anthropicApiKey = 'secret-key') {
	const credentials = { anthropicUrl: anthropic.url, anthropicApiKey };
	const { context } = fakeContext({ items: [item], parameters: { maxTokens: 4096, timeout: 1 }, credentials });
	const [answered, failed] = await new AskClaude().execute.call(context);
	return { answered: answered?.[0]?.json, failed: failed?.[0]?.json };
}

it('speaks the Messages API and keeps the usage whole', async () => {
	behaviour = { body: message };
	const { answered } = await ask(chatItem({ route: { ...route, ...target.sonnet }, system: 'Be brief.', temperature: 0.5, stop: ['END'] }));
	expect(anthropic.received[0]).toMatchObject({ url: '/v1/messages', headers: { 'x-api-key': 'secret-key', 'anthropic-version': '2023-06-01' } });
	expect(anthropic.received[0]?.body).toEqual({
		model: 'claude-sonnet-5-5',
		max_tokens: 4096,
		system: 'Be brief.',
		messages: [{ role: 'user', content: 'What is Python?' }],
		stop_sequences: ['END'],
	});
	expect(answered).toMatchObject({
		answer: { text: 'A language.', backend: 'cloud', usage: { input_tokens: 12, output_tokens: 34 }, provider_usage: message.usage },
	});
});

const reservation = { model: 'claude-sonnet-5-5', amount: '0.01', max_output_tokens: 1000, expires_at: '2026-11-01T00:15:00Z' };
const cloud = { ...route, ...target.sonnet };

it.each([
	[{ max_output_tokens: 1000 }, null, 1000],
	[{ max_output_tokens: 1000 }, 5000, 1000],
	[{ max_output_tokens: 10_000 }, null, 4096],
	[{ max_output_tokens: 10_000 }, 200, 200],
])('asks for no longer answer than was reserved: %j, asked %j', async (reserved, max_tokens, expected) => {
	behaviour = { body: message };
	await ask(chatItem({ route: cloud, max_tokens, reservation: { ...reservation, ...reserved } }));
	expect(anthropic.received[0]?.body.max_tokens).toBe(expected);
});

it('asks no model with the reservation of another', async () => {
	const { failed } = await ask(chatItem({ route: cloud, reservation: { ...reservation, model: 'claude-haiku-5-5' } }));
	expect(failed).toMatchObject({ error: { status: 503, code: 'not_reserved' }, tries: [{ model: 'claude-sonnet-5-5' }] });
	expect(anthropic.received).toHaveLength(0);
});

it('says that no cloud model can take it when none is left', async () => {
	expect((await ask(chatItem({ route: { ...route, fallbacks: [] } }))).failed).toMatchObject({ error: { status: 503, code: 'no_model' } });
});

it('splits cache writes by their age', () => {
	expect(
		readUsage({
			input_tokens: 1,
			output_tokens: 2,
			cache_read_input_tokens: 3,
			cache_creation_input_tokens: 9,
			cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 5 },
		}),
	).toEqual({ input_tokens: 1, output_tokens: 2, cache_read_tokens: 3, cache_write_5m_tokens: 4, cache_write_1h_tokens: 5 });
	expect(readUsage({ cache_creation_input_tokens: 9, cache_creation: null })).toMatchObject({ cache_write_5m_tokens: 9, cache_write_1h_tokens: 0 });
});

it.each([
	[400, 400, 'model_refused'],
	[401, 502, 'model_error'],
	[429, 503, 'model_overloaded'],
	[500, 502, 'model_error'],
	[529, 502, 'model_error'],
])('tells a %i of the provider as %i %s', async (status, told, code) => {
	behaviour = { status, body: { type: 'error', error: { type: 'x_error', message: 'the reason' } } };
	const { failed } = await ask();
	expect(failed).toMatchObject({ error: { status: told, code }, tries: [{ model: 'claude-sonnet-5-5' }] });
	expect((failed?.error as { message: string }).message).toContain('the reason');
	expect(JSON.stringify(failed)).not.toContain('secret-key');
});

it('names the variable to set when there is no key, and asks nobody', async () => {
	const { failed } = await ask(undefined, '');
	expect(failed).toMatchObject({ error: { status: 503, code: 'cloud_not_configured' } });
	expect((failed?.error as { message: string }).message).toContain('ANTHROPIC_API_KEY');
	expect(anthropic.received).toHaveLength(0);
});

it('fails on an answer without usage: its cost would be unknown', async () => {
	behaviour = { body: { content: [] } };
	expect((await ask()).failed).toMatchObject({ error: { status: 502, code: 'model_error' } });
});
