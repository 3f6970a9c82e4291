import { createHash } from 'node:crypto';

import type { IDataObject, IWebhookFunctions } from 'n8n-workflow';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { FakeServer } from '../../test/fakes';
import { startServer } from '../../test/fakes';
import { ChatApiTrigger } from './ChatApiTrigger.node';

let ledger: FakeServer;
let more: object;
let credentials: object;
beforeEach(async () => {
	more = {};
	credentials = {};
	const key_hash = createHash('sha256').update('good').digest('hex');
	ledger = await startServer(() => ({ body: { keys: [{ id: 'k-1', name: 'first', key_hash, ...more }] } }));
});
afterEach(async () => await ledger.close());

interface Call {
	dialect?: string;
	headers?: Record<string, string>;
	body?: unknown;
	rawBody?: string;
	contentType?: string;
}

/** Calls the trigger's webhook; gives the item it starts the flow with, or the refusal it wrote. */
async function call({ dialect = 'native', headers = {}, body, rawBody = '', contentType = 'application/json' }: Call) {
	const written: { status?: number; body?: IDataObject } = {};
	const response: object = {
		headersSent: false,
		once: () => response,
		writeHead: (status: number) => Object.assign(written, { status }),
		end: (payload?: Buffer) => payload && Object.assign(written, { body: JSON.parse(payload.toString()) }),
	};
	const trigger = {
		getWebhookName: () => dialect,
		getNodeParameter: (_name: string, fallback: unknown) => fallback,
		getHeaderData: () => headers,
		getResponseObject: () => response,
		getRequestObject: () => ({ body, rawBody: Buffer.from(rawBody), contentType }),
		getNode: () => ({}),
		getCredentials: async () => ({ ledgerUrl: ledger.url, serviceToken: 't', ...credentials }),
	} as unknown as IWebhookFunctions;
	const result = await new ChatApiTrigger().webhook.call(trigger);
	return { item: result.workflowData?.[0]?.[0]?.json, refused: written, result };
}

const bearer = { authorization: 'Bearer good' };

it('starts the flow with the request and its owner', async () => {
	const { item, result } = await call({ headers: bearer, body: { prompt: 'Hi', user: 'ann' } });
	expect(item).toMatchObject({ key_id: 'k-1', dialect: 'native', model: 'auto', user: 'ann', privacy: 'any', cache: 'use' });
	expect(item?.request_id).toMatch(/^[0-9a-f-]{36}$/);
	expect(result.noWebhookResponse).toBe(true);
});

it('sends the models along that the key may use', async () => {
	expect((await call({ headers: bearer, body: { prompt: 'Hi' } })).item?.allowed_models).toBeNull();
});

it('keeps to the models of a narrow key', async () => {
	more = { allowed_models: ['tinyllama'] };
	expect((await call({ headers: bearer, body: { prompt: 'Hi' } })).item?.allowed_models).toEqual(['tinyllama']);
});

it('refuses an expired key with 401, and names no other reason', async () => {
	more = { expires_at: '2020-01-01T00:00:00Z' };
	const { item, refused } = await call({ headers: bearer, body: { prompt: 'Hi' } });
	expect(item).toBeUndefined();
	expect(refused).toMatchObject({ status: 401, body: { error: { code: 'expired_api_key' } } });
});

it('takes an x-api-key too, and JSON that curl calls a form', async () => {
	const { item } = await call({ headers: { 'x-api-key': 'good' }, rawBody: '{"prompt":"Hi"}', contentType: 'application/x-www-form-urlencoded' });
	expect(item?.messages).toEqual([{ role: 'user', content: 'Hi' }]);
});

it.each([
	[{}, 'missing_api_key'],
	[{ authorization: 'Bearer wrong' }, 'invalid_api_key'],
	[{ authorization: 'Basic good' }, 'missing_api_key'],
])('refuses %j with 401 and starts nothing', async (headers, code) => {
	const { item, refused } = await call({ headers: headers as Record<string, string>, body: { prompt: 'Hi' } });
	expect(item).toBeUndefined();
	expect(refused).toMatchObject({ status: 401, body: { error: { code } } });
});

it.each([
	[{ body: { prompt: '' } }, 400],
	[{ body: [] }, 400],
	[{ body: { prompt: 'x'.repeat(100_001) } }, 413],
	[{ rawBody: '{"prompt":', contentType: 'text/plain' }, 400],
])('refuses bad input and starts nothing', async (given, status) => {
	const { item, refused } = await call({ headers: bearer, ...given });
	expect([item, refused.status]).toEqual([undefined, status]);
});

it.each([
	['native', { prompt: 'Hi', stream: true }, { stream: true }],
	['native', { prompt: 'Hi' }, { stream: false }],
	['openai', { messages: [{ role: 'user', content: 'Hi' }], stream: true, stream_options: { include_usage: true } }, { stream: true, include_usage: true }],
])('says on the item whether the answer goes out in pieces: %s %j', async (dialect, body, expected) => {
	expect((await call({ dialect, headers: bearer, body })).item).toMatchObject(expected);
});

it('refuses in the words of the dialect', async () => {
	const { refused } = await call({ dialect: 'openai', headers: bearer, body: { messages: 1 } });
	expect(refused.body?.error).toMatchObject({ type: 'invalid_request_error', param: 'messages' });
});

