import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { IDataObject } from 'n8n-workflow';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer } from '../../test/fakes';
import { answer, chatItem, route, target } from '../../test/samples';
import { spoolWaiting } from '../../core/unbooked';
import { SendAnswer } from './SendAnswer.node';

let services: FakeServer;
let costReply: { status?: number; body?: object; drop?: boolean };
beforeEach(async () => {
	costReply = { body: { cost: '0.000131', priced: true } };
	services = await startServer(({ url }) => (url === '/v1/cost' ? costReply : { status: 204, raw: '' }));
});
afterEach(async () => await services.close());

async function send(item: object, cacheAnswer = true) {
	const credentials = { ledgerUrl: services.url, scorerUrl: services.url };
	const { context, chunks } = fakeContext({ items: [item], parameters: { cacheAnswer }, credentials });
	const [items] = await new SendAnswer().execute.call(context);
	const { hybrid_ai_reply: reply } = chunks[0] as { hybrid_ai_reply: { status: number; headers: IDataObject; body: IDataObject } };
	return { reply, json: items?.[0]?.json, called: services.received.map(({ url }) => url) };
}

it('asks the ledger what a cloud answer costs and says it', async () => {
	const { reply, json } = await send(chatItem({ answer, route }));
	expect(reply).toMatchObject({ status: 200, headers: { 'x-request-id': 'r-1' }, body: { cost: 0.000131 } });
	expect(json?.cost).toBe('0.000131');
	expect(services.received[0]?.body).toMatchObject({ model: 'claude-sonnet-5-5', usage: answer.usage, at: '2026-11-01T00:00:00.000Z' });
});

it('costs nothing for a local answer, and does not ask', async () => {
	const { reply, called } = await send(chatItem({ answer: { ...answer, backend: 'local' }, route }), false);
	expect(reply.body.cost).toBe(0);
	expect(called).toEqual(['/v1/done']);
});

it('answers without the cost when the ledger is away', async () => {
	costReply = { drop: true };
	const { reply } = await send(chatItem({ answer, route }));
	expect([reply.status, reply.body.cost, reply.body.response]).toEqual([200, null, 'A language.']);
});

it('keeps the answer in the cache under the route’s key', async () => {
	await send(chatItem({ answer, route }));
	expect(services.received[1]).toMatchObject({ url: '/v1/done', body: { request_id: 'r-1', ok: true, cache_key: 'abc', answer: { text: 'A language.' } } });
});

it.each([
	['a cached answer', chatItem({ answer: { ...answer, backend: 'cache' }, route }), true],
	['a request without a cache key', chatItem({ answer, route: { ...route, cache_key: null } }), true],
	['a node that is told not to', chatItem({ answer, route }), false],
	['a private answer', chatItem({ answer, route, privacy: 'local-only' }), true],
	['an answer that the caller wants nowhere', chatItem({ answer, route, cache: 'off' }), true],
	['an answer of a local model that stood in', chatItem({ answer: { ...answer, backend: 'local' }, route: { ...route, ...target.sonnet } }), true],
	['a failure', chatItem({ error: { status: 502, code: 'x', message: 'y' }, route }), true],
])('does not keep %s, and frees its places', async (_what, item, cacheAnswer) => {
	await send(item, cacheAnswer);
	const done = services.received.find(({ url }) => url === '/v1/done');
	expect(done?.body).toEqual({ request_id: 'r-1', ok: item.answer !== undefined });
});

it('tells when to try again', async () => {
	const { reply } = await send(chatItem({ error: { status: 429, code: 'local_queue_full', message: 'Later.', retry_after: 12 } }));
	expect([reply.status, reply.headers['retry-after']]).toEqual([429, '12']);
});

it('answers when the scorer is away', async () => {
	const dead = await startServer(() => ({ drop: true }));
	const credentials = { ledgerUrl: services.url, scorerUrl: dead.url };
	const { context, chunks } = fakeContext({ items: [chatItem({ answer, route })], parameters: {}, credentials });
	await new SendAnswer().execute.call(context);
	await dead.close();
	expect(chunks).toHaveLength(1);
});

