import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { IDataObject } from 'n8n-workflow';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer } from '../../test/fakes';
import { answer, chatItem, route } from '../../test/samples';
import { awaitEntry, spoolWaiting } from '../../core/unbooked';
import { LogCost } from './LogCost.node';

let ledger: FakeServer;
let folder: string;
let status: number;
let refused: string[];

beforeEach(async () => {
	[status, refused] = [201, []];
	folder = await mkdtemp(join(tmpdir(), 'log-cost-'));
	vi.stubEnv('HYBRID_AI_SPOOL_DIR', folder);
	ledger = await startServer(({ body }) => {
		const ids = (body.entries as IDataObject[]).map((entry) => String(entry.request_id));
		if (ids.some((id) => refused.includes(id))) return { status: 400, body: { error: { code: 'x', message: 'model: wrong' } } };
		return { status, body: { results: [] } };
	});
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await ledger.close();
	await rm(folder, { recursive: true });
});

async function run(operation: 'log' | 'replay', item: object = chatItem({ answer, route })) {
	const { context } = fakeContext({ items: [item], parameters: { operation }, credentials: { ledgerUrl: ledger.url } });
	return (await new LogCost().execute.call(context))[0]?.[0]?.json;
}
const booked = () => ledger.received.flatMap(({ body }) => (body.entries as IDataObject[]).map((entry) => entry.request_id));
const waiting = async () => await readdir(folder);

it('books usage, route and owner', async () => {
	expect(await run('log', chatItem({ answer, route, user: 'ann', tags: ['x'] }))).toEqual({ request_id: 'r-1', booked: true });
	expect((ledger.received[0]?.body.entries as IDataObject[])[0]).toMatchObject({
		request_id: 'r-1',
		occurred_at: '2026-11-01T00:00:00.000Z',
		model: 'claude-sonnet-5-5',
		backend: 'cloud',
		status: 'ok',
		usage: answer.usage,
		tier: 'cloud',
		complexity: 0.12,
		key_id: 'k-1',
		user: 'ann',
		tags: ['x'],
		dialect: 'native',
		error_code: null,
	});
});

const timings = { routing_seconds: 0.02, model_seconds: { 'claude-sonnet-5-5': 1.5, tinyllama: 3 } };
const entryOf = async (item: object) => {
	await run('log', item);
	return (ledger.received.at(-1)?.body.entries as IDataObject[])[0];
};

it('books how long the route and the answer’s model took', async () => {
	expect(await entryOf(chatItem({ answer, route, timings }))).toMatchObject({ routing_seconds: 0.02, model_seconds: 1.5 });
	expect(await entryOf(chatItem({ answer: { ...answer, backend: 'cache' }, route, timings }))).toMatchObject({ routing_seconds: 0.02, model_seconds: null });
	expect(await entryOf(chatItem({ route, timings }))).toMatchObject({ routing_seconds: 0.02, model_seconds: null });
	expect(await entryOf(chatItem({ answer, route }))).toMatchObject({ routing_seconds: null, model_seconds: null });
});

it('books a request that a budget denied as an error that cost nothing', async () => {
	const error = { status: 402, code: 'budget_exceeded', message: 'spent' };
	expect(await entryOf(chatItem({ route, error, tries: [{ model: 'claude-sonnet-5-5', ...error }] }))).toMatchObject({
		request_id: 'r-1',
		status: 'error',
		error_code: 'budget_exceeded',
		usage: { input_tokens: 0, output_tokens: 0 },
	});
});

it('books a failure with no usage', async () => {
	await run('log', chatItem({ route, error: { status: 502, code: 'model_error', message: 'x' } }));
	expect((ledger.received[0]?.body.entries as IDataObject[])[0]).toMatchObject({ model: 'tinyllama', status: 'error', error_code: 'model_error', usage: { output_tokens: 0 } });
});

const spent = { model: 'claude-sonnet-5-5', backend: 'cloud', tier: 'cloud', usage: { ...answer.usage, output_tokens: 6 } } as const;
const cut = { status: 502, code: 'stream_cut', message: 'x', spent };
const tries = [{ model: 'claude-sonnet-5-5', ...cut }];

it('books what a model used for an answer that broke off, as an error', async () => {
	await run('log', chatItem({ route, timings, streamed: true, error: cut, tries }));
	expect(ledger.received[0]?.body.entries).toMatchObject([
		{ request_id: 'r-1', model: 'claude-sonnet-5-5', backend: 'cloud', tier: 'cloud', status: 'error', error_code: 'stream_cut', usage: spent.usage, model_seconds: 1.5 },
	]);
});

it.each([
	['answers', { answer: { ...answer, model: 'tinyllama', backend: 'local' as const } }, 'ok'],
	['fails too', { error: { status: 502, code: 'model_error', message: 'y' } }, 'error'],
])('books both models when another one %s', async (_what, outcome, status) => {
	await run('log', chatItem({ route, tries, ...outcome }));
	expect(ledger.received[0]?.body.entries).toMatchObject([
		{ request_id: 'r-1', model: 'tinyllama', status },
		{ request_id: 'r-1/1', model: 'claude-sonnet-5-5', backend: 'cloud', status: 'error', error_code: 'stream_cut', usage: spent.usage },
	]);
});

it.each([503, 401, 500])('lets the entry wait when the ledger answers %i, and replays it once', async (away) => {
	status = away;
	expect(await run('log')).toEqual({ request_id: 'r-1', booked: false });
	await expect(run('replay')).rejects.toThrow();
	status = 201;
	expect(await run('replay')).toEqual({ replayed: 1 });
	expect(await run('replay')).toEqual({ replayed: 0 });
	expect(await waiting()).toEqual([]);
	expect(booked().at(-1)).toBe('r-1');
});

it('lets the entry wait when nobody answers', async () => {
	await ledger.close();
	expect(await run('log')).toEqual({ request_id: 'r-1', booked: false });
	expect(await waiting()).toEqual(['entries.jsonl']);
});

it('puts an entry aside that the ledger refuses, loudly', async () => {
	refused = ['r-1'];
	await expect(run('log')).rejects.toThrow('model: wrong');
	expect(await waiting()).toEqual([expect.stringMatching(/^rejected-.*\.json$/)]);
});

it('replays the good entries of a batch with a bad one', async () => {
	status = 503;
	for (const request_id of ['a', 'bad', 'b']) await run('log', chatItem({ request_id, answer, route }));
	[status, refused] = [201, ['bad']];
	ledger.received.length = 0;
	await expect(run('replay')).rejects.toThrow('refused 1 entries');
	expect(booked()).toEqual(['a', 'bad', 'b', 'a', 'bad', 'b']);
	expect(await waiting()).toEqual([expect.stringMatching(/^rejected-/)]);
});

it('books where a paid answer was made, which has a price of its own', async () => {
	const extras = { inference_geo: 'us' };
	await run('log', chatItem({ answer, route, extras }));
	await run('log', chatItem({ answer: { ...answer, backend: 'cache' }, route, extras }));
	expect(ledger.received.map(({ body }) => (body.entries as IDataObject[])[0]?.inference_geo)).toEqual(['us', undefined]);
});

it('leaves nothing for the end of the process once an entry is booked or waits on disk', async () => {
	const item = chatItem({ answer, route });
	for (const now of [201, 503]) {
		status = now;
		awaitEntry(item);
		await run('log', item);
	}
	const before = await waiting();
	spoolWaiting(() => expect.unreachable());
	expect(await waiting()).toEqual(before);
});
