import type { IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import type { Call } from '../../core/ask';
import { ASK_OUTPUTS, askModels, askProperties, LONGEST_CLOUD_ANSWER, modelFailure } from '../../core/ask';
import type { ChatItem, Target } from '../../core/chat';
import type { ClaudeMessage } from '../../core/models/claude';
import { claudeBody, claudeError, claudeHeaders, paidLimit, readClaudeAnswer } from '../../core/models/claude';
import type { ModelRequest } from '../../core/models/claudeStream';
import { streamClaude } from '../../core/models/claudeStream';
import type { Stack } from '../../core/stack';
import { readStack } from '../../core/stack';
import { requestJson } from '../../core/transport';

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
		return await askModels(this, stack, 'anthropic', async (item, target, call) => {
			const request = claudeRequest(stack, item, target, preset, timeout);
			const message = await (call.pieces ? streamClaude : askClaude)(request, target, call);
			return readClaudeAnswer(message, target);
		});
	}
}

/** Throws Refusal when there is no key, or not this model's reservation. */
function claudeRequest(stack: Stack, item: ChatItem, target: Target, preset: number, timeout: number): ModelRequest {
	const headers = claudeHeaders(stack.anthropicApiKey, item.betas);
	const body = claudeBody(item, target, paidLimit(item, target, preset));
	return { url: `${stack.anthropicUrl}/v1/messages`, headers, body, timeout };
}

async function askClaude({ url, ...request }: ModelRequest, target: Target, { signal }: Call): Promise<ClaudeMessage> {
	const response = await requestJson(url, { ...request, signal });
	if (response.status !== 200) throw modelFailure(target, response.status, claudeError(response.body), response.headers['retry-after']);
	return response.body as ClaudeMessage;
}
