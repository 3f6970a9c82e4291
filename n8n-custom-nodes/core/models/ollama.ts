/** Ollama's chat API: what is asked, and what an answer says. */
import { modelFailure } from '../ask';
import type { Answer, ChatItem, Target } from '../chat';
import { NO_USAGE } from '../chat';

/** What holds where the request says nothing. */
export interface OllamaPreset {
	systemText: string;
	temperature: number;
}

export interface OllamaChat {
	message?: { content?: string };
	done_reason?: string;
	prompt_eval_count?: number;
	eval_count?: number;
}

export function ollamaBody(item: ChatItem, target: Target, limit: number, preset: OllamaPreset) {
	const text = item.system ?? preset.systemText;
	const system = text ? [{ role: 'system', content: text }] : [];
	return {
		model: target.model_id,
		messages: [...system, ...item.messages],
		stream: false,
		options: {
			num_predict: limit,
			// The same for every request to a model: another size makes Ollama load it anew.
			num_ctx: target.context_window,
			temperature: item.temperature ?? preset.temperature,
			stop: item.stop.length > 0 ? item.stop : undefined,
		},
	};
}

export function readOllamaAnswer(chat: OllamaChat, item: ChatItem, target: Target): Answer {
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
