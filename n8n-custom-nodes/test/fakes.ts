/** The one fake of n8n's contexts, and a real HTTP server to talk to. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

export interface Received {
	method: string;
	url: string;
	headers: IncomingHttpHeaders;
	body: IDataObject;
}

type Handler = (request: Received) => { status?: number; body?: unknown; raw?: string; delay?: number; drop?: boolean };

export interface FakeServer {
	url: string;
	received: Received[];
	close(): Promise<void>;
}

/** A server on a free loopback port that answers as `handler` says. */
export async function startServer(handler: Handler): Promise<FakeServer> {
	const received: Received[] = [];
	const server: Server = createServer((request, response) => {
		let text = '';
		request.on('data', (chunk: Buffer) => (text += chunk.toString()));
		request.on('end', () => {
			const body = (text ? JSON.parse(text) : {}) as IDataObject;
			const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
			received.push(one);
			const { status = 200, body: answer = {}, raw, delay = 0, drop = false } = handler(one);
			if (drop) return request.socket.destroy();
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
	return { url: `http://127.0.0.1:${port}`, received, close };
}

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
