import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { answerLimit, ASK_OUTPUTS, askModels, askProperties, LONGEST_CLOUD_ANSWER, modelFailure } from '../../core/ask';
import type { Answer, ChatItem, Target, Usage } from '../../core/chat';
import { Refusal } from '../../core/refusal';
import type { Stack } from '../../core/stack';
import { readStack } from '../../core/stack';
import type { JsonResponse } from '../../core/transport';
import { requestJson } from '../../core/transport';

const API_VERSION = '2023-06-01';

export class AskClaude implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Ask Claude',
		name: 'askClaude',
		icon: { light: 'file:askClaude.svg', dark: 'file:askClaude.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: 'cloud, paid per token',
		description: 'Asks the Claude model that the route names over the Messages API, and keeps its whole usage',
		defaults: { name: 'Ask Claude' },
		inputs: [NodeConnectionTypes.Main],
		outputs: ASK_OUTPUTS.map(() => NodeConnectionTypes.Main),
		outputNames: ASK_OUTPUTS,
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: askProperties(LONGEST_CLOUD_ANSWER, 300),
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		const preset = this.getNodeParameter('maxTokens', 0) as number;
		const timeout = (this.getNodeParameter('timeout', 0) as number) * 1000;
		return await askModels(this, 'anthropic', async (item, target) => {
			const response = await askClaude(stack, item, target, preset, timeout);
			if (response.status !== 200) throw modelFailure(target, response.status, errorMessage(response.body), response.headers['retry-after']);
			return readAnswer(response.body as unknown as ClaudeMessage, target);
		});
	}
}

interface ClaudeMessage {
	content?: Array<{ type: string; text?: string }>;
	stop_reason?: string | null;
	usage?: {
		input_tokens?: number;
		output_tokens?: number;
		cache_read_input_tokens?: number | null;
		cache_creation_input_tokens?: number | null;
		cache_creation?: { ephemeral_5m_input_tokens?: number; ephemeral_1h_input_tokens?: number } | null;
	};
}

async function askClaude(stack: Stack, item: ChatItem, target: Target, preset: number, timeout: number): Promise<JsonResponse> {
	if (!stack.anthropicApiKey) {
		throw new Refusal(503, 'cloud_not_configured', 'No key for Claude: set ANTHROPIC_API_KEY and start the stack again.');
	}
	const body = {
		model: target.model_id,
		max_tokens: paidLimit(item, target, preset),
		messages: item.messages,
		system: item.system ?? undefined,
		// No temperature: current Claude models refuse any but their own.
		stop_sequences: item.stop.length > 0 ? item.stop : undefined,
	};
	const headers = { 'x-api-key': stack.anthropicApiKey, 'anthropic-version': API_VERSION };
	return await requestJson(`${stack.anthropicUrl}/v1/messages`, { headers, body, timeout });
}

/** Never a longer answer than what was reserved, nor one of a model that it was not reserved for. */
function paidLimit(item: ChatItem, target: Target, preset: number): number {
	const limit = answerLimit(item, target, preset);
	const { reservation } = item;
	if (!reservation) return limit;
	if (reservation.model !== target.model) {
		const message = `${target.model} was not asked: the budget was reserved for ${reservation.model}. Put a Reserve Budget node before it.`;
		throw new Refusal(503, 'not_reserved', message);
	}
	return Math.min(limit, reservation.max_output_tokens);
}

function errorMessage(body: IDataObject): string {
	const error = body.error as { type?: string; message?: string } | undefined;
	return error?.message ?? error?.type ?? 'no reason given';
}

function readAnswer(message: ClaudeMessage, target: Target): Answer {
	if (!Array.isArray(message.content) || !message.usage) throw modelFailure(target, 502, 'not a message with usage');
	return {
		text: message.content.filter((block) => block.type === 'text').map((block) => block.text ?? '').join(''),
		model: target.model,
		model_id: target.model_id,
		backend: 'cloud',
		tier: target.tier,
		stop_reason: message.stop_reason ?? null,
		usage: readUsage(message.usage),
		provider_usage: message.usage as IDataObject,
	};
}

/** Writes that the provider does not split are 5-minute ones: the cheaper default of the API. */
export function readUsage(usage: NonNullable<ClaudeMessage['usage']>): Usage {
	const written = usage.cache_creation_input_tokens ?? 0;
	const longWrites = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0;
	return {
		input_tokens: usage.input_tokens ?? 0,
		output_tokens: usage.output_tokens ?? 0,
		cache_read_tokens: usage.cache_read_input_tokens ?? 0,
		cache_write_5m_tokens: usage.cache_creation?.ephemeral_5m_input_tokens ?? written - longWrites,
		cache_write_1h_tokens: longWrites,
	};
}
