import type {
	IDataObject,
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
import { newEncoder } from '../../core/dialects/streams';
import type { ApiKey } from '../../core/keys';
import { answerAtOnce, readBody, receive } from '../../core/receive';
import { readStack } from '../../core/stack';
import { countInputTokens } from '../../core/token-count';

const COUNT_TOKENS = 'countTokens';

export class ChatApiTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Chat API Trigger',
		name: 'chatApiTrigger',
		icon: { light: 'file:chatApiTrigger.svg', dark: 'file:chatApiTrigger.dark.svg' },
		group: ['trigger'],
		version: 2,
		subtitle: 'POST /v1/chat, /v1/chat/completions, /v1/messages',
		description:
			'Receives chat requests in the native, the OpenAI and the Anthropic dialect, checks the API key and refuses bad input',
		eventTriggerDescription: 'Waiting for a chat request',
		activationMessage: 'Chat requests are now answered on these paths.',
		defaults: { name: 'Receive Prompt' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'hybridAiApi', required: true }],
		webhooks: [
			chatWebhook('native', 'nativePath'),
			chatWebhook('openai', 'openaiPath'),
			chatWebhook('anthropic', 'anthropicPath'),
			chatWebhook(COUNT_TOKENS, 'countPath'),
		],
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
				displayName: 'Anthropic Path',
				name: 'anthropicPath',
				type: 'string',
				default: 'v1/messages',
				required: true,
				description: 'Takes what the Anthropic SDKs send as a message',
			},
			{
				displayName: 'Token Count Path',
				name: 'countPath',
				type: 'string',
				default: 'v1/messages/count_tokens',
				required: true,
				description: 'Counts the tokens of such a message, and starts no execution',
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
		const name = this.getWebhookName() as string;
		if (name === COUNT_TOKENS) {
			return await answerAtOnce(this, dialects.anthropic, async (requestId) => await countTokens(this, requestId));
		}
		const dialect = name as Dialect;
		const answersHits = this.getNodeParameter('answerCacheHits', true) as boolean;
		const read = async (requestId: string, owner: ApiKey) => {
			const request = await readRequest(this, dialect, requestId, owner);
			const complain = (message: string) => this.logger.error(message);
			return await admit(request, { stack: await readStack(this), response: this.getResponseObject(), owner, answersHits, complain });
		};
		return await receive(this, dialects[dialect], read, (request) => (request.stream ? newEncoder(request) : undefined));
	}
}

/** The streaming mode hands the response to the trigger, for answers of one piece too. */
function chatWebhook(name: Dialect | typeof COUNT_TOKENS, pathParameter: string): IWebhookDescription {
	return {
		name: name as string as IWebhookDescription['name'],
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
	return {
		request_id: requestId,
		key_id: owner.id,
		allowed_models: owner.allowed_models,
		dialect,
		...asked,
		betas: dialect === 'anthropic' ? readBetas(trigger) : null,
		privacy: isLocalOnly(trigger) ? 'local-only' : (privacy ?? 'any'),
		cache: cacheControl.includes('no-store') ? 'off' : cacheControl.includes('no-cache') ? 'refresh' : 'use',
		received_at: Date.now(),
	};
}

async function countTokens(trigger: IWebhookFunctions, requestId: string): Promise<IDataObject> {
	const body = await readBody(trigger);
	const given = { body, betas: readBetas(trigger), localOnly: isLocalOnly(trigger) };
	return { input_tokens: await countInputTokens(await readStack(trigger), requestId, given) };
}

function readBetas(trigger: IWebhookFunctions): string | null {
	const given = trigger.getHeaderData()['anthropic-beta'];
	return (Array.isArray(given) ? given.join(',') : given) || null;
}

function isLocalOnly(trigger: IWebhookFunctions): boolean {
	return trigger.getHeaderData()['x-hybrid-ai-privacy'] === 'local-only';
}
