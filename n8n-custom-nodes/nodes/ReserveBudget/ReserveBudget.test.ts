import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ChatItem } from '../../core/chat';
import { nextTarget } from '../../core/chat';
import type { FakeNode, FakeServer } from '../../test/fakes';
import { fakeContext, startServer } from '../../test/fakes';
import { chatItem, route, target } from '../../test/samples';
import { AskOllama } from '../AskOllama/AskOllama.node';
import { ReserveBudget } from './ReserveBudget.node';

let ledger: FakeServer;
let ledgerUrl: string;
let reply: { status?: number; body?: unknown; drop?: boolean };
let ledgers = 0;

beforeEach(async () => {
	ledger = await startServer(() => reply);
	// What a ledger said is remembered by its address: each test has one of its own, even on the same port.
	ledgerUrl = `${ledger.url}/${ledgers++}`;
});
afterEach(async () => await ledger.close());

const reserved = { reserved: true, amount: '0.0412', expires_at: '2026-11-01T00:15:00Z', hard_budgets: true, warnings: [] };
const cloudRoute = { ...route, ...target.sonnet, decision: 'cloud' as const, fallbacks: [target.large, target.small] };
const failedLocally = { model: 'tinyllama', status: 502, code: 'model_error', message: 'x' };
const allowed = { status: 201, body: reserved };
const away = { status: 503, body: { error: { code: 'unavailable', message: 'no database' } } };

function spent(when_spent: string, code = 'budget_exceeded') {
	return { status: 402, body: { error: { code, message: 'The daily budget of key ann is spent.', budget: {}, needed: '0.05', when_spent } } };
}

async function run(item: object = chatItem({ route: cloudRoute }), given: FakeNode = {}) {
	const { context } = fakeContext({ items: [item], parameters: { maxTokens: 4096 }, credentials: { ledgerUrl, serviceToken: 'secret' }, ...given });
	const outputs = await new ReserveBudget().execute.call(context);
	const index = outputs.findIndex((items) => items.length > 0);
	const json = outputs[index]?.[0]?.json as unknown as ChatItem;
	return { output: new ReserveBudget().description.outputNames?.[index], json, pairedItem: outputs[index]?.[0]?.pairedItem };
}
const localsLeft = (item: ChatItem) => [nextTarget(item, 'ollama')?.model, item.route?.fallbacks.filter(({ backend }) => backend === 'ollama').length];

it('asks with everything that a budget may be for, and the service token', async () => {
	reply = allowed;
	await run(chatItem({ route: cloudRoute, user: 'ann', tags: ['x'], max_tokens: 700 }));
	expect(ledger.received).toHaveLength(1);
	expect(ledger.received[0]).toMatchObject({
		method: 'POST',
		url: expect.stringMatching(/\/v1\/reservations$/) as string,
		headers: { authorization: 'Bearer secret', 'x-request-id': 'r-1' },
	});
	expect(ledger.received[0]?.body).toEqual({
		request_id: 'r-1',
		model: 'claude-sonnet-5-5',
		input_tokens: 15 + 2 * 32,
		max_output_tokens: 700,
		key_id: 'k-1',
		user: 'ann',
		tags: ['x'],
	});
});

it.each([
	[{ streamed: true, error: { status: 502, code: 'stream_cut', message: 'x' } }],
	[{ error: { status: 499, code: 'client_gone', message: 'x' } }],
])('reserves nothing where no model may answer any more: %j', async (changes) => {
	const { output, json } = await run(chatItem({ route: cloudRoute, ...changes }));
	expect([output, json.error, ledger.received]).toEqual(['Denied', changes.error, []]);
});

it('puts what was reserved on the item', async () => {
	reply = allowed;
	const { output, json, pairedItem } = await run();
	expect(output).toBe('Allowed');
	expect(json.reservation).toEqual({ model: 'claude-sonnet-5-5', amount: '0.0412', max_output_tokens: 4096, expires_at: '2026-11-01T00:15:00Z' });
	expect(json).not.toHaveProperty('error');
	expect(json.route).toEqual(cloudRoute);
	expect(pairedItem).toEqual({ item: 0 });
});

it('takes a request that was reserved before, and a model without a price where no hard budget is', async () => {
	reply = { status: 200, body: reserved };
	expect(await run()).toMatchObject({ output: 'Allowed', json: { reservation: { amount: '0.0412' } } });
	reply = { status: 201, body: { ...reserved, amount: null, hard_budgets: false } };
	expect(await run()).toMatchObject({ output: 'Allowed', json: { reservation: { amount: null, max_output_tokens: 4096 } } });
});

