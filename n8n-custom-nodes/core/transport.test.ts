import { afterEach, expect, it } from 'vitest';

import type { FakeServer } from '../test/fakes';
import { startServer } from '../test/fakes';
import { requestJson } from './transport';

let server: FakeServer;
afterEach(async () => await server.close());

it('sends and reads JSON, whatever the status', async () => {
	server = await startServer(() => ({ status: 402, body: { a: 1 } }));
	const response = await requestJson(`${server.url}/x?y=1`, { body: { text: 'ü' }, headers: { 'x-a': 'b' }, timeout: 1000 });
	expect([response.status, response.body]).toEqual([402, { a: 1 }]);
	expect(server.received[0]).toMatchObject({ method: 'POST', url: '/x?y=1', body: { text: 'ü' }, headers: { 'x-a': 'b' } });
});

it('takes no body as an empty document', async () => {
	server = await startServer(() => ({ status: 200, raw: '' }));
	expect((await requestJson(server.url, { timeout: 1000 })).body).toEqual({});
});

it('says that the time is up, and does not name the path', async () => {
	server = await startServer(() => ({ delay: 2000 }));
	const call = requestJson(`${server.url}/secret-path`, { timeout: 50 });
	await expect(call).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('0.05 s') as string });
	await expect(call).rejects.not.toThrow('secret-path');
});

it('says that nobody is there', async () => {
	server = await startServer(() => ({}));
	await server.close();
	await expect(requestJson(server.url, { timeout: 1000 })).rejects.toMatchObject({ code: 'unreachable' });
});

it('refuses an answer that is not a JSON object', async () => {
	server = await startServer(() => ({ raw: '<html>' }));
	await expect(requestJson(server.url, { timeout: 1000 })).rejects.toMatchObject({ code: 'invalid_answer' });
});

it('asks once more when an idle connection was closed, and only then', async () => {
	let calls = 0;
	server = await startServer(() => ({ body: {}, drop: ++calls === 2 }));
	await requestJson(server.url, { timeout: 1000 });
	await requestJson(server.url, { timeout: 1000 });
	expect(calls).toBe(3);
	calls = 1;
	await server.close();
	server = await startServer(() => ({ body: {}, drop: true }));
	await expect(requestJson(server.url, { timeout: 1000 })).rejects.toMatchObject({ code: 'unreachable' });
	expect(server.received).toHaveLength(1);
});
