import type { Answer, ChatItem, Route } from '../core/chat';
import { NO_USAGE } from '../core/chat';

export const target = {
	small: { model: 'tinyllama', model_id: 'tinyllama', backend: 'ollama', tier: 'small', context_window: 2048, max_output: 1024 },
	large: { model: 'mistral-7b', model_id: 'mistral', backend: 'ollama', tier: 'large', context_window: 8192, max_output: 4096 },
	sonnet: { model: 'claude-sonnet-5-5', model_id: 'claude-sonnet-5-5', backend: 'anthropic', tier: 'cloud', max_output: 32_000 },
} as const;

export const route: Route = {
	...target.small,
	decision: 'local',
	complexity: 0.12,
	reasoning: 'A short plain question.',
	factors: [],
	input_tokens: 4,
	estimated_cost: '0',
	fallbacks: [target.large, target.sonnet],
	local_fallback: target.large,
	cache_key: 'abc',
};

export const answer: Answer = {
	text: 'A language.',
	model: 'claude-sonnet-5-5',
	model_id: 'claude-sonnet-5-5',
	backend: 'cloud',
	tier: 'cloud',
	stop_reason: 'end_turn',
	usage: { ...NO_USAGE, input_tokens: 10, output_tokens: 20, cache_read_tokens: 5 },
	provider_usage: { input_tokens: 10 },
};

export function chatItem(changes: Partial<ChatItem> = {}): ChatItem {
	return {
		request_id: 'r-1',
		key_id: 'k-1',
		dialect: 'native',
		model: 'auto',
		messages: [{ role: 'user', content: 'What is Python?' }],
		system: null,
		max_tokens: null,
		temperature: null,
		stop: [],
		stream: false,
		include_usage: false,
		privacy: 'any',
		cache: 'use',
		user: null,
		tags: [],
		allowed_models: null,
		received_at: Date.UTC(2026, 10, 1),
		...changes,
	};
}