it('reserves no longer an answer than the model gives', async () => {
	reply = allowed;
	expect((await run(chatItem({ route: cloudRoute, max_tokens: 1_000_000 }))).json.reservation?.max_output_tokens).toBe(32_000);
});

it('goes to the cloud model that is next when a local one failed', async () => {
	reply = allowed;
	const error = { status: 502, code: 'model_error', message: 'x' };
	const { output, json } = await run(chatItem({ route, tries: [failedLocally], error }));
	expect([output, json.reservation?.model, json.tries]).toEqual(['Allowed', 'claude-sonnet-5-5', [failedLocally]]);
});

it('lets an item pass unchanged when no cloud model is left, and asks nobody', async () => {
	const item = chatItem({ route: { ...route, fallbacks: [target.large] }, tries: [failedLocally] });
	expect(await run(item)).toMatchObject({ output: 'Allowed', json: item });
	expect((await run(chatItem())).output).toBe('Allowed');
	expect(ledger.received).toHaveLength(0);
});

it('forgets the reservation of a model before when the next one is denied', async () => {
	reply = spent('local');
	const reservation = { model: 'x', amount: '1', max_output_tokens: 1, expires_at: '' };
	expect((await run(chatItem({ route: cloudRoute, reservation }))).json.reservation).toBeUndefined();
});

describe('a spent budget', () => {
	it.each(['budget_exceeded', 'unpriced_model'])('denies with 402 %s, in the words of the ledger, and is among the tries', async (code) => {
		reply = spent('refuse', code);
		const { output, json } = await run();
		const error = { status: 402, code, message: 'The daily budget of key ann is spent.' };
		expect([output, json.error, json.tries]).toEqual(['Denied', error, [{ model: 'claude-sonnet-5-5', ...error }]]);
		expect(json.reservation).toBeUndefined();
		expect(nextTarget(json, 'anthropic')).toBeUndefined();
	});

	it('leaves the local models of the route when they may answer instead', async () => {
		reply = spent('local');
		expect(localsLeft((await run()).json)).toEqual(['mistral-7b', 2]);
	});

	it('brings the best local model in where the route has none left', async () => {
		reply = spent('local');
		const pinned = { ...cloudRoute, fallbacks: [], local_fallback: target.large };
		expect(localsLeft((await run(chatItem({ route: pinned }))).json)).toEqual(['mistral-7b', 1]);
		const nothing = { ...pinned, local_fallback: null };
		expect(localsLeft((await run(chatItem({ route: nothing }))).json)).toEqual([undefined, 0]);
	});

	it('leaves no local model to a cloud request that is to be refused', async () => {
		for (const when_spent of ['refuse', 'what the ledger may say one day']) {
			reply = spent(when_spent);
			expect(localsLeft((await run()).json)).toEqual([undefined, 0]);
		}
	});

	it('leaves the other local models to a request that was meant for one', async () => {
		reply = spent('refuse');
		const { json } = await run(chatItem({ route, tries: [failedLocally] }));
		expect([localsLeft(json), json.error?.status]).toEqual([['mistral-7b', 1], 402]);
		const alone = chatItem({ route: { ...route, fallbacks: [target.sonnet] }, tries: [failedLocally] });
		expect(localsLeft((await run(alone)).json)).toEqual([undefined, 0]);
	});

	it.each([
		['refuse', 1, { status: 402, code: 'budget_exceeded' }],
		['local', 0, undefined],
	])('and %s: what the next local node makes of it', async (when_spent, output, error) => {
		reply = spent(when_spent);
		const { json } = await run();
		reply = { body: { message: { content: 'A language.' } } };
		const parameters = { maxTokens: 9, systemText: '', temperature: 0, timeout: 1 };
		const { context } = fakeContext({ items: [json], parameters, credentials: { ollamaUrl: ledger.url } });
		const left = (await new AskOllama().execute.call(context))[output]?.[0]?.json as unknown as ChatItem;
		expect([left.answer?.model, left.error]).toMatchObject([error ? undefined : 'mistral-7b', error]);
		expect(left.tries).toMatchObject([{ model: 'claude-sonnet-5-5', status: 402 }]);
	});

	it('keeps the answer of a stand-in out of the cache', async () => {
		reply = spent('local');
		expect((await run()).json.route?.cache_key).toBeNull();
	});
});