it('tells a failure with its status', async () => {
	const { reply } = await send(chatItem({ error: { status: 402, code: 'over_budget', message: 'Too much.' } }));
	expect([reply.status, reply.body]).toEqual([402, { error: { code: 'over_budget', message: 'Too much.' } }]);
});

it('sends nothing to a caller that is gone, and frees the request’s places', async () => {
	const items = [chatItem({ error: { status: 499, code: 'client_gone', message: 'x' }, route })];
	const { context, chunks } = fakeContext({ items, credentials: { scorerUrl: services.url } });
	const [sent] = await new SendAnswer().execute.call(context);
	expect([chunks, (sent?.[0]?.json.error as IDataObject).code]).toEqual([[], 'client_gone']);
	expect(services.received).toMatchObject([{ url: '/v1/done', body: { request_id: 'r-1', ok: false } }]);
});

it('tells a spent budget as 402 in each dialect, with what was tried', async () => {
	const error = { status: 402, code: 'budget_exceeded', message: 'The daily budget of key ann is spent.' };
	const tries = [{ model: 'claude-sonnet-5-5', ...error }];
	const native = (await send(chatItem({ error, tries, route }))).reply;
	expect([native.status, native.body]).toEqual([
		402,
		{ error: { code: error.code, message: error.message }, models_tried: [{ model: 'claude-sonnet-5-5', code: 'budget_exceeded' }] },
	]);
	const openai = (await send(chatItem({ dialect: 'openai', error, tries, route }))).reply;
	expect([openai.status, openai.body.error]).toEqual([402, { message: error.message, type: 'insufficient_quota', param: null, code: error.code }]);
	const anthropic = (await send(chatItem({ dialect: 'anthropic', error, tries, route }))).reply;
	expect(anthropic).toMatchObject({ status: 402, headers: { 'request-id': 'r-1' }, body: { type: 'error', error: { type: 'billing_error' }, request_id: 'r-1' } });
});

it('tells of a denied model beside the answer of the one that stood in', async () => {
	const tries = [{ model: 'claude-sonnet-5-5', status: 402, code: 'budget_exceeded', message: 'spent' }];
	const { reply } = await send(chatItem({ answer: { ...answer, backend: 'local' }, tries, route: { ...route, cache_key: null } }));
	expect([reply.status, reply.body.models_tried]).toEqual([200, [{ model: 'claude-sonnet-5-5', code: 'budget_exceeded' }]]);
});

it('sends a document as it is', async () => {
	const { reply } = await send({ request_id: 'r-2', document: { total_requests: 3 } });
	expect([reply.status, reply.body]).toEqual([200, { total_requests: 3 }]);
});

it.each([
	['native', 400, 'unknown_model', 400],
	['openai', 400, 'unknown_model', 404],
	['anthropic', 400, 'model_retired', 404],
	['native', 503, 'model_overloaded', 503],
	['openai', 503, 'model_overloaded', 429],
	['anthropic', 503, 'model_overloaded', 429],
	['anthropic', 413, 'prompt_too_long', 413],
] as const)('tells %s callers of %i %s with the status %#', async (dialect, status, code, told) => {
	expect((await send(chatItem({ dialect, error: { status, code, message: 'x' } }))).reply.status).toBe(told);
});

it('asks for the price of the place where the answer was made', async () => {
	await send(chatItem({ answer, route, extras: { inference_geo: 'us' } }));
	expect(services.received[0]?.body).toMatchObject({ inference_geo: 'us' });
});

it.each([
	['an answer', chatItem({ answer: { ...answer, backend: 'local' }, route }), ['r-1']],
	['no failure', chatItem({ error: { status: 502, code: 'x', message: 'y' }, route }), []],
])('has %s booked even if n8n ends before Log Cost', async (_what, item, expected) => {
	await send(item, false);
	const folder = await mkdtemp(join(tmpdir(), 'send-answer-'));
	vi.stubEnv('HYBRID_AI_SPOOL_DIR', folder);
	const entries: string[] = [];
	spoolWaiting(({ request_id }) => {
		entries.push(request_id);
		return [];
	});
	vi.unstubAllEnvs();
	await rm(folder, { recursive: true });
	expect(entries).toEqual(expected);
});
