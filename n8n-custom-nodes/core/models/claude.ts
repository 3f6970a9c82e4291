/** Anthropic's Messages API: what is asked, and what an answer says. */
import type { IDataObject } from 'n8n-workflow';

import { modelFailure } from '../ask';
import type { Answer, ChatItem, Target, Usage } from '../chat';

export interface ClaudeUsage {
	input_tokens?: number;
	output_tokens?: number;
	cache_read_input_tokens?: number | null;
	cache_creation_input_tokens?: number | null;
	cache_creation?: { ephemeral_5m_input_tokens?: number; ephemeral_1h_input_tokens?: number } | null;
}

export interface ClaudeMessage {
	content?: Array<{ type: string; text?: string }>;
	stop_reason?: string | null;
	usage?: ClaudeUsage;
}

export function claudeBody(item: ChatItem, target: Target, limit: number) {
	return {
		model: target.model_id,
		max_tokens: limit,
		messages: item.messages,
		system: item.system ?? undefined,
		// No temperature: current Claude models refuse any but their own.
		stop_sequences: item.stop.length > 0 ? item.stop : undefined,
	};
}

/** Throws Refusal for what is no message with usage: its cost would be unknown. */
export function readClaudeAnswer(message: ClaudeMessage, target: Target): Answer {
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
export function readUsage(usage: ClaudeUsage): Usage {
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
