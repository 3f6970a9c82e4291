/**
 * The answer to a caller. n8n's streaming mode writes one line of JSON a chunk; a trigger of ours puts
 * itself in between, so that the caller gets one document in its dialect with the true status, or a stream
 * of its dialect's events. A node answers with `sendReply`, after `sendPieces`, in any process: in queue
 * mode n8n carries the chunk to the one with the socket.
 */
import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import type { ServerResponse } from 'node:http';

import type { Waiting } from './cancel';
import type { StreamEncoder } from './dialects/streams/encoder';
import type { PiecesChunk } from './pieces';
import { StreamWriter } from './streamWriter';

export interface Reply {
	status: number;
	headers?: Record<string, string>;
	body: IDataObject;
}

/** The request's id, by the names that OpenAI's and Anthropic's SDKs look for. */
export function replyHeaders(requestId: string): Record<string, string> {
	return { 'x-request-id': requestId, 'request-id': requestId };
}

/** What `sendReply` sends as the content of a chunk. */
interface ReplyChunk {
	hybrid_ai_reply: Reply;
}

/** Sends the one answer of this request to whoever waits at the trigger. */
export async function sendReply(node: IExecuteFunctions, itemIndex: number, reply: Reply): Promise<void> {
	if (!node.isStreaming()) {
		throw new NodeOperationError(node.getNode(), 'Nobody waits for this answer', {
			description: 'Start the flow with a Chat API Trigger or a Stack API Trigger.',
			itemIndex,
		});
	}
	await node.sendChunk('item', itemIndex, { hybrid_ai_reply: reply } satisfies ReplyChunk as unknown as IDataObject);
}

/** Writes a whole JSON document and ends the response, unless something was written before. */
export function writeReply(response: ServerResponse, reply: Reply): void {
	if (response.headersSent || response.writableEnded) return;
	const payload = Buffer.from(JSON.stringify(reply.body));
	response.writeHead(reply.status, {
		'content-type': 'application/json; charset=utf-8',
		'content-length': payload.length,
		'cache-control': 'no-store, no-transform',
		...reply.headers,
	});
	response.end(payload);
}

/** Writes a whole answer as a short stream and ends the response, unless something was written before. */
export function writeStream(response: ServerResponse, { headers, body }: Reply, encoder: StreamEncoder): void {
	if (response.headersSent || response.writableEnded) return;
	new StreamWriter(response, response, encoder, headers ?? {}).finish(body);
}

/** What is to become of a response that was taken over. */
export interface Interception {
	/** What is written when the execution ends without a reply. */
	unanswered: Reply;
	/** For a caller that wants the answer in pieces. */
	encoder?: StreamEncoder;
	/** Who is told that the caller went away, or that the execution is at its end. */
	waiting?: Waiting;
}

/**
 * Takes over a response: what n8n writes to it is read as chunks, and the pieces and the reply among them
 * are written for real. The reply ends the response, and nothing is written for a caller that is gone.
 */
export function interceptReplies(response: ServerResponse, { unanswered, encoder, waiting }: Interception): void {
	const real = { write: response.write, end: response.end };
	const stream = encoder && new StreamWriter(response, real, encoder, unanswered.headers ?? {});
	let isOver = false;
	const answer = (reply: Reply) => {
		isOver = true;
		if (stream && reply.status < 400) stream.finish(reply.body);
		else if (stream?.isOpen) stream.fail(reply.body);
		else {
			Object.assign(response, real);
			writeReply(response, reply);
			// n8n ends the response when the execution does, and may send keep-alives until then.
			Object.assign(response, { write: () => true, end });
		}
	};
	const write = (line: unknown): boolean => {
		const chunk = isOver ? undefined : readChunk(line);
		if (chunk?.hybrid_ai_pieces) stream?.pieces(chunk.hybrid_ai_pieces);
		else if (chunk?.hybrid_ai_reply) answer(chunk.hybrid_ai_reply);
		return true;
	};
	const end = () => {
		if (!isOver) answer(unanswered);
		waiting?.ended();
		return response;
	};
	const close = () => {
		stream?.stop();
		if (isOver) return;
		isOver = true;
		waiting?.gone();
	};
	if (response.closed) close();
	else response.once('close', close);
	Object.assign(response, { write, end, flush: () => undefined });
}

function readChunk(line: unknown): Partial<ReplyChunk & PiecesChunk> | undefined {
	const text = String(line);
	// n8n's own lines are told apart without parsing them.
	if (!text.includes('hybrid_ai_')) return undefined;
	const chunk = JSON.parse(text) as { content?: string };
	return JSON.parse(chunk.content ?? '{}') as Partial<ReplyChunk & PiecesChunk>;
}
