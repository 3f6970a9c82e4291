import type { INodeType, INodeTypeDescription, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';
import { fromParameter, NodeConnectionTypes, webhookDescriptionFields } from 'n8n-workflow';

import { native } from '../../core/dialects/native';
import { readBody, receive } from '../../core/receive';

export class StackApiTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Stack API Trigger',
		name: 'stackApiTrigger',
		icon: { light: 'file:stackApiTrigger.svg', dark: 'file:stackApiTrigger.dark.svg' },
		group: ['trigger'],
		version: 2,
		subtitle: '={{$parameter["httpMethod"] + " /" + $parameter["path"]}}',
		description: 'Receives requests to a path of the stack’s own API and checks the API key',
		eventTriggerDescription: 'Waiting for a request',
		activationMessage: 'Requests are now answered on this path.',
		defaults: { name: 'Receive Request' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'hybridAiApi', required: true }],
		webhooks: [
			{
				name: 'default',
				responseMode: 'streaming',
				isFullPath: true,
				...webhookDescriptionFields({ path: fromParameter('path'), httpMethod: fromParameter('httpMethod', 'GET') }),
			},
		],
		properties: [
			{
				displayName: 'HTTP Method',
				name: 'httpMethod',
				type: 'options',
				options: [
					{ name: 'GET', value: 'GET' },
					{ name: 'POST', value: 'POST' },
				],
				default: 'GET',
			},
			{
				displayName: 'Path',
				name: 'path',
				type: 'string',
				default: '',
				placeholder: 'v1/stats',
				required: true,
				description: 'Requests to /api/ and this path start the flow',
			},
		],
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		return await receive(this, native, async (requestId, owner) => ({
			request_id: requestId,
			key_id: owner.id,
			allowed_models: owner.allowed_models,
			query: this.getQueryData(),
			body: this.getRequestObject().method === 'POST' ? await readBody(this) : {},
		}));
	}
}
