import type {
	INodeType,
	INodeTypeDescription,
	IWebhookDescription,
	IWebhookFunctions,
	IWebhookResponseData,
} from 'n8n-workflow';
import { fromParameter, NodeConnectionTypes, webhookDescriptionFields } from 'n8n-workflow';

import { admit } from '../../core/admission';
import type { ChatRequest, Dialect } from '../../core/chat';
import { dialects } from '../../core/dialects';
import type { ApiKey } from '../../core/keys';
import { readBody, receive } from '../../core/receive';
import { readStack } from '../../core/stack';

export class ChatApiTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Chat API Trigger',
		name: 'chatApiTrigger',
		icon: { light: 'file:chatApiTrigger.svg', dark: 'file:chatApiTrigger.dark.svg' },
		group: ['trigger'],
		version: 2,
		subtitle: 'POST /v1/chat, /v1/chat/completions',
		description: 'Receives chat requests in the native and the OpenAI dialect, checks the API key and refuses bad input',
		eventTriggerDescription: 'Waiting for a chat request',
		activationMessage: 'Chat requests are now answered on these paths.',
		defaults: { name: 'Receive Prompt' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'hybridAiApi', required: true }],
		webhooks: [chatWebhook('native', 'nativePath'), chatWebhook('openai', 'openaiPath')],
		properties: [
			{
				displayName:
					'A request needs an API key (Authorization: Bearer, or x-api-key). Answer it with a Send Answer node.',
				name: 'notice',
				type: 'notice',
				default: '',
			},
			{
				displayName: 'Native Path',
				name: 'nativePath',
				type: 'string',
				default: 'v1/chat',
				required: true,
				description: 'Takes {"prompt": "..."} and answers with the cost and the reason for the route',
			},
			{
				displayName: 'OpenAI Path',
				name: 'openaiPath',
				type: 'string',
				default: 'v1/chat/completions',
				required: true,
				description: 'Takes what the OpenAI SDKs send as a chat completion',
			},
			{
				displayName: 'Answer Cache Hits Without an Execution',
				name: 'answerCacheHits',
				type: 'boolean',
				default: true,
				description:
					'Whether a request that was answered before is answered at once, at a fraction of the work; its cost of 0 is in the ledger, but there is no execution to look at',
			},
		],
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		const dialect = this.getWebhookName() as string as Dialect;
		const answersHits = this.getNodeParameter('answerCacheHits', true) as boolean;
		return await receive(this, dialects[dialect], async (requestId, owner) => {
			const request = await readRequest(this, dialect, requestId, owner);
			const complain = (message: string) => this.logger.error(message);
			return await admit(request, { stack: await readStack(this), response: this.getResponseObject(), owner, answersHits, complain });
		});
	}
}

/** The streaming mode hands the response to the trigger, for answers of one piece too. */
function chatWebhook(dialect: Dialect, pathParameter: string): IWebhookDescription {
	return {
		name: dialect as string as IWebhookDescription['name'],
		httpMethod: 'POST',
		responseMode: 'streaming',
		isFullPath: true,
		...webhookDescriptionFields({ path: fromParameter(pathParameter) }),
	};
}

async function readRequest(
	trigger: IWebhookFunctions,
	dialect: Dialect,
	requestId: string,
	owner: ApiKey,
): Promise<ChatRequest> {
	const { privacy, ...asked } = dialects[dialect].parse(await readBody(trigger));
	const headers = trigger.getHeaderData();
	const cacheControl = headers['cache-control'] ?? '';
	const localOnly = headers['x-hybrid-ai-privacy'] === 'local-only';
	return {
		request_id: requestId,
		key_id: owner.id,
		allowed_models: owner.allowed_models,
		dialect,
		...asked,
		privacy: localOnly ? 'local-only' : (privacy ?? 'any'),
		cache: cacheControl.includes('no-store') ? 'off' : cacheControl.includes('no-cache') ? 'refresh' : 'use',
		received_at: Date.now(),
	};
}