it.each([
	[{ 'cache-control': 'no-cache' }, { cache: 'refresh' }],
	[{ 'cache-control': 'no-store' }, { cache: 'off' }],
	[{ 'x-hybrid-ai-privacy': 'local-only' }, { privacy: 'local-only' }],
])('reads %j from the headers', async (headers, expected) => {
	expect((await call({ headers: { ...bearer, ...headers }, body: { prompt: 'Hi' } })).item).toMatchObject(expected);
});

it('lets the body not weaken a private header', async () => {
	const headers = { ...bearer, 'x-hybrid-ai-privacy': 'local-only' };
	expect((await call({ headers, body: { prompt: 'Hi', privacy: 'any' } })).item?.privacy).toBe('local-only');
});

it('has one webhook for each dialect, with a path that needs no expression engine', () => {
	const { webhooks = [], properties } = new ChatApiTrigger().description;
	expect(webhooks.map(({ name, httpMethod }) => [name, httpMethod])).toEqual([
		['native', 'POST'],
		['openai', 'POST'],
		['anthropic', 'POST'],
		['countTokens', 'POST'],
	]);
	expect(properties.map(({ name }) => name)).toEqual(expect.arrayContaining(['nativePath', 'openaiPath', 'anthropicPath', 'countPath']));
});

const message = { model: 'auto', max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }] };

it('keeps the features that a caller of the Messages API asks for, and no other caller', async () => {
	const headers = { ...bearer, 'anthropic-version': '2099-01-01', 'anthropic-beta': 'a-2025-01-01,b-2025-01-01' };
	expect((await call({ dialect: 'anthropic', headers, body: message })).item).toMatchObject({ dialect: 'anthropic', betas: 'a-2025-01-01,b-2025-01-01' });
	expect((await call({ headers, body: { prompt: 'Hi' } })).item?.betas).toBeNull();
});

it('refuses in the shape of the Messages API, with the id of the request', async () => {
	const { refused } = await call({ dialect: 'anthropic', headers: {}, body: message });
	expect(refused).toMatchObject({ status: 401, body: { type: 'error', error: { type: 'authentication_error' } } });
	expect(refused.body?.request_id).toMatch(/^[0-9a-f-]{36}$/);
});

describe('counting tokens', () => {
	let services: FakeServer;
	let known: { status?: number; body: object };
	let claude: { status?: number; body: object };
	beforeEach(async () => {
		known = { body: { input_tokens: 7, model_id: null, backend: null } };
		claude = { body: { input_tokens: 11 } };
		services = await startServer(({ url }) => (url === '/v1/tokens' ? known : claude));
		credentials = { scorerUrl: services.url, anthropicUrl: services.url, anthropicApiKey: 'secret-key' };
	});
	afterEach(async () => await services.close());

	const count = async (body: object = message, headers: Record<string, string> = {}) => {
		const { item, refused } = await call({ dialect: 'countTokens', headers: { ...bearer, ...headers }, body });
		expect(item).toBeUndefined();
		return refused;
	};
	const named = { body: { input_tokens: 7, model_id: 'claude-sonnet-5-5', backend: 'anthropic' } };

	it('estimates for auto and for local models, and starts no execution', async () => {
		expect(await count()).toEqual({ status: 200, body: { input_tokens: 7 } });
		known = { body: { input_tokens: 8, model_id: 'tinyllama', backend: 'ollama' } };
		expect(await count({ ...message, model: 'tinyllama' })).toEqual({ status: 200, body: { input_tokens: 8 } });
		expect(services.received.map(({ url }) => url)).toEqual(['/v1/tokens', '/v1/tokens']);
	});

	it('lets Claude count for its own models, with the body as it came', async () => {
		known = named;
		const body = { messages: message.messages, model: 'claude-sonnet', system: [{ type: 'text', text: 'x' }], thinking: { type: 'adaptive' } };
		expect(await count(body, { 'anthropic-beta': 'b' })).toEqual({ status: 200, body: { input_tokens: 11 } });
		expect(services.received[1]).toMatchObject({ url: '/v1/messages/count_tokens', headers: { 'x-api-key': 'secret-key', 'anthropic-beta': 'b' } });
		expect(services.received[1]?.body).toEqual({ ...body, model: 'claude-sonnet-5-5' });
	});

	it('asks nobody outside without a key, or for a private request', async () => {
		known = named;
		expect((await count(message, { 'x-hybrid-ai-privacy': 'local-only' })).body).toEqual({ input_tokens: 7 });
		credentials = { ...credentials, anthropicApiKey: '' };
		expect((await count()).body).toEqual({ input_tokens: 7 });
		expect(services.received.filter(({ url }) => url !== '/v1/tokens')).toEqual([]);
	});

	it.each([
		[{ status: 400, body: { error: { code: 'unknown_model', message: 'Unknown model.' } } }, claude, 404, 'not_found_error'],
		[{ status: 401, body: {} }, claude, 503, 'overloaded_error'],
		[named, { status: 400, body: { error: { message: 'bad block' } } }, 400, 'invalid_request_error'],
		[named, { status: 429, body: {} }, 429, 'rate_limit_error'],
		[named, { status: 401, body: {} }, 502, 'api_error'],
		[{ body: {} }, claude, 502, 'api_error'],
	])('tells what went wrong: %j, %j', async (scorer, provider, status, type) => {
		known = scorer;
		claude = provider as typeof claude;
		const refused = await count();
		expect([refused.status, refused.body?.error]).toEqual([status, expect.objectContaining({ type })]);
		expect(JSON.stringify(refused)).not.toContain('secret-key');
	});

	it('names a bad field', async () => {
		expect((await count({ model: 'auto' })).body?.error).toMatchObject({ message: expect.stringContaining('messages') as string });
	});
});
