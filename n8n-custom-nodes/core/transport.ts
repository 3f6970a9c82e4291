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
	/** Ends the exchange early; it rejects as `aborted` then. */
	signal?: AbortSignal;
}

export interface JsonResponse {
	status: number;
	headers: http.IncomingHttpHeaders;
	body: IDataObject;
}

/** No answer came, or not all of it: the connection failed, the time was up, what came is not JSON, or nobody wants it. */
export class TransportError extends Error {
	constructor(
		readonly code: 'unreachable' | 'timeout' | 'invalid_answer' | 'cut' | 'aborted',
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
	return await askingAgain(async () => await exchange(url, request));
}

/** A server may close an idle connection just as it is used again; nothing was read, so this asks once more. */
export async function askingAgain<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
	try {
		return await ask();
	} catch (error) {
		if (error instanceof StaleConnection) return await ask();
		throw error;
	}
}

class StaleConnection extends TransportError {}

/** A reset that comes later than this may have followed work that the server did, and will charge for. */
const STALE_MS = 1_000;

async function exchange(url: string, request: JsonRequest): Promise<JsonResponse> {
	const exchanged = begin(url, request);
	try {
		return await readJson(await exchanged.response, exchanged);
	} finally {
		exchanged.settle();
	}
}

/** One request on its way. */
export interface Exchange {
	host: string;
	/** The head of the answer; rejects with TransportError. */
	response: Promise<http.IncomingMessage>;
	/** Ends the exchange for this reason, wherever it is; the reading fails with it. */
	fail(reason: TransportError): void;
	/** What went wrong in the reading, as TransportError. */
	explain(error: unknown): TransportError;
	/** To be called once the answer is read or given up. */
	settle(): void;
}

/** Sends a request on a connection that stays open, with its time limit and its signal in force until it is settled. */
export function begin(url: string, request: JsonRequest): Exchange {
	const begun = Date.now();
	const target = new URL(url);
	const { host } = target;
	const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
	let response: http.IncomingMessage | undefined;
	let reason: TransportError | undefined;
	const fail = (given: TransportError) => {
		reason ??= given;
		reject(reason);
		(response ?? call).destroy(reason);
	};
	const { payload, options, client } = prepare(target, request);
	const call = client.request(target, options, (head) => resolve((response = head)));
	const timer = setTimeout(() => {
		fail(new TransportError('timeout', `${host} did not answer within ${request.timeout / 1000} s`));
	}, request.timeout);
	const abort = () => fail(new TransportError('aborted', `the call to ${host} was given up`));
	call.on('error', (error: NodeJS.ErrnoException) => {
		const stale = call.reusedSocket && error.code === 'ECONNRESET' && Date.now() - begun < STALE_MS;
		const message = `${host} cannot be reached (${error.code ?? error.message})`;
		reject(reason ?? new (stale ? StaleConnection : TransportError)('unreachable', message));
	});
	if (request.signal?.aborted) abort();
	else request.signal?.addEventListener('abort', abort);
	call.end(payload);
	return {
		host,
		response: promise,
		fail,
		explain: (error) => reason ?? asTransportError(error, host),
		settle() {
			clearTimeout(timer);
			request.signal?.removeEventListener('abort', abort);
		},
	};
}

function asTransportError(error: unknown, host: string): TransportError {
	if (error instanceof TransportError) return error;
	const { code, message } = error as NodeJS.ErrnoException;
	return new TransportError('cut', `${host} broke off its answer (${code ?? message})`);
}

function prepare(target: URL, request: JsonRequest) {
	const secure = target.protocol === 'https:';
	const payload = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
	const headers: Record<string, string | number> = { accept: 'application/json', ...request.headers };
	if (payload) {
		headers['content-type'] = 'application/json';
		headers['content-length'] = payload.length;
	}
	const method = request.method ?? (payload ? 'POST' : 'GET');
	const options = { method, headers, agent: agents[secure ? 'https:' : 'http:'] };
	return { payload, options, client: secure ? https : http };
}

/** The whole answer as one JSON document; rejects with TransportError. */
export async function readJson(response: http.IncomingMessage, { host, explain }: Exchange): Promise<JsonResponse> {
	const { promise, resolve, reject } = Promise.withResolvers<JsonResponse>();
	const chunks: Buffer[] = [];
	response.on('data', (chunk: Buffer) => chunks.push(chunk));
	response.on('error', (error) => reject(explain(error)));
	response.on('end', () => {
		const status = response.statusCode ?? 0;
		const body = parseJson(Buffer.concat(chunks).toString('utf8'));
		if (body) resolve({ status, headers: response.headers, body });
		else reject(new TransportError('invalid_answer', `${host} answered ${status} with something that is not JSON`));
	});
	return await promise;
}

/** A JSON object, `{}` for an empty text, or undefined for anything else. */
export function parseJson(text: string): IDataObject | undefined {
	if (text === '') return {};
	try {
		const value = JSON.parse(text) as unknown;
		return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as IDataObject) : undefined;
	} catch {
		return undefined;
	}
}
