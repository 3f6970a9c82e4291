import { afterEach, expect, it } from 'vitest';

import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer } from '../../test/fakes';
import { ReadModels } from './ReadModels.node';

let scorer: FakeServer;
afterEach(async () => await scorer.close());

async function read(item: object = { request_id: 'r' }) {
	const { context } = fakeContext({ items: [item], credentials: { scorerUrl: scorer.url, serviceToken: 'token' } });
	return (await new ReadModels().execute.call(context))[0]?.[0]?.json;
}

it('puts the models that the key may use into the document', async () => {
	const model = { backend: 'ollama', available: true, reason: null, max_complexity: 0.3, price: null, context_window: 1, aliases: [] };
	scorer = await startServer(() => ({ body: { models: [{ ...model, name: 'a' }, { ...model, name: 'b' }] } }));
	const json = await read({ request_id: 'r', allowed_models: ['b'] });
	expect(json).toMatchObject({ document: { data: [{ id: 'auto' }, { id: 'b' }], models: [{ name: 'a' }, { name: 'b' }] } });
	expect(scorer.received[0]).toMatchObject({ method: 'GET', url: '/v1/models', headers: { authorization: 'Bearer token', 'x-request-id': 'r' } });
});

it('carries an error for the caller when the scorer refuses or is away', async () => {
	scorer = await startServer(() => ({ status: 401, body: { error: { code: 'unauthorized', message: 'no' } } }));
	expect(await read()).toMatchObject({ dialect: 'native', error: { status: 503, code: 'scorer_unavailable', message: 'no' } });
	await scorer.close();
	expect(await read()).toMatchObject({ error: { status: 503 } });
});
