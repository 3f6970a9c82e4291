/** The one fake of n8n's contexts, and a real HTTP server to talk to. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

export interface Received {
	method: string;
	url: string;
	headers: IncomingHttpHeaders;
	body: IDataObject;
}

interface Behaviour {
	status?: number;
	body?: unknown;
	raw?: string;
	delay?: number;
	drop?: boolean;
	/** The parts of an answer, each sent by itself; after a `null` the connection is broken off. */
	parts?: Array<string | null>;
}

type Handler = (request: Received) => Behaviour;

export interface FakeServer {
	url: string;
	received: Received[];
	/** Resolves when a client ends an answer that was not at its end. */
	givenUp: Promise<void>;
	close(): Promise<void>;
}

/** A server on a free loopback port that answers as `handler` says. */
export async function startServer(handler: Handler): Promise<FakeServer> {
	const received: Received[] = [];
	const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<void>();
	const server: Server = createServer((request, response) => {
		let text = '';
		request.on('data', (chunk: Buffer) => (text += chunk.toString()));
		request.on('end', () => {
			const body = (text ? JSON.parse(text) : {}) as IDataObject;
			const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
			received.push(one);
			response.on('close', () => !response.writableEnded && giveUp());
			const { status = 200, body: answer = {}, raw, delay = 0, drop = false, parts } = handler(one);
			if (drop) return request.socket.destroy();
			if (parts) return void sendParts(response, parts, delay);
			setTimeout(() => response.writeHead(status).end(raw ?? JSON.stringify(answer)), delay);
			return undefined;
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	const close = async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	};
	return { url: `http://127.0.0.1:${port}`, received, givenUp, close };
}

/** With `delay` milliseconds before each part but the first; an answer without an end goes on for ever. */
async function sendParts(response: ServerResponse, parts: Array<string | null>, delay: number): Promise<void> {
	for (const [index, part] of parts.entries()) {
		await pause(index === 0 ? 0 : Math.max(delay, 1));
		if (part === null) {
			response.destroy();
			return;
		}
		response.write(part);
	}
	if (parts.at(-1) !== UNENDED) response.end();
}

/** A last part after which the answer neither ends nor goes on. */
export const UNENDED = '\n';

export interface FakeNode {
	items?: object[];
	parameters?: IDataObject;
	credentials?: IDataObject;
	continueOnFail?: boolean;
	streaming?: boolean;
}

/** What a node's `execute` sees; `chunks` collects what it streams. */
export function fakeContext(given: FakeNode) {
	const chunks: unknown[] = [];
	const context = {
		getInputData: () => (given.items ?? []).map((json) => ({ json })),
		getNodeParameter: (name: string, _index: number, fallback?: unknown) => given.parameters?.[name] ?? fallback,
		getCredentials: async () => given.credentials ?? {},
		getNode: () => ({ name: 'Node', type: 'test', typeVersion: 1, parameters: {}, position: [0, 0], id: '1' }),
		continueOnFail: () => given.continueOnFail ?? false,
		isStreaming: () => given.streaming ?? true,
		sendChunk: async (_type: string, _index: number, content: unknown) => {
			chunks.push(content);
		},
	};
	return { context: context as unknown as IExecuteFunctions, chunks };
}
