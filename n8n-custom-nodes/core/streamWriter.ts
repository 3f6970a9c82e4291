/** A response that is written in pieces, as Server-Sent Events. */
import type { ServerResponse } from 'node:http';

import type { StreamEncoder } from './dialects/streams/encoder';
import type { Piece } from './pieces';

/** Proxies close a connection on which nothing came for 30 s or more. */
const KEEP_ALIVE_MS = 15_000;

const HEADERS = {
	'content-type': 'text/event-stream; charset=utf-8',
	'cache-control': 'no-cache, no-transform',
	'x-accel-buffering': 'no',
};

/** The methods of the response itself, whatever was put in their place. */
export interface RealResponse {
	write: ServerResponse['write'];
	end: ServerResponse['end'];
}

export class StreamWriter {
	private timer: NodeJS.Timeout | undefined;

	constructor(
		private readonly response: ServerResponse,
		private readonly real: RealResponse,
		private readonly encoder: StreamEncoder,
		private readonly headers: Record<string, string>,
	) {}

	/** Whether the caller has a head already: from then on no other status can be told. */
	get isOpen(): boolean {
		return this.timer !== undefined;
	}

	/** The head goes out with the first piece, not before it. */
	pieces(pieces: Piece[]): void {
		const text = pieces.map((piece) => this.encoder.piece(piece)).join('');
		if (text !== '') this.write(text);
	}

	/** Ends an answer; one that came in no pieces is written whole. */
	finish(document: object): void {
		const body = document as Parameters<StreamEncoder['close']>[0];
		this.end(this.isOpen ? this.encoder.close(body) : this.encoder.whole(body));
	}

	/** Ends an open answer with an error. */
	fail(document: object): void {
		this.end(this.encoder.failure(document as Parameters<StreamEncoder['failure']>[0]));
	}

	/** Writes no more: the response is at its end, or its caller gone. */
	stop(): void {
		clearInterval(this.timer);
	}

	private write(text: string): void {
		this.open();
		this.real.write.call(this.response, text, 'utf8');
		this.timer?.refresh();
	}

	private end(text: string): void {
		this.open();
		this.stop();
		this.real.end.call(this.response, text, 'utf8');
	}

	private open(): void {
		if (this.isOpen) return;
		this.response.writeHead(200, { ...HEADERS, ...this.headers });
		this.timer = setInterval(() => this.write(this.encoder.keepAlive()), KEEP_ALIVE_MS).unref();
	}
}
