/** Answers that come in pieces: Server-Sent Events, or one JSON document a line. */
import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';

import type { IDataObject } from 'n8n-workflow';

import type { Exchange, JsonRequest, JsonResponse } from './transport';
import { askingAgain, begin, parseJson, readJson, TransportError } from './transport';

export type StreamFormat = 'sse' | 'ndjson';

export interface StreamRequest extends JsonRequest {
	format: StreamFormat;
	/** The longest silence after the first event, in milliseconds. */
	idle: number;
}

export interface StreamResponse {
	status: number;
	/** The events as they come, those of one chunk of the network together; throws TransportError. */
	events: AsyncIterable<IDataObject[]>;
}

/**
 * Sends one request and reads the events of its answer. An answer with another status than 200 is read
 * as one JSON document. Leaving the loop over the events early closes the connection.
 * Rejects with TransportError, whose message names host and port but no path, header or body.
 */
export async function requestStream(url: string, request: StreamRequest): Promise<StreamResponse | JsonResponse> {
	return await askingAgain(async () => await open(url, request));
}

export function isStream(response: StreamResponse | JsonResponse): response is StreamResponse {
	return 'events' in response;
}

async function open(url: string, request: StreamRequest): Promise<StreamResponse | JsonResponse> {
	const accept = request.format === 'sse' ? 'text/event-stream' : 'application/x-ndjson';
	const exchange = begin(url, { ...request, headers: { accept, ...request.headers } });
	try {
		const response = await exchange.response;
		if (response.statusCode === 200) return { status: 200, events: readEvents(response, exchange, request) };
		const answer = await readJson(response, exchange);
		exchange.settle();
		return answer;
	} catch (error) {
		exchange.settle();
		throw error;
	}
}

async function* readEvents(response: IncomingMessage, exchange: Exchange, { format, idle }: StreamRequest) {
	const reader = new LineReader(format);
	let silence: NodeJS.Timeout | undefined;
	const tooSilent = () => exchange.fail(new TransportError('timeout', `${exchange.host} sent nothing for ${idle / 1000} s`));
	try {
		for await (const chunk of response) {
			const events = reader.read(chunk as Buffer);
			if (silence) silence.refresh();
			else if (events.length > 0) silence = setTimeout(tooSilent, idle);
			if (events.length > 0) yield events;
		}
		const last = reader.end();
		if (last.length > 0) yield last;
	} catch (error) {
		throw exchange.explain(error);
	} finally {
		clearTimeout(silence);
		exchange.settle();
	}
}

/** Makes events of bytes that may be cut anywhere, in the middle of a character too. */
export class LineReader {
	private readonly decoder = new StringDecoder('utf8');
	private rest = '';
	private data = '';

	constructor(private readonly format: StreamFormat) {}

	read(chunk: Buffer): IDataObject[] {
		const text = this.rest + this.decoder.write(chunk);
		const lines = text.split('\n');
		this.rest = lines.pop() ?? '';
		const events: IDataObject[] = [];
		for (const line of lines) this.take(line, events);
		return events;
	}

	/** What the end of the answer completes: a last line of NDJSON needs no line feed, an event does. */
	end(): IDataObject[] {
		const line = this.rest + this.decoder.end();
		const events: IDataObject[] = [];
		if (this.format === 'ndjson') this.take(line, events);
		return events;
	}

	private take(raw: string, events: IDataObject[]): void {
		const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
		if (this.format === 'ndjson') {
			if (line.trim() !== '') events.push(parseEvent(line));
		} else if (line === '') {
			// OpenAI's streams end with a word that is no JSON; all others are objects.
			if (this.data !== '' && this.data !== '[DONE]') events.push(parseEvent(this.data));
			this.data = '';
		} else if (line.startsWith('data:')) {
			// Event names repeat what the data says; comments and ids are of no use here.
			const value = line.slice(line[5] === ' ' ? 6 : 5);
			this.data = this.data === '' ? value : `${this.data}\n${value}`;
		}
	}
}

function parseEvent(text: string): IDataObject {
	const event = parseJson(text);
	if (!event) throw new TransportError('invalid_answer', 'the answer has an event that is not JSON');
	return event;
}
