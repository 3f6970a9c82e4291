/** The stack's own dialect: `POST /api/v1/chat` with a `prompt`. */
import type { IDataObject } from 'n8n-workflow';

import type { ChatItem, Failure, Try } from '../chat';
import type { Body } from '../fields';
import { bad, labels, optionalFlag, optionalInteger, optionalLabel, optionalNumber, optionalText, refuseUnknown, textList } from '../fields';
import type { Asked, DialectFormat } from './dialect';
import { checkConversation, MAX_PROMPT_CHARACTERS } from './dialect';

const FIELDS = ['prompt', 'model', 'system', 'max_tokens', 'temperature', 'stop', 'stream', 'user', 'tags', 'privacy'];

function parse(body: Body): Asked {
	refuseUnknown(body, FIELDS);
	if (body.prompt === undefined) throw bad('prompt', 'is required');
	if (typeof body.prompt !== 'string') throw bad('prompt', 'must be a string');
	const messages = [{ role: 'user' as const, content: body.prompt }];
	const system = optionalText(body, 'system', MAX_PROMPT_CHARACTERS);
	checkConversation(messages, system, 'prompt');
	return {
		model: optionalText(body, 'model', 100) || 'auto',
		messages,
		system,
		max_tokens: optionalInteger(body, 'max_tokens', 1, 1_000_000),
		temperature: optionalNumber(body, 'temperature', 0, 2),
		stop: textList(body, 'stop', 4),
		stream: optionalFlag(body, 'stream') ?? false,
		include_usage: false,
		user: optionalLabel(body, 'user'),
		tags: labels(body, 'tags', 20),
		privacy: privacy(body),
	};
}

function privacy(body: Body): 'any' | 'local-only' | undefined {
	const value = body.privacy;
	if (value === undefined || value === null) return undefined;
	if (value !== 'any' && value !== 'local-only') throw bad('privacy', "must be 'any' or 'local-only'");
	return value;
}

function answer(item: ChatItem): IDataObject {
	const { answer: given, route } = item;
	const now = Date.now();
	return {
		request_id: item.request_id,
		model: given?.model,
		backend: given?.backend,
		response: given?.text,
		cost: usd(item.cost),
		routing: {
			complexity: route?.complexity,
			reasoning: route?.reasoning,
			estimated_cost: usd(route?.estimated_cost),
			factors: route?.factors,
		},
		latency_seconds: (now - item.received_at) / 1000,
		cached: given?.backend === 'cache',
		input_tokens: promptTokens(item),
		output_tokens: given?.usage.output_tokens ?? 0,
		stop_reason: given?.stop_reason,
		models_tried: modelsTried(item.tries),
		timestamp: new Date(now).toISOString(),
	};
}

/** An amount as a JSON number; null, never 0, when it is not known. */
export function usd(amount: string | null | undefined): number | null {
	return amount === null || amount === undefined ? null : Number(amount);
}

/** All tokens of the prompt, cached ones included. */
export function promptTokens(item: ChatItem): number {
	const usage = item.answer?.usage;
	if (!usage) return 0;
	return usage.input_tokens + usage.cache_read_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens;
}

function failure({ code, message }: Failure, tries: Try[] = []): IDataObject {
	return { error: { code, message }, ...(tries.length > 0 ? { models_tried: modelsTried(tries) } : {}) };
}

function modelsTried(tries: Try[] = []): IDataObject[] {
	return tries.map(({ model, code }) => ({ model, code }));
}

export const native: DialectFormat = { parse, answer, failure };
