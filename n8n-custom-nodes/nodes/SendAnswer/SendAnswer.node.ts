import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import type { ChatItem } from '../../core/chat';
import { dialects } from '../../core/dialects';
import { forEachItem } from '../../core/items';
import type { Reply } from '../../core/reply';
import { sendReply } from '../../core/reply';
import type { Stack } from '../../core/stack';
import { callService, readStack } from '../../core/stack';
import { awaitEntry } from '../../core/unbooked';

const TIMEOUT_MS = 1_000;

export class SendAnswer implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Send Answer',
		name: 'sendAnswer',
		icon: { light: 'file:sendAnswer.svg', dark: 'file:sendAnswer.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle: 'to the caller, in its dialect',
		description: 'Answers the caller with what the item carries: an answer, an error with its status, or a document',
		defaults: { name: 'Send Answer' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: [
			{
				displayName: 'Keep Answer in the Cache',
				name: 'cacheAnswer',
				type: 'boolean',
				default: true,
				description:
					'Whether the same request may get this answer again without asking a model (not for private requests and for Cache-Control: no-store)',
			},
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		return await forEachItem<ChatItem & { document?: IDataObject }>(this, 1, async (item, itemIndex) => {
			const headers = { 'x-request-id': item.request_id };
			if (item.document) {
				await sendReply(this, itemIndex, { status: 200, headers, body: item.document });
				return { item: item };
			}
			const answered = { ...item, cost: await costOf(stack, item) };
			const { status, body } = chatReply(answered);
			await sendReply(this, itemIndex, { status, headers, body });
			if (item.answer) awaitEntry(answered);
			if (this.getNodeParameter('cacheAnswer', itemIndex, true) as boolean) await keepAnswer(stack, item);
			return { item: answered };
		});
	}
}

function chatReply(item: ChatItem): Reply {
	const format = dialects[item.dialect];
	if (item.answer) return { status: 200, body: format.answer(item) };
	const failure = item.error ?? { status: 500, code: 'no_answer', message: 'The flow has no answer.' };
	return { status: failure.status, body: format.failure(failure, item.tries) };
}

/** USD by the ledger; null when it does not say in time: the entry is booked with its true cost later. */
async function costOf(stack: Stack, { request_id, answer, received_at }: ChatItem): Promise<string | null> {
	if (answer?.backend !== 'cloud') return '0';
	const body = { model: answer.model, usage: answer.usage, at: new Date(received_at).toISOString() };
	try {
		const url = `${stack.ledgerUrl}/v1/cost`;
		const response = await callService(stack, url, { body, requestId: request_id, timeout: TIMEOUT_MS });
		return response.status === 200 ? (response.body.cost as string | null) : null;
	} catch {
		return null;
	}
}

async function keepAnswer(stack: Stack, { request_id, route, answer }: ChatItem): Promise<void> {
	const cacheKey = route?.cache_key;
	if (!cacheKey || !answer || answer.backend === 'cache') return;
	const body = { cache_key: cacheKey, answer };
	// The caller has the answer already, and a cache that misses one costs nothing but another call.
	await callService(stack, `${stack.scorerUrl}/v1/answers`, { body, requestId: request_id, timeout: TIMEOUT_MS }).catch(() => undefined);
}
