import type { IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { ASK_OUTPUTS, askModels, askProperties, LONGEST_CLOUD_ANSWER, modelFailure } from '../../core/ask';
import type { ClaudeMessage } from '../../core/models/claude';
import { claudeBody, claudeError, claudeHeaders, paidLimit, readClaudeAnswer } from '../../core/models/claude';
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
		return await askModels(this, 'anthropic', async (item, target) => {
			const headers = claudeHeaders(stack.anthropicApiKey, item.betas);
			const body = claudeBody(item, target, paidLimit(item, target, preset));
			const response = await requestJson(`${stack.anthropicUrl}/v1/messages`, { headers, body, timeout });
			if (response.status !== 200) throw modelFailure(target, response.status, claudeError(response.body));
			return readClaudeAnswer(response.body as unknown as ClaudeMessage, target);
		});
	}
}
