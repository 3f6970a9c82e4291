/** All HTTP of these nodes: JSON in, JSON out, on connections that stay open. */
import * as http from 'node:http';
import * as https from 'node:https';

import type { IDataObject } from 'n8n-workflow';

// Node's own client on a keep-alive agent costs less CPU a request than fetch or n8n's helper.
const agents = {
	'http:': new http.Agent({ keepAlive: true, maxSockets: 256 }),
	'https:': new https.Agent({ keepAlive: true, maxSockets: 256 }),
};

export interface JsonRequest {
	method?: 'GET' | 'POST';
	headers?: Record<string, string>;
	body?: unknown;
	/** For the whole exchange, in milliseconds. */
	timeout: number;
}

export interface JsonResponse {
	status: number;
	headers: http.IncomingHttpHeaders;
	body: IDataObject;
}

/** No answer came: the connection failed, the time was up, or what came is not JSON. */
export class TransportError extends Error {
	constructor(
		readonly code: 'unreachable' | 'timeout' | 'invalid_answer',
		message: string,
	) {
		super(message);
	}
}

/**
 * Sends one request and reads one JSON document, whatever its status.
 * Rejects with TransportError, whose message names host and port but no path, header or body.
 */
export async function requestJson(url: string, request: JsonRequest): Promise<JsonResponse> {
	try {
		return await exchange(url, request);
	} catch (error) {
		// A server may close an idle connection just as it is used again; nothing was read, so ask once more.
		if (error instanceof StaleConnection) return await exchange(url, request);
		throw error;
	}
}

class StaleConnection extends TransportError {}

/** A reset that comes later than this may have followed work that the server did, and will charge for. */
const STALE_MS = 1_000;

async function exchange(url: string, request: JsonRequest): Promise<JsonResponse> {
	const begun = Date.now();
	const { promise, resolve, reject } = Promise.withResolvers<JsonResponse>();
	const target = new URL(url);
	const secure = target.protocol === 'https:';
	const payload = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
	const headers: Record<string, string | number> = { accept: 'application/json', ...request.headers };
	if (payload) {
		headers['content-type'] = 'application/json';
		headers['content-length'] = payload.length;
	}
	const method = request.method ?? (payload ? 'POST' : 'GET');
	const agent = agents[secure ? 'https:' : 'http:'];
	const call = (secure ? https : http).request(target, { method, headers, agent }, (response) => {
		const chunks: Buffer[] = [];
		response.on('data', (chunk: Buffer) => chunks.push(chunk));
		response.on('error', fail);
		response.on('end', () => {
			clearTimeout(timer);
			const status = response.statusCode ?? 0;
			const body = parseJson(Buffer.concat(chunks).toString('utf8'));
			if (body) resolve({ status, headers: response.headers, body });
			else reject(new TransportError('invalid_answer', `${target.host} answered ${status} with something that is not JSON`));
		});
	});
	const timer = setTimeout(() => {
		reject(new TransportError('timeout', `${target.host} did not answer within ${request.timeout / 1000} s`));
		call.destroy();
	}, request.timeout);
	function fail(error: NodeJS.ErrnoException) {
		clearTimeout(timer);
		const stale = call.reusedSocket && error.code === 'ECONNRESET' && Date.now() - begun < STALE_MS;
		reject(new (stale ? StaleConnection : TransportError)('unreachable', `${target.host} cannot be reached (${error.code ?? error.message})`));
	}
	call.on('error', fail);
	call.end(payload);
	return await promise;
}

function parseJson(text: string): IDataObject | undefined {
	if (text === '') return {};
	try {
		const value = JSON.parse(text) as unknown;
		return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as IDataObject) : undefined;
	} catch {
		return undefined;
	}
}
