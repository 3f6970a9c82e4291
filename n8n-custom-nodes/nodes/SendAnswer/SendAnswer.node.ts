import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { leave, retryHeaders } from '../../core/admission';
import type { ChatItem } from '../../core/chat';
import { CLIENT_GONE, inferencePlace } from '../../core/chat';
import { dialects } from '../../core/dialects';
import { forEachItem } from '../../core/items';
import type { Reply } from '../../core/reply';
import { replyHeaders, sendReply } from '../../core/reply';
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
			const retry = item.answer || !item.error ? {} : retryHeaders(item.error);
			const headers = { ...replyHeaders(item.request_id), ...retry };
			if (item.document) {
				await sendReply(this, itemIndex, { status: 200, headers, body: item.document });
				return { item: item };
			}
			if (!item.answer && item.error?.code === CLIENT_GONE) {
				await leave(stack, item, false);
				return { item };
			}
			const answered = { ...item, cost: await costOf(stack, item) };
			const { status, body } = chatReply(answered);
			await sendReply(this, itemIndex, { status, headers, body });
			if (item.answer) awaitEntry(answered);
			await leave(stack, item, this.getNodeParameter('cacheAnswer', itemIndex, true) as boolean);
			return { item: answered };
		});
	}
}

function chatReply(item: ChatItem): Reply {
	const format = dialects[item.dialect];
	if (item.answer) return { status: 200, body: format.answer(item) };
	const failure = item.error ?? { status: 500, code: 'no_answer', message: 'The flow has no answer.' };
	return { status: format.status(failure), body: format.failure(failure, item.tries, item.request_id) };
}

/** USD by the ledger; null when it does not say in time: the entry is booked with its true cost later. */
async function costOf(stack: Stack, item: ChatItem): Promise<string | null> {
	const { request_id, answer, received_at } = item;
	if (answer?.backend !== 'cloud') return '0';
	const body = { model: answer.model, usage: answer.usage, at: new Date(received_at).toISOString(), ...inferencePlace(item, answer) };
	try {
		const url = `${stack.ledgerUrl}/v1/cost`;
		const response = await callService(stack, url, { body, requestId: request_id, timeout: TIMEOUT_MS });
		return response.status === 200 ? (response.body.cost as string | null) : null;
	} catch {
		return null;
	}
}
