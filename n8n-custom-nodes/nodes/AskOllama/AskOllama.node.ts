import type { IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import type { Call } from '../../core/ask';
import { answerLimit, ASK_OUTPUTS, askModels, askProperties } from '../../core/ask';
import type { Target } from '../../core/chat';
import type { ModelRequest } from '../../core/models/claudeStream';
import type { OllamaChat, Preset } from '../../core/models/ollama';
import { ollamaBody, ollamaFailure, readOllamaAnswer } from '../../core/models/ollama';
import { streamOllama } from '../../core/models/ollamaStream';
import { readStack } from '../../core/stack';
import { requestJson } from '../../core/transport';

export class AskOllama implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Ask Ollama',
		name: 'askOllama',
		icon: { light: 'file:askOllama.svg', dark: 'file:askOllama.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: 'local, free per token',
		description: 'Asks the local model that the route names, or the next local one that was not tried yet',
		defaults: { name: 'Ask Local Model' },
		inputs: [NodeConnectionTypes.Main],
		outputs: ASK_OUTPUTS.map(() => NodeConnectionTypes.Main),
		outputNames: ASK_OUTPUTS,
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: [
			...askProperties(512, 120),
			{
				displayName: 'System Text',
				name: 'systemText',
				type: 'string',
				typeOptions: { rows: 2 },
				default: 'Answer briefly and correctly.',
				description: 'Where the request brings none; small models keep to the point with it',
			},
			{
				displayName: 'Temperature',
				name: 'temperature',
				type: 'number',
				typeOptions: { minValue: 0, maxValue: 2, numberPrecision: 2 },
				default: 0,
				description: 'Where the request names none; at 0 a small model invents least',
			},
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		const maxTokens = this.getNodeParameter('maxTokens', 0) as number;
		const preset: Preset = {
			systemText: this.getNodeParameter('systemText', 0) as string,
			temperature: this.getNodeParameter('temperature', 0) as number,
		};
		const timeout = (this.getNodeParameter('timeout', 0) as number) * 1000;
		return await askModels(this, stack, 'ollama', async (item, target, call) => {
			const body = ollamaBody(item, target, answerLimit(item, target, maxTokens), preset);
			const request = { url: `${stack.ollamaUrl}/api/chat`, body, timeout };
			const chat = call.pieces
				? await streamOllama(request, target, call, item)
				: await askOllama(request, target, call);
			return readOllamaAnswer(chat, item, target);
		});
	}
}

async function askOllama({ url, body, timeout }: ModelRequest, target: Target, { signal }: Call): Promise<OllamaChat> {
	const response = await requestJson(url, { body, timeout, signal });
	if (response.status !== 200) throw ollamaFailure(response, target);
	return response.body as OllamaChat;
}