describe('a ledger that is away', () => {
	const ways = [['answers 503', away], ['answers 500', { ...away, status: 500 }], ['drops the connection', { drop: true }]] as const;

	it.each(ways)('and %s denies what nobody knows to be free of hard budgets', async (_how, behaviour) => {
		reply = behaviour;
		const { output, json } = await run();
		expect([output, json.error?.status, json.error?.code]).toEqual(['Denied', 503, 'budget_unknown']);
		expect(json.error?.message).toContain('Whether there is a hard budget');
		expect(json.tries).toMatchObject([{ model: 'claude-sonnet-5-5', code: 'budget_unknown' }]);
		expect(localsLeft(json)).toEqual(['mistral-7b', 2]);
	});

	it.each(ways)('and %s lets pass while there was no hard budget', async (_how, behaviour) => {
		reply = { status: 201, body: { ...reserved, hard_budgets: false } };
		await run();
		reply = behaviour;
		const { output, json } = await run();
		expect([output, json.reservation, json.error]).toEqual(['Allowed', undefined, undefined]);
	});

	it.each(ways)('and %s denies when there was one', async (_how, behaviour) => {
		for (const known of [allowed, spent('refuse')]) {
			reply = { status: 201, body: { ...reserved, hard_budgets: false } };
			await run();
			reply = known;
			await run();
			reply = behaviour;
			const { output, json } = await run();
			expect([output, json.error?.code]).toEqual(['Denied', 'budget_unknown']);
			expect(json.error?.message).toContain('There is a hard budget');
		}
	});

	it('says why, and brings the best local model in', async () => {
		reply = away;
		const { json } = await run(chatItem({ route: { ...cloudRoute, fallbacks: [] } }));
		expect(json.error?.message).toContain('no database');
		expect(localsLeft(json)).toEqual(['mistral-7b', 1]);
		await ledger.close();
		expect((await run()).json.error?.message).toContain('cannot be reached');
	});

	it('lets pass when the ledger says itself that it reserved nothing, as there is no hard budget', async () => {
		reply = { status: 201, body: { reserved: false, amount: null, hard_budgets: false } };
		expect(await run()).toMatchObject({ output: 'Allowed' });
		expect((await run()).json.reservation).toBeUndefined();
	});
});

it.each([
	[401, { error: { code: 'unauthorized', message: 'the reason' } }],
	[400, { error: { code: 'bad_request', message: 'the reason' } }],
	[404, { error: { code: 'not_found', message: 'the reason' } }],
	[200, {}],
	[201, { reserved: false, hard_budgets: true }],
])('does not take a %i for money set aside, whatever was known, and blames no caller', async (status, body) => {
	reply = { status: 201, body: { ...reserved, hard_budgets: false } };
	await run();
	reply = { status, body };
	const { output, json } = await run();
	expect([output, json.error?.status, json.error?.code]).toEqual(['Denied', 503, 'budget_unknown']);
	if ('error' in body) expect(json.error?.message).toContain('the reason');
	expect(localsLeft(json)).toEqual(['mistral-7b', 2]);
});

it('ends a request that is in the books already, with no answer of any model', async () => {
	reply = { status: 409, body: { error: { code: 'already_booked', message: 'r-1 is booked' } } };
	const { output, json } = await run();
	expect([output, json.error]).toEqual(['Denied', { status: 409, code: 'already_booked', message: 'r-1 is booked' }]);
	expect(localsLeft(json)).toEqual([undefined, 0]);
	expect(localsLeft((await run(chatItem({ route, tries: [failedLocally] }))).json)).toEqual([undefined, 0]);
});

it('lets nothing leave by Allowed that broke on the way', async () => {
	const broken = chatItem({ route: cloudRoute, messages: null as never });
	await expect(run(broken)).rejects.toThrow();
	expect(await run(broken, { continueOnFail: true })).toMatchObject({ output: 'Denied', pairedItem: { item: 0 } });
});

it('reserves the dearer writes to the cache, and the place of the inference', async () => {
	reply = allowed;
	const system = [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }];
	await run(chatItem({ route: cloudRoute, extras: { system, inference_geo: 'us' } }));
	await run(chatItem({ route: cloudRoute, extras: { cache_control: { type: 'ephemeral' } } }));
	expect(ledger.received.map(({ body }) => [body.cache_writes, body.inference_geo])).toEqual([['1h', 'us'], ['5m', undefined]]);
});
