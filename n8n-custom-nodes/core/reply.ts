/**
 * The answer to a caller. n8n's streaming mode writes one line of JSON a chunk; a trigger of ours puts
 * itself in between, so that the caller gets one document in its dialect with the true status. A node
 * answers with `sendReply` in any process: in queue mode n8n carries the chunk to the one with the socket.
 */
import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import type { ServerResponse } from 'node:http';

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

/**
 * Takes over a response: what n8n writes to it is read as chunks, and the reply among them is written
 * for real. When the execution ends without one, `unanswered` is.
 */
export function interceptReplies(response: ServerResponse, unanswered: Reply): void {
	const real = { write: response.write, end: response.end };
	const restore = () => Object.assign(response, real);
	const write = (line: unknown): boolean => {
		const reply = readChunk(line);
		if (reply) {
			restore();
			writeReply(response, reply);
			// n8n ends the response when the execution does, and may send keep-alives until then.
			Object.assign(response, { write: () => true, end: () => response });
		}
		return true;
	};
	const end = () => {
		restore();
		writeReply(response, unanswered);
		return response;
	};
	Object.assign(response, { write, end, flush: () => undefined });
}

function readChunk(line: unknown): Reply | undefined {
	const text = String(line);
	if (!text.includes('hybrid_ai_reply')) return undefined;
	const chunk = JSON.parse(text) as { content?: string };
	return (JSON.parse(chunk.content ?? '{}') as Partial<ReplyChunk>).hybrid_ai_reply;
}
