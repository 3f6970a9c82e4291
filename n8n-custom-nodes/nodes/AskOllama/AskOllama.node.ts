import type { IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { answerLimit, ASK_OUTPUTS, askModels, askProperties, modelFailure } from '../../core/ask';
import type { Answer, ChatItem, Target } from '../../core/chat';
import { NO_USAGE } from '../../core/chat';
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
		const { ollamaUrl } = await readStack(this);
		const preset: Preset = {
			maxTokens: this.getNodeParameter('maxTokens', 0) as number,
			systemText: this.getNodeParameter('systemText', 0) as string,
			temperature: this.getNodeParameter('temperature', 0) as number,
		};
		const timeout = (this.getNodeParameter('timeout', 0) as number) * 1000;
		return await askModels(this, 'ollama', async (item, target) => {
			const body = chatBody(item, target, preset);
			const response = await requestJson(`${ollamaUrl}/api/chat`, { body, timeout });
			if (response.status !== 200) throw modelFailure(target, response.status, String(response.body.error ?? 'no reason given'), response.headers['retry-after']);
			return readAnswer(response.body as unknown as OllamaChat, item, target);
		});
	}
}

/** What holds where the request says nothing. */
interface Preset {
	maxTokens: number;
	systemText: string;
	temperature: number;
}

interface OllamaChat {
	message?: { content?: string };
	done_reason?: string;
	prompt_eval_count?: number;
	eval_count?: number;
}

function chatBody(item: ChatItem, target: Target, preset: Preset) {
	const text = item.system ?? preset.systemText;
	const system = text ? [{ role: 'system', content: text }] : [];
	return {
		model: target.model_id,
		messages: [...system, ...item.messages],
		stream: false,
		options: {
			num_predict: answerLimit(item, target, preset.maxTokens),
			// The same for every request to a model: another size makes Ollama load it anew.
			num_ctx: target.context_window,
			temperature: item.temperature ?? preset.temperature,
			stop: item.stop.length > 0 ? item.stop : undefined,
		},
	};
}

function readAnswer(chat: OllamaChat, item: ChatItem, target: Target): Answer {
	const text = chat.message?.content;
	if (typeof text !== 'string') throw modelFailure(target, 502, 'no message in the answer');
	return {
		text,
		model: target.model,
		model_id: target.model_id,
		backend: 'local',
		tier: target.tier,
		stop_reason: chat.done_reason ?? null,
		usage: {
			...NO_USAGE,
			// Ollama leaves the count out when it had the whole prompt in memory already.
			input_tokens: chat.prompt_eval_count ?? item.route?.input_tokens ?? 0,
			output_tokens: chat.eval_count ?? 0,
		},
		provider_usage: null,
	};
}
