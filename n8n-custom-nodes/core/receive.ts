/** What both triggers do first with a request: an id, the caller's key, the JSON body. */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

import type { IDataObject, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';

import { callerWaits } from './cancel';
import type { Failure } from './chat';
import type { DialectFormat } from './dialects/dialect';
import type { StreamEncoder } from './dialects/streams/encoder';
import type { Body } from './fields';
import type { ApiKey } from './keys';
import { keyRing } from './keys';
import { Refusal } from './refusal';
import type { Reply } from './reply';
import { interceptReplies, replyHeaders, writeReply, writeStream } from './reply';
import { readStack } from './stack';

/**
 * A request that needs no execution: answered with `reply`, as a short stream where there is an encoder, or
 * with nothing when its caller has gone.
 */
export class Settled {
	constructor(
		readonly reply?: Reply,
		readonly encoder?: StreamEncoder,
	) {}
}

/**
 * Checks the key, makes the flow's one item with `read`, and leaves the answer to the flow, in pieces where
 * `encoder` gives one for the item. What `read` or the key check refuses is answered at once, in the words
 * of `format`, and no execution starts; nor does one for what `read` gives as settled.
 */
export async function receive<Item extends object>(
	trigger: IWebhookFunctions,
	format: DialectFormat,
	read: (requestId: string, owner: ApiKey) => Promise<Item | Settled>,
	encoder: (item: Item) => StreamEncoder | undefined = () => undefined,
): Promise<IWebhookResponseData> {
	return await refusing(trigger, format, async (requestId) => {
		const item = await read(requestId, await authenticate(trigger));
		if (item instanceof Settled) {
			settle(trigger.getResponseObject(), item, requestId);
			return { noWebhookResponse: true };
		}
		const unanswered = { status: 500, code: 'no_answer', message: 'The flow ended without an answer.' };
		interceptReplies(trigger.getResponseObject(), {
			unanswered: failureReply(format, unanswered, requestId),
			encoder: encoder(item),
			waiting: callerWaits(await readStack(trigger), requestId),
		});
		return { noWebhookResponse: true, workflowData: [[{ json: item as IDataObject }]] };
	});
}

function settle(response: ServerResponse, { reply, encoder }: Settled, requestId: string): void {
	if (!reply) return;
	const whole = { ...reply, headers: { ...replyHeaders(requestId), ...reply.headers } };
	if (encoder) writeStream(response, whole, encoder);
	else writeReply(response, whole);
}

/** Checks the key and answers with the document that `read` gives, or its refusal: no execution starts. */
export async function answerAtOnce(
	trigger: IWebhookFunctions,
	format: DialectFormat,
	read: (requestId: string, owner: ApiKey) => Promise<IDataObject>,
): Promise<IWebhookResponseData> {
	return await refusing(trigger, format, async (requestId) => {
		const body = await read(requestId, await authenticate(trigger));
		writeReply(trigger.getResponseObject(), { status: 200, headers: replyHeaders(requestId), body });
		return { noWebhookResponse: true };
	});
}

async function refusing(
	trigger: IWebhookFunctions,
	format: DialectFormat,
	run: (requestId: string) => Promise<IWebhookResponseData>,
): Promise<IWebhookResponseData> {
	const requestId = randomUUID();
	try {
		return await run(requestId);
	} catch (error) {
		if (!(error instanceof Refusal)) throw error;
		writeReply(trigger.getResponseObject(), failureReply(format, error, requestId));
		return { noWebhookResponse: true };
	}
}

function failureReply(format: DialectFormat, failure: Failure & { field?: string | null }, requestId: string): Reply {
	return { status: format.status(failure), headers: replyHeaders(requestId), body: format.failure(failure, [], requestId) };
}

/** The owner of the key that the request carries; throws Refusal (401, 503). */
async function authenticate(trigger: IWebhookFunctions): Promise<ApiKey> {
	const key = givenKey(trigger.getHeaderData());
	if (!key) {
		throw new Refusal(401, 'missing_api_key', "Send an API key: 'Authorization: Bearer KEY' or 'x-api-key: KEY'.");
	}
	const owner = await keyRing(await readStack(trigger)).find(key);
	if (!owner) throw new Refusal(401, 'invalid_api_key', 'This API key is not known, was revoked or has expired.');
	return owner;
}

function givenKey(headers: IncomingHttpHeaders): string | undefined {
	const bearer = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
	const other = headers['x-api-key'];
	return bearer ?? (typeof other === 'string' && other !== '' ? other : undefined);
}

/**
 * The JSON object that the caller sent, whatever its content type says: curl's `-d` calls it a form.
 * Throws Refusal (400).
 */
export async function readBody(trigger: IWebhookFunctions): Promise<Body> {
	const request = trigger.getRequestObject();
	let body: unknown = request.body;
	if (!request.contentType?.startsWith('application/json')) {
		if (!request.rawBody) await request.readRawBody();
		try {
			body = JSON.parse(request.rawBody.toString('utf8'));
		} catch {
			throw new Refusal(400, 'invalid_json', 'The body is not valid JSON.');
		}
	}
	if (typeof body !== 'object' || body === null || Array.isArray(body)) {
		throw new Refusal(400, 'invalid_request', 'The body must be a JSON object.');
	}
	return body as Body;
}
