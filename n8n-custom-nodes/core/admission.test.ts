/** The trigger with a scorer and a ledger over real HTTP. */
import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { IDataObject, IWebhookFunctions } from 'n8n-workflow';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { ChatApiTrigger } from '../nodes/ChatApiTrigger/ChatApiTrigger.node';
import type { FakeServer, Received } from '../test/fakes';
import { startServer } from '../test/fakes';
import { answer, route } from '../test/samples';
import { routeRequest } from './route-request';

const KEY = 'a'.repeat(64);
const rate = { limit: 60, remaining: 59, reset: 1 };
const go = { decision: 'go', cache_key: KEY, rate };
const wait = { decision: 'wait', cache_key: KEY, rate, leader: 'r-leader' };
const cached = { decision: 'cached', cache_key: KEY, rate, route: { ...route, decision: 'cached', cached_answer: answer } };

let scorer: FakeServer;
let ledger: FakeServer;
let folder: string;
let admissions: Array<object | undefined>;
let joined: () => string;
let ledgerStatus: number;
let delay: number;

beforeEach(async () => {
	[admissions, joined, ledgerStatus, delay] = [[go], () => 'wait', 201, 0];
	folder = await mkdtemp(join(tmpdir(), 'admission-'));
	vi.stubEnv('HYBRID_AI_SPOOL_DIR', folder);
	const key_hash = createHash('sha256').update('good').digest('hex');
	ledger = await startServer(({ url }) =>
		url === '/v1/keys/active' ? { body: { keys: [{ id: 'k-1', name: 'first', key_hash, rate_limit: 7 }] } } : { status: ledgerStatus });
	scorer = await startServer(({ url, body }) => {
		if (url === '/v1/joined') return { body: { joined: Object.fromEntries((body.cache_keys as string[]).map((key) => [key, joined()])) } };
		const said = admissions.length > 1 ? admissions.shift() : admissions[0];
		return said ? { status: 'decision' in said ? 200 : 404, body: said, delay } : { drop: true };
	});
});
afterEach(async () => {
	vi.unstubAllEnvs();
	await Promise.all([scorer.close(), ledger.close()]);
	await rm(folder, { recursive: true });
});

class Response extends EventEmitter {
	headersSent = false;
	status?: number;
	body?: IDataObject;
	/** What is no JSON. */
	events = '';
	headers: Record<string, string> = {};
	setHeader(name: string, value: string) {
		this.headers[name] = value;
	}
	writeHead(status: number, headers: Record<string, string>) {
		this.status = status;
		Object.assign(this.headers, headers);
	}
	end(payload: Buffer | string) {
		if (typeof payload === 'string') this.events = payload;
		else this.body = JSON.parse(payload.toString()) as IDataObject;
		this.emit('close');
	}
}

function call({ dialect = 'native', hits = true, body = { prompt: 'Hi' } as object, response = new Response(), scorerUrl = scorer.url } = {}) {
	const complaints: string[] = [];
	const trigger = {
		getWebhookName: () => dialect,
		getNodeParameter: () => hits,
		getHeaderData: () => ({ authorization: 'Bearer good' }),
		getResponseObject: () => response,
		getRequestObject: () => ({ body, contentType: 'application/json' }),
		getNode: () => ({}),
		getCredentials: async () => ({ ledgerUrl: ledger.url, scorerUrl, serviceToken: 't' }),
		logger: { error: (message: string) => complaints.push(message) },
	} as unknown as IWebhookFunctions;
	const result = new ChatApiTrigger().webhook.call(trigger).then((data) => data.workflowData?.[0]?.[0]?.json);
	return { result, response, complaints };
}
const asked = (server: FakeServer, url: string): Received[] => server.received.filter((one) => one.url === url);

it('starts an execution for a request that is let in, and tells what is left of the rate', async () => {
	const { result, response } = call();
	const item = await result;
	expect(item).toMatchObject({ key_id: 'k-1', messages: [{ content: 'Hi' }] });
	expect(response.headers).toMatchObject({ 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '59', 'x-ratelimit-reset': '1' });
	const { body } = asked(scorer, '/v1/admit')[0]!;
	const own = { rate_limit: 7, max_concurrent: null, waited: false, takes_cached: true };
	// The cache knows a request by these: Route Prompt must send the same.
	expect(body).toEqual(JSON.parse(JSON.stringify({ ...routeRequest(item as never), ...own })));
});

it.each(['native', 'openai', 'anthropic'])('refuses in the words of the %s dialect, with when to try again', async (dialect) => {
	admissions = [{ decision: 'refused', cache_key: null, rate: { ...rate, remaining: 0 }, error: { status: 429, code: 'rate_limited', message: 'Too many.', retry_after: 3 } }];
	const body = dialect === 'native' ? { prompt: 'Hi' } : { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 9 };
	const { result, response } = call({ dialect, body });
	expect(await result).toBeUndefined();
	expect([response.status, response.headers['retry-after'], response.headers['x-ratelimit-remaining']]).toEqual([429, '3', '0']);
	expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
	expect(response.body?.error).toMatchObject({ code: 'rate_limited', message: 'Too many.' });
});

