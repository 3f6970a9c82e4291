import { createHash } from 'node:crypto';

import type { IDataObject, IWebhookFunctions } from 'n8n-workflow';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { FakeServer } from '../../test/fakes';
import { startServer } from '../../test/fakes';
import { ChatApiTrigger } from './ChatApiTrigger.node';

let ledger: FakeServer;
let more: object;
beforeEach(async () => {
	more = {};
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
		getCredentials: async () => ({ ledgerUrl: ledger.url, serviceToken: 't' }),
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
	expect(webhooks.map(({ name, httpMethod }) => [name, httpMethod])).toEqual([['native', 'POST'], ['openai', 'POST']]);
	expect(properties.map(({ name }) => name)).toEqual(expect.arrayContaining(['nativePath', 'openaiPath']));
});
