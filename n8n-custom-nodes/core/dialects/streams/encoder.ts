/** How a chat dialect writes an answer as Server-Sent Events. */
import type { IDataObject } from 'n8n-workflow';

import type { ChatRequest } from '../../chat';
import type { Piece } from '../../pieces';

/**
 * Writes one answer. What it gives goes to the caller as it is; the documents are those that the dialect
 * answers with when nobody asked for a stream.
 */
export interface StreamEncoder {
	piece(piece: Piece): string;
	/** The end of an answer whose pieces were written. */
	close(document: IDataObject): string;
	/** A whole answer that came in no pieces. */
	whole(document: IDataObject): string;
	/** The end of an answer that failed after its first pieces. */
	failure(document: IDataObject): string;
	/** What says nothing, but keeps the connection open. */
	keepAlive(): string;
}

/** What a stream has to know of its request. */
export type Streamed = Pick<ChatRequest, 'request_id' | 'received_at' | 'include_usage'>;

/** One event; without a name for dialects whose data says it all. */
export function sse(data: string, name?: string): string {
	return name === undefined ? `data: ${data}\n\n` : `event: ${name}\ndata: ${data}\n\n`;
}

/** A comment, which every reader of events leaves out. */
export const COMMENT = ': keep-alive\n\n';