it('answers a cache hit without an execution, and books it', async () => {
	admissions = [cached];
	const { result, response } = call();
	expect(await result).toBeUndefined();
	expect(response.status).toBe(200);
	expect(response.body).toMatchObject({ response: 'A language.', backend: 'cache', cached: true, cost: 0, routing: { complexity: 0.12 } });
	await vi.waitFor(() => expect(asked(ledger, '/v1/entries')).toHaveLength(1));
	const [entry] = asked(ledger, '/v1/entries')[0]!.body.entries as IDataObject[];
	expect(entry).toMatchObject({ request_id: response.headers['x-request-id'], backend: 'cache', status: 'ok', key_id: 'k-1', model_seconds: null });
});

it.each([
	['native', { prompt: 'Hi', stream: true }, 'event: token\ndata: {"text":"A language."}\n\nevent: done'],
	['openai', { messages: [{ role: 'user', content: 'Hi' }], stream: true }, '"delta":{"content":"A language."}'],
	['anthropic', { messages: [{ role: 'user', content: 'Hi' }], stream: true, max_tokens: 9 }, 'event: message_stop'],
])('answers a cache hit in a short stream of the %s dialect', async (dialect, body, expected) => {
	admissions = [cached];
	const { result, response } = call({ dialect, body });
	expect(await result).toBeUndefined();
	expect([response.status, response.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
	expect(response.headers).toMatchObject({ 'x-ratelimit-limit': '60', 'x-request-id': expect.any(String) as unknown });
	expect(response.events).toContain(expected);
	await vi.waitFor(() => expect(asked(ledger, '/v1/entries')).toHaveLength(1));
});

it('lets the entry of a cache hit wait on disk while the ledger is away', async () => {
	[admissions, ledgerStatus] = [[cached], 503];
	const { result, response } = call();
	await result;
	expect(response.status).toBe(200);
	await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['entries.jsonl']));
});

it('complains of an entry that the ledger refuses', async () => {
	[admissions, ledgerStatus] = [[cached], 400];
	const { result, complaints } = call();
	await result;
	await vi.waitFor(() => expect(complaints).toEqual([expect.stringContaining('refused 1 entries')]));
});

it.each([
	[{ hits: false }, false],
	[{ hits: true }, true],
])('takes cached answers only when the node says so: %j', async (given, expected) => {
	await call(given).result;
	expect(asked(scorer, '/v1/admit')[0]?.body.takes_cached).toBe(expected);
});

it('lets identical requests wait in one poll, and answers all of them from the cache', async () => {
	let answered = false;
	joined = () => (answered ? 'answered' : 'wait');
	admissions = [wait];
	const calls = Array.from({ length: 50 }, () => call());
	await vi.waitFor(() => expect(asked(scorer, '/v1/joined').length).toBeGreaterThan(2), 10_000);
	expect(asked(scorer, '/v1/admit')).toHaveLength(50);
	[answered, admissions] = [true, [cached]];
	expect(await Promise.all(calls.map(async ({ result }) => await result))).toEqual(Array(50).fill(undefined));
	expect(calls.map(({ response }) => response.status)).toEqual(Array(50).fill(200));
	expect(asked(scorer, '/v1/joined').every(({ body }) => (body.cache_keys as string[]).length === 1)).toBe(true);
	expect(asked(scorer, '/v1/admit').slice(50).every(({ body }) => body.waited === true)).toBe(true);
});

it('goes itself when the request that it waited for ended without an answer', async () => {
	joined = () => 'free';
	admissions = [wait, go];
	expect(await call().result).toMatchObject({ key_id: 'k-1' });
});

it('waits for two requests in vain, not for a third', async () => {
	joined = () => 'free';
	admissions = [wait, { ...wait, leader: 'r-2' }, { ...wait, leader: 'r-3' }];
	expect(await call().result).toMatchObject({ key_id: 'k-1' });
	expect(asked(scorer, '/v1/admit')).toHaveLength(3);
});

it('starts nothing for a caller who left while it waited', async () => {
	admissions = [wait];
	const { result, response } = call();
	await vi.waitFor(() => expect(asked(scorer, '/v1/joined').length).toBeGreaterThan(0), 5_000);
	response.emit('close');
	expect([await result, response.status]).toEqual([undefined, undefined]);
});

it('goes on when the scorer goes away while it waits', async () => {
	admissions = [wait];
	const { result } = call();
	await vi.waitFor(() => expect(asked(scorer, '/v1/joined').length).toBeGreaterThan(0), 5_000);
	await scorer.close();
	const begun = performance.now();
	expect(await result).toMatchObject({ key_id: 'k-1' });
	expect(performance.now() - begun).toBeLessThan(2_000);
	scorer = await startServer(() => ({}));
});

it.each([
	['is away', () => (admissions = [undefined])],
	['hangs', () => (delay = 3_000)],
	['is older', () => (admissions = [{ error: { code: 'not_found', message: 'There is nothing here.' } }])],
])('goes on within about a second when the scorer %s', async (_what, arrange) => {
	arrange();
	const begun = performance.now();
	expect(await call().result).toMatchObject({ key_id: 'k-1' });
	expect(performance.now() - begun).toBeLessThan(1_500);
});

it('gives signs of life of what is under way until its response is closed', async () => {
	vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], shouldAdvanceTime: true });
	try {
		const { result, response } = call();
		const id = (await result)?.request_id;
		const told = () => asked(scorer, '/v1/joined').flatMap(({ body }) => body.alive as string[]);
		await vi.advanceTimersByTimeAsync(5_100);
		await vi.waitFor(() => expect(told()).toEqual([id]));
		response.emit('close');
		await vi.advanceTimersByTimeAsync(11_000);
		expect(told()).toEqual([id]);
	} finally {
		vi.useRealTimers();
	}
});
