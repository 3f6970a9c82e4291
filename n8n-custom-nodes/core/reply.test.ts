import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it, vi } from 'vitest';

import { fakeContext } from '../test/fakes';
import type { Waiting } from './cancel';
import { NativeStream } from './dialects/streams/native';
import type { Piece } from './pieces';
import { sendPieces } from './pieces';
import type { Reply } from './reply';
import { interceptReplies, sendReply } from './reply';

const unanswered: Reply = { status: 500, body: { error: 'unanswered' } };

/** Serves one request with `act` and gives what the client saw. */
async function served(act: (response: ServerResponse) => void) {
	const server = createServer((_request, response) => act(response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	const seen = { status: response.status, body: await response.json(), headers: response.headers };
	await new Promise((resolve) => server.close(resolve));
	return seen;
}

async function chunkOf(reply: Reply): Promise<string> {
	const { context, chunks } = fakeContext({});
	await sendReply(context, 0, reply);
	return `${JSON.stringify({ type: 'item', content: JSON.stringify(chunks[0]), metadata: {} })}\n`;
}

it('writes the reply with its status and headers, and nothing of n8n’s own lines', async () => {
	const chunk = await chunkOf({ status: 402, headers: { 'x-request-id': 'r' }, body: { text: 'hybrid ü' } });
	const seen = await served((response) => {
		interceptReplies(response, { unanswered });
		response.write('{"type":"keepalive"}\n');
		response.write(chunk);
		response.write('{"type":"end"}\n');
		response.end();
	});
	expect([seen.status, seen.body, seen.headers.get('x-request-id')]).toEqual([402, { text: 'hybrid ü' }, 'r']);
});

it('answers for an execution that ended without a reply', async () => {
	const seen = await served((response) => {
		interceptReplies(response, { unanswered });
		response.write('{"type":"begin"}\n');
		response.end();
	});
	expect([seen.status, seen.body]).toEqual([500, { error: 'unanswered' }]);
});

it('sends one reply only', async () => {
	const [first, second] = [await chunkOf({ status: 200, body: { n: 1 } }), await chunkOf({ status: 500, body: { n: 2 } })];
	const seen = await served((response) => {
		interceptReplies(response, { unanswered });
		response.write(first);
		response.write(second);
		response.end();
	});
	expect([seen.status, seen.body]).toEqual([200, { n: 1 }]);
});

it('says what is missing when nobody waits', async () => {
	const { context } = fakeContext({ streaming: false });
	await expect(sendReply(context, 0, unanswered)).rejects.toThrow('Nobody waits');
});

/** Starts a server whose one response is taken over for a stream; gives it, and what the client reads. */
async function streaming(waiting?: Waiting) {
	const { promise, resolve } = Promise.withResolvers<ServerResponse>();
	const server = createServer((_request, response) => {
		interceptReplies(response, { unanswered: { ...unanswered, headers: { 'x-request-id': 'r' } }, encoder: new NativeStream(), waiting });
		resolve(response);
	});
	await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
	const abort = new AbortController();
	const answer = fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { signal: abort.signal });
	answer.catch(() => undefined);
	const close = async () => {
		server.closeAllConnections();
		await new Promise((done) => server.close(done));
	};
	return { response: await promise, answer, abort, close };
}

async function piecesChunk(...pieces: Piece[]): Promise<string> {
	const { context, chunks } = fakeContext({});
	await sendPieces(context, 0, pieces);
	return `${JSON.stringify({ type: 'item', content: JSON.stringify(chunks[0]), metadata: {} })}\n`;
}

const start: Piece = { type: 'start', model: 'm', usage: null };
const token = async (text: string) => await piecesChunk({ type: 'text', text });

it('writes the head with the first piece, and each piece when it comes', async () => {
	const { response, answer, close } = await streaming();
	response.write('{"type":"begin"}\n');
	expect(response.headersSent).toBe(false);
	response.write(await piecesChunk(start, { type: 'text', text: 'A ' }));
	const { status, headers, body } = await answer;
	expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([200, 'text/event-stream; charset=utf-8', 'no-cache, no-transform']);
	expect([headers.get('x-accel-buffering'), headers.get('x-request-id')]).toEqual(['no', 'r']);
	const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
	expect((await reader.read()).value).toBe('event: token\ndata: {"text":"A "}\n\n');
	response.write('{"type":"keepalive"}\n');
	response.write(await token('ü'));
	expect((await reader.read()).value).toBe('event: token\ndata: {"text":"ü"}\n\n');
	response.write(await chunkOf({ status: 200, body: { cost: 1 } }));
	expect((await reader.read()).value).toBe('event: done\ndata: {"cost":1}\n\n');
	// The client does not wait for what the flow does after its answer.
	expect((await reader.read()).done).toBe(true);
	response.write(await token('late'));
	response.end();
	await close();
});

it('ends a stream with an error event, and tells a status as long as nothing was written', async () => {
	const failure = await chunkOf({ status: 502, body: { error: 'cut' } });
	const late = await streaming();
	late.response.write(await token('A'));
	late.response.write(failure);
	expect(await (await late.answer).text()).toContain('event: error\ndata: {"error":"cut"}\n\n');
	await late.close();
	const early = await streaming();
	early.response.write(failure);
	const answer = await early.answer;
	expect([answer.status, answer.headers.get('content-type'), await answer.json()]).toEqual([502, 'application/json; charset=utf-8', { error: 'cut' }]);
	await early.close();
});

it('writes an answer without pieces as a short stream', async () => {
	const { response, answer, close } = await streaming();
	response.write(await chunkOf({ status: 200, body: { response: 'Hi' } }));
	expect(await (await answer).text()).toBe('event: token\ndata: {"text":"Hi"}\n\nevent: done\ndata: {"response":"Hi"}\n\n');
	await close();
});

it('tells of an execution that ended in the middle of a stream', async () => {
	const { response, answer, close } = await streaming();
	response.write(await token('A'));
	response.end();
	expect(await (await answer).text()).toContain('event: error\ndata: {"error":"unanswered"}\n\n');
	await close();
});

it('keeps a silent stream open, but writes nothing before the first piece', async () => {
	vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
	const { response, answer, close } = await streaming();
	await vi.advanceTimersByTimeAsync(60_000);
	expect(response.headersSent).toBe(false);
	response.write(await token('A'));
	await vi.advanceTimersByTimeAsync(30_000);
	response.write(await chunkOf({ status: 200, body: {} }));
	await vi.advanceTimersByTimeAsync(30_000);
	vi.useRealTimers();
	expect((await (await answer).text()).split(': keep-alive\n\n')).toHaveLength(3);
	await close();
});

it('tells that the caller is gone, and writes nothing more', async () => {
	const told: string[] = [];
	const { promise, resolve } = Promise.withResolvers<void>();
	const waiting = { gone: () => (told.push('gone'), resolve()), ended: () => told.push('ended') };
	const { response, answer, abort, close } = await streaming(waiting as unknown as Waiting);
	response.write(await token('A'));
	await answer;
	abort.abort();
	await promise;
	response.write(await token('B'));
	response.write(await chunkOf({ status: 200, body: {} }));
	response.end();
	expect(told).toEqual(['gone', 'ended']);
	await close();
});

it('does not take a caller for gone that has its answer', async () => {
	const told: string[] = [];
	const waiting = { gone: () => told.push('gone'), ended: () => told.push('ended') };
	const { response, answer, close } = await streaming(waiting as unknown as Waiting);
	response.write(await chunkOf({ status: 200, body: {} }));
	await (await answer).text();
	await close();
	response.end();
	expect(told).toEqual(['ended']);
});
