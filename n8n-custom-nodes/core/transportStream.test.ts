import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import type { IDataObject } from 'n8n-workflow';
import { afterEach, expect, it } from 'vitest';

import type { StreamFormat, StreamRequest } from './transportStream';
import { isStream, LineReader, requestStream } from './transportStream';

let server: Server;
afterEach(async () => {
	server.closeAllConnections();
	await new Promise((resolve) => server.close(resolve));
});

/** A server on loopback that answers with `act`; gives its address. */
async function serve(act: (response: ServerResponse, calls: number) => void | Promise<void>): Promise<string> {
	let calls = 0;
	server = createServer((request, response) => {
		request.resume();
		request.on('end', () => void act(response, ++calls));
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`;
}

const request: StreamRequest = { format: 'sse', body: { stream: true }, timeout: 2_000, idle: 1_000 };

async function collect(url: string, changes: Partial<StreamRequest> = {}): Promise<IDataObject[]> {
	const response = await requestStream(url, { ...request, ...changes });
	if (!isStream(response)) throw new Error(`status ${response.status}`);
	const events: IDataObject[] = [];
	for await (const some of response.events) events.push(...some);
	return events;
}

it('reads events with comments, names, carriage returns and data over several lines', async () => {
	const url = await serve((response) => {
		response.write(': hello\r\n\r\nevent: a\r\ndata: {"n":1}\r\n\r\nid: 7\ndata:{"n":\ndata:2}\n\n');
		response.end('data: {"n":3}\n\ndata: [DONE]\n\n');
	});
	expect(await collect(url)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

it('reads lines of JSON, the last without its line feed', async () => {
	const url = await serve((response) => void response.end('{"n":1}\n\n{"n":2}\r\n{"n":3}'));
	expect(await collect(url, { format: 'ndjson' })).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

it.each<[StreamFormat, string]>([['sse', 'data: {"text":"ü🙂漢"}\r\n\r\n'], ['ndjson', '{"text":"ü🙂漢"}\n']])(
	'puts %s together again wherever it was cut',
	(format, text) => {
		const bytes = Buffer.from(text);
		for (let first = 1; first < bytes.length; first++) {
			const reader = new LineReader(format);
			const parts = [bytes.subarray(0, first), bytes.subarray(first)];
			expect([...parts.flatMap((part) => reader.read(part)), ...reader.end()]).toEqual([{ text: 'ü🙂漢' }]);
		}
	},
);

it('leaves out an event that was not finished', async () => {
	const url = await serve((response) => void response.end('data: {"n":1}\n\ndata: {"n":2}\n'));
	expect(await collect(url)).toEqual([{ n: 1 }]);
});

it('gives each event while the next is still being made', async () => {
	const { promise, resolve } = Promise.withResolvers<void>();
	const url = await serve(async (response) => {
		response.write('{"n":1}\n');
		await promise;
		response.end('{"n":2}\n');
	});
	const response = await requestStream(url, { ...request, format: 'ndjson' });
	if (!isStream(response)) throw new Error('no stream');
	const seen: IDataObject[] = [];
	for await (const events of response.events) {
		seen.push(...events);
		resolve();
	}
	expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
});

it('reads an answer that is no stream as one document', async () => {
	const url = await serve((response) => void response.writeHead(529).end('{"error":{"message":"busy"}}'));
	expect(await requestStream(url, request)).toMatchObject({ status: 529, body: { error: { message: 'busy' } } });
});

it('says that the answer was broken off', async () => {
	const url = await serve((response) => {
		response.write('{"n":1}\n', () => response.destroy());
	});
	const call = collect(url, { format: 'ndjson' });
	await expect(call).rejects.toMatchObject({ code: 'cut' });
	await expect(call).rejects.not.toThrow('secret-path');
});

it('fails on an event that is not JSON', async () => {
	const url = await serve((response) => void response.end('data: <html>\n\n'));
	await expect(collect(url)).rejects.toMatchObject({ code: 'invalid_answer' });
});

it.each([
	['in all', { timeout: 60 }, '0.06 s'],
	['between two events', { idle: 50 }, 'nothing for 0.05 s'],
])('says that the time %s is up, and closes the connection', async (_what, limits, words) => {
	const { promise, resolve } = Promise.withResolvers<void>();
	const url = await serve((response) => {
		response.on('close', resolve);
		response.write('{"n":1}\n');
	});
	await expect(collect(url, { format: 'ndjson', ...limits })).rejects.toMatchObject({
		code: 'timeout',
		message: expect.stringContaining(words) as string,
	});
	await promise;
});

it('has patience with a first event that takes long', async () => {
	const url = await serve(async (response) => {
		response.flushHeaders();
		await pause(80);
		response.end('{"n":1}\n');
	});
	expect(await collect(url, { format: 'ndjson', idle: 20 })).toEqual([{ n: 1 }]);
});

it.each(['before the head', 'after it'])('closes the connection when it is aborted %s', async (when) => {
	const abort = new AbortController();
	const { promise, resolve } = Promise.withResolvers<void>();
	const url = await serve((response) => {
		response.on('close', resolve);
		if (when === 'after it') response.write('{"n":1}\n');
		setTimeout(() => abort.abort(), 20);
	});
	await expect(collect(url, { format: 'ndjson', signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
	await promise;
});

it('asks nobody when it was aborted before', async () => {
	let calls = 0;
	const url = await serve(() => void calls++);
	await expect(collect(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
	expect(calls).toBe(0);
});

it('closes the connection when the reader has enough', async () => {
	const { promise, resolve } = Promise.withResolvers<void>();
	const url = await serve((response) => {
		response.on('close', resolve);
		response.write('{"n":1}\n');
	});
	const response = await requestStream(url, { ...request, format: 'ndjson' });
	if (!isStream(response)) throw new Error('no stream');
	for await (const events of response.events) if (events.length > 0) break;
	await promise;
});

it('asks once more when an idle connection was closed', async () => {
	let asked = 0;
	const url = await serve((response, calls) => {
		asked = calls;
		if (calls === 2) response.destroy();
		else response.end('{"n":1}\n');
	});
	await collect(url, { format: 'ndjson' });
	expect(await collect(url, { format: 'ndjson' })).toEqual([{ n: 1 }]);
	expect(asked).toBe(3);
});

it('says that nobody is there', async () => {
	const url = await serve(() => undefined);
	server.close();
	await expect(requestStream(url, request)).rejects.toMatchObject({ code: 'unreachable' });
});
